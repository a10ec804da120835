/**
 * Braze writes attributes as `${name}`, which plain Liquid cannot read. This turns a Braze template into a plain one and
 * remembers where everything came from, so that an error points into the text its author wrote.
 *
 *     {{${first_name}}}                       → {{__profile["first_name"]}}
 *     {{custom_attribute.${plan} | upcase}}   → {{custom_attribute["plan"] | upcase}}
 *     {% if {{${a}}} == 'x' %}                → {% if __profile["a"] == 'x' %}
 *
 * Only code is touched: text, quoted strings and `raw` stay as they are, and the inside of `comment` is dropped.
 */
import { LIMITS } from './limits.js';

export const PROFILE_ROOT = '__profile';

export interface Rewritten {
  readonly text: string;
  /** Offset in the original source of an offset in `text`. */
  originalOffset(offset: number): number;
}

export interface RewriteProblem {
  readonly message: string;
  /** Offset in the original source. */
  readonly offset: number;
}

const TAG_NAME = /^-?\s*(raw|comment)\b/;
const END = { raw: /\{%-?\s*endraw\s*-?%\}/g, comment: /\{%-?\s*endcomment\s*-?%\}/g } as const;

export function rewrite(source: string): Rewritten | RewriteProblem {
  const output = new Output(source);
  let at = 0;
  for (let tags = 1; ; tags++) {
    const open = nextOpening(source, at);
    if (open === -1) break;
    if (tags > LIMITS.tags) return { message: `the template has over ${LIMITS.tags} outputs and tags`, offset: open };
    output.copy(at, open);
    const isTag = source[open + 1] === '%';
    const block = isTag ? TAG_NAME.exec(source.slice(open + 2, open + 40))?.[1] : undefined;
    if (block === 'raw' || block === 'comment') {
      at = copyBlock(output, source, open, block);
      continue;
    }
    const code = copyCode(output, source, open, isTag);
    if (typeof code !== 'number') return code;
    at = code;
  }
  output.copy(at, source.length);
  return output.finish();
}

function nextOpening(source: string, from: number): number {
  for (let at = source.indexOf('{', from); at !== -1; at = source.indexOf('{', at + 1)) {
    const next = source[at + 1];
    if (next === '{' || next === '%') return at;
  }
  return -1;
}

/** Copies a raw block as it is and a comment without its inside. Returns where to go on. */
function copyBlock(output: Output, source: string, open: number, block: 'raw' | 'comment'): number {
  const opened = source.indexOf('%}', open);
  const end = END[block];
  end.lastIndex = opened === -1 ? source.length : opened + 2;
  const closing = opened === -1 ? null : end.exec(source);
  if (!closing) {
    output.copy(open, source.length);
    return source.length;
  }
  if (block === 'raw') output.copy(open, end.lastIndex);
  else {
    output.copy(open, opened + 2);
    output.copy(closing.index, end.lastIndex);
  }
  return end.lastIndex;
}

/** Copies one `{{ … }}` or `{% … %}` with its `${…}` replaced. Returns where to go on. */
function copyCode(output: Output, source: string, open: number, isTag: boolean): number | RewriteProblem {
  const closer = isTag ? '%}' : '}}';
  let at = open + 2;
  output.copy(open, at);
  while (at < source.length) {
    if (source.startsWith(closer, at)) {
      output.copy(at, at + 2);
      return at + 2;
    }
    const char = source[at]!;
    if (char === '"' || char === "'") {
      const end = endOfQuote(source, at, isTag ? source.indexOf('%}', at) : source.length);
      output.copy(at, end);
      at = end;
    } else if (char === '$' && source[at + 1] === '{') {
      const end = replaceName(output, source, at, at, PROFILE_ROOT);
      if (typeof end !== 'number') return end;
      at = end;
    } else if (char === '.' && source.startsWith('${', at + 1)) {
      const end = replaceName(output, source, at, at + 1, '');
      if (typeof end !== 'number') return end;
      at = end;
    } else if (isTag && (source.startsWith('{{', at) || source.startsWith('}}', at))) {
      at += 2;
    } else {
      output.copy(at, at + 1);
      at++;
    }
  }
  return at;
}

/** A tag ends at its first `%}`, quoted or not, so a quote may not reach beyond it. */
function endOfQuote(source: string, at: number, limit: number): number {
  const bound = limit === -1 ? source.length : limit;
  for (let end = at + 1; end < bound; end++) {
    if (source[end] === '\\') end++;
    else if (source[end] === source[at]) return end + 1;
  }
  return bound;
}

/** Replaces `${name}` (at `dollar`; `from` is where the replaced text starts) by `root["name"]`. */
function replaceName(
  output: Output,
  source: string,
  from: number,
  dollar: number,
  root: string,
): number | RewriteProblem {
  const close = source.indexOf('}', dollar);
  if (close === -1) return { message: '"${" is not closed', offset: dollar };
  const name = source.slice(dollar + 2, close).trim();
  if (name === '') return { message: '"${}" has no name', offset: dollar };
  if (/[{|]|%\}/.test(name)) {
    return {
      message: `"${name}" is no attribute name: filters go behind the brace, as in \${name} | default: 'x'`,
      offset: dollar,
    };
  }
  output.replace(from, `${root}["${name.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"]`);
  return close + 1;
}

/** The text under construction: runs of copied source, kept as (offset in text, offset in source, copied or replaced). */
class Output {
  private text = '';
  private readonly starts: number[] = [];
  private readonly origins: number[] = [];
  private readonly copied: boolean[] = [];
  private runEnd = -1;

  constructor(private readonly source: string) {}

  copy(from: number, to: number): void {
    if (from >= to) return;
    if (this.runEnd !== from) this.mark(from, true);
    this.text += this.source.slice(from, to);
    this.runEnd = to;
  }

  replace(from: number, text: string): void {
    this.mark(from, false);
    this.text += text;
    this.runEnd = -1;
  }

  finish(): Rewritten {
    const { text, starts, origins, copied } = this;
    return {
      text,
      originalOffset: (offset) => {
        let low = 0;
        let high = starts.length - 1;
        while (low < high) {
          const middle = (low + high + 1) >> 1;
          if (starts[middle]! <= offset) low = middle;
          else high = middle - 1;
        }
        if (starts.length === 0) return 0;
        return origins[low]! + (copied[low]! ? Math.max(0, offset - starts[low]!) : 0);
      },
    };
  }

  private mark(origin: number, copied: boolean): void {
    this.starts.push(this.text.length);
    this.origins.push(origin);
    this.copied.push(copied);
  }
}
