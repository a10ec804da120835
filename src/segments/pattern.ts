/**
 * Regular expressions of filters: RE2 syntax through re2js, which takes time linear in the text whatever the pattern.
 * PostgreSQL's own dialect is close; `toPostgresPattern` translates what means the same in both and refuses the rest.
 */
import { LRUCache } from 'lru-cache';
import { RE2JS } from 're2js';

const MAX_PATTERN = 1000;

type Compiled = { readonly regex: RE2JS } | { readonly problem: string };

const compiled = new LRUCache<string, Compiled>({ max: 2000 });

function compile(pattern: string): Compiled {
  const known = compiled.get(pattern);
  if (known) return known;
  const result = build(pattern);
  compiled.set(pattern, result);
  return result;
}

function build(pattern: string): Compiled {
  if (pattern.length > MAX_PATTERN) return { problem: `a regular expression may have ${MAX_PATTERN} characters` };
  try {
    return { regex: RE2JS.compile(pattern) };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

/** What is wrong with a pattern, or `null`. */
export function patternProblem(pattern: string): string | null {
  const result = compile(pattern);
  return 'problem' in result ? result.problem : null;
}

/** Whether a text has a match anywhere; `null` when the pattern is none. */
export function matchesPattern(pattern: string, text: string): boolean | null {
  const result = compile(pattern);
  return 'problem' in result ? null : result.regex.matcher(text).find();
}

const CLASSES: Readonly<Record<string, string>> = { d: '0-9', w: '0-9A-Za-z_', s: '\\t\\n\\f\\r ' };
const PUNCTUATION = /[!-/:-@[-`{-~]/;
const PLAIN = /[A-Za-z0-9 _\-@,:;=!#%&'"<>/~`]|[\u{80}-\u{10ffff}]/u;
const MAX_REPEAT = 255;

/**
 * The same pattern for PostgreSQL's `~`, or `null` where the two may differ: flags, word boundaries, Unicode classes,
 * escapes other than `\d \w \s` and punctuation, empty alternatives. The pattern must be a valid one.
 */
export function toPostgresPattern(pattern: string): string | null {
  const reader = new PatternReader(pattern);
  const result = reader.alternatives();
  return reader.done ? result : null;
}

class PatternReader {
  private at = 0;
  private readonly chars: readonly string[];

  constructor(pattern: string) {
    this.chars = [...pattern];
  }

  get done(): boolean {
    return this.at === this.chars.length;
  }

  alternatives(): string | null {
    const branches: string[] = [];
    do {
      if (branches.length > 0) this.at++;
      const branch = this.branch();
      if (branch === null || branch === '') return null;
      branches.push(branch);
    } while (this.peek() === '|');
    return branches.join('|');
  }

  private branch(): string | null {
    let result = '';
    while (!this.done && this.peek() !== '|' && this.peek() !== ')') {
      const anchored = this.peek() === '^' || this.peek() === '$';
      const atom = this.atom();
      if (atom === null) return null;
      const repeat = this.repeat();
      if (repeat === null || (anchored && repeat !== '')) return null;
      result += atom + repeat;
    }
    return result;
  }

  private atom(): string | null {
    const char = this.next();
    if (char === '^' || char === '$') return char;
    if (char === '.') return '[^\\n]';
    if (char === '[') return this.set();
    if (char === '(') return this.group();
    if (char === '\\') return this.escape();
    return char !== undefined && PLAIN.test(char) ? char : null;
  }

  private group(): string | null {
    if (this.peek() === '?') {
      this.at++;
      if (this.next() !== ':') return null;
    }
    const inner = this.alternatives();
    return inner === null || this.next() !== ')' ? null : `(?:${inner})`;
  }

  private escape(): string | null {
    const char = this.next();
    if (char === undefined) return null;
    if (Object.hasOwn(CLASSES, char)) return `[${CLASSES[char]}]`;
    if (Object.hasOwn(CLASSES, char.toLowerCase())) return `[^${CLASSES[char.toLowerCase()]}]`;
    if (char === 'n' || char === 't' || char === 'r' || char === 'f') return `\\${char}`;
    return PUNCTUATION.test(char) ? `\\${char}` : null;
  }

  private set(): string | null {
    let result = '[';
    if (this.peek() === '^') result += this.next();
    const start = result.length;
    while (this.peek() !== ']') {
      const char = this.next();
      if (char === undefined) return null;
      if (char === '\\') {
        const escaped = this.next();
        if (escaped === undefined) return null;
        if (Object.hasOwn(CLASSES, escaped)) result += CLASSES[escaped];
        else if ('ntrf'.includes(escaped) || PUNCTUATION.test(escaped)) result += `\\${escaped}`;
        else return null;
        if (this.peek() === '-' && this.chars[this.at + 1] !== ']') return null;
      } else if (/[A-Za-z0-9]/.test(char)) {
        result += char;
        if (this.peek() === '-' && this.chars[this.at + 1] !== ']') {
          this.at++;
          const end = this.next();
          if (end === undefined || !/[A-Za-z0-9]/.test(end) || end < char) return null;
          result += `-${end}`;
        }
      } else if (char === '[' || char === '&' || char === '~') {
        return null;
      } else if (char === '-') {
        if (result.length !== start && this.peek() !== ']') return null;
        result += '\\-';
      } else {
        result += PUNCTUATION.test(char) ? `\\${char}` : char;
        if (this.peek() === '-' && this.chars[this.at + 1] !== ']') return null;
      }
    }
    this.at++;
    return result.length === start ? null : `${result}]`;
  }

  private repeat(): string | null {
    const char = this.peek();
    let result = '';
    if (char === '*' || char === '+' || char === '?') {
      result = char;
      this.at++;
    } else if (char === '{') {
      const match = /^\{(\d{1,4})(?:,(\d{0,4}))?\}/.exec(this.chars.slice(this.at, this.at + 12).join(''));
      if (!match || Number(match[1]) > MAX_REPEAT || Number(match[2] || 0) > MAX_REPEAT) return null;
      result = match[0];
      this.at += result.length;
    } else {
      return '';
    }
    // Whether a repetition is lazy changes what is matched, not whether.
    if (this.peek() === '?') this.at++;
    const next = this.peek();
    return next === '*' || next === '+' || next === '?' || next === '{' ? null : result;
  }

  private peek(): string | undefined {
    return this.chars[this.at];
  }

  private next(): string | undefined {
    return this.chars[this.at++];
  }
}
