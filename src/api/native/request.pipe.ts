import type { ArgumentMetadata, PipeTransform } from '@nestjs/common';
import type { z } from 'zod';
import type { Issue } from '../../journey/decision.js';
import { fromSchema } from '../../journey/issues.js';
import { AppError } from '../../kernel/errors.js';
import { parsePointer, toPointer } from '../../kernel/pointer.js';
import { findUnstorable } from './storable.js';

/** A bad value and where it stood in the request: a JSON Pointer into the body, or the name of a parameter. */
export interface RequestIssue extends Record<string, string> {
  readonly code: string;
  readonly message: string;
}

/**
 * Checks a request against the schema its handler declares (`@Body({ schema })`, `@Query({ schema })`, `@Param(name, { schema })`)
 * and hands on what the schema makes of it. Unknown keys and parameters are refused. An absent body counts as `{}`.
 * Errors: `request_invalid` with every issue: `{ path | parameter, code, message }`.
 */
export class RequestPipe implements PipeTransform {
  async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    if (metadata.type === 'custom') return value;
    const input = metadata.type === 'body' && (value === undefined || value === null) ? {} : value;
    const unstorable = findUnstorable(input);
    if (unstorable)
      throw refuse([issueOf({ ...unstorable, path: toPointer(unstorable.path), level: 'error' }, metadata)]);
    if (!metadata.schema) return input;
    const result = await metadata.schema['~standard'].validate(input);
    if (!result.issues) return result.value;
    throw refuse(
      fromSchema(result.issues as readonly z.core.$ZodIssue[], input).map((issue) => issueOf(issue, metadata)),
    );
  }
}

function refuse(issues: readonly RequestIssue[]): AppError {
  const [first] = issues;
  const where = first?.['path'] ?? first?.['parameter'] ?? '';
  const rest = issues.length > 1 ? ` (and ${issues.length - 1} more)` : '';
  return new AppError('request_invalid', `${where === '' ? 'the body' : where}: ${first?.message ?? ''}${rest}`, {
    issues,
  });
}

function issueOf(issue: Issue, metadata: ArgumentMetadata): RequestIssue {
  const { path, code, message } = issue;
  if (metadata.type === 'body') return { path, code, message };
  const parameter = metadata.data ?? parsePointer(path)?.[0] ?? '';
  return {
    parameter,
    code: code === 'unknown_key' ? 'unknown_parameter' : code,
    message: message.replace('unknown key', 'unknown parameter'),
  };
}
