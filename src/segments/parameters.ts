import type { Json } from '../kernel/json.js';

/** The values of a statement under construction: every one becomes `$n`, none ever becomes text of the statement. */
export class Parameters {
  readonly values: unknown[] = [];

  /** `first`: number of the first placeholder, for an expression that is part of a bigger statement. */
  constructor(private readonly first: number) {}

  add(value: unknown, type: 'text' | 'bigint' | 'numeric' | 'smallint' | 'text[]'): string {
    this.values.push(value);
    return `$${this.first + this.values.length - 1}::${type}`;
  }

  json(value: Json): string {
    return `${this.add(JSON.stringify(value), 'text')}::jsonb`;
  }

  jsonList(values: readonly Json[]): string {
    return `${this.add(
      values.map((value) => JSON.stringify(value)),
      'text[]',
    )}::jsonb[]`;
  }

  /** Where things stand, to come back to when what was added since is not used: a statement may have no idle values. */
  mark(): number {
    return this.values.length;
  }

  reset(mark: number): void {
    this.values.length = mark;
  }
}
