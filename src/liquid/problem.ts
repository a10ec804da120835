import type { LiquidError } from 'liquidjs';
import type { Rewritten } from './rewrite.js';

/** What is wrong with a template, and where in the text its author wrote. Line and column count from 1. */
export interface LiquidProblem {
  readonly message: string;
  readonly line: number;
  readonly column: number;
  /** The line at fault. */
  readonly excerpt: string;
}

const EXCERPT = 160;

export function problemAt(source: string, offset: number, message: string): LiquidProblem {
  const at = Math.min(Math.max(offset, 0), source.length);
  const start = source.lastIndexOf('\n', at - 1) + 1;
  const end = source.indexOf('\n', at);
  const line = source.slice(0, at).split('\n').length;
  const column = at - start + 1;
  const whole = source.slice(start, end === -1 ? source.length : end).replace(/\r$/, '');
  const from = whole.length > EXCERPT ? Math.max(0, Math.min(column - 1 - EXCERPT / 2, whole.length - EXCERPT)) : 0;
  return { message, line, column, excerpt: whole.slice(from, from + EXCERPT) };
}

/** The problem behind an error of liquidjs. Its own positions are those of the rewritten text. */
export function problemOf(error: unknown, source: string, rewritten: Rewritten): LiquidProblem {
  const message = messageOf(error);
  const token = tokenOf(error);
  const offset = token?.input === rewritten.text ? rewritten.originalOffset(token.begin) : 0;
  return problemAt(source, offset, message);
}

/** The error at the bottom of what liquidjs wrapped around it. */
export function causeOf(error: unknown): unknown {
  let cause = error;
  while (isWrapped(cause)) cause = cause.originalError;
  return cause;
}

export function messageOf(error: unknown): string {
  const cause = causeOf(error);
  if (cause instanceof RangeError && /call stack/i.test(cause.message)) return 'the template is nested too deeply';
  const text = cause instanceof Error ? cause.message : String(cause);
  return text
    .replace(/(, file:[^,]*)?, line:\d+, col:\d+$/, '')
    .replaceAll('__profile["', '${')
    .replaceAll('"]', '}');
}

function tokenOf(error: unknown): LiquidError['token'] | undefined {
  return typeof error === 'object' && error !== null && 'token' in error
    ? (error.token as LiquidError['token'])
    : undefined;
}

function isWrapped(error: unknown): error is { originalError: unknown } {
  return typeof error === 'object' && error !== null && 'originalError' in error && error.originalError !== undefined;
}
