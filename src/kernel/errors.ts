import type { JsonObject } from './json.js';

/**
 * The one exception of the project. `code` is stable and what callers match on; nobody reads `message`.
 * Expected outcomes are values, not exceptions: throw this for bad input at a door, broken infrastructure and bugs.
 */
export class AppError extends Error {
  override readonly name = 'AppError';

  constructor(
    readonly code: string,
    message: string,
    readonly details: JsonObject = {},
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
  }
}

/** Marks a branch that types say cannot be reached. */
export function unreachable(value: never): never {
  throw new AppError('unreachable', `unexpected value ${JSON.stringify(value)}`);
}
