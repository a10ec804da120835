import type { Emitter } from 'liquidjs';

/** What one template may cost. A template over a limit is refused or its render ends as an error; nothing is cut off. */
export const LIMITS = {
  /** Characters of a template: that of a whole journey document. */
  source: 256 * 1024,
  /** Outputs and tags of a template: liquidjs' parser is quadratic in them. */
  tags: 10_000,
  /** Characters a render may put out. */
  output: 1024 * 1024,
  /** Characters and items a render may allocate on its way. */
  memory: 1_000_000,
  /** Milliseconds a render may take. It is synchronous, so this is how long it can hold up everything else. */
  renderMs: 200,
} as const;

/** Collects a render's output up to the limit. An object prints as its JSON. */
export class CappedEmitter implements Emitter {
  buffer = '';

  write(value: unknown): void {
    if (typeof value === 'string') this.add(value);
    else if (value === null || value === undefined) return;
    else if (Array.isArray(value)) for (const item of value) this.write(item);
    else if (typeof value === 'number' || typeof value === 'boolean') this.add(String(value));
    else this.add(JSON.stringify(value) ?? '');
  }

  private add(text: string): void {
    if (this.buffer.length + text.length > LIMITS.output) throw new Error(`output is over ${LIMITS.output} characters`);
    this.buffer += text;
  }
}
