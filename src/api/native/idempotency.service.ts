/**
 * Answers of writes by `Idempotency-Key`, kept for a day in the table `idempotency` (housekeeping deletes older ones), so that a client that did not hear
 * the answer can ask again without doing the thing twice. A process that dies in the middle leaves a claim behind, which
 * another request may take over after `ABANDONED_MS`.
 */
import type { Clock } from '../../kernel/clock.js';
import { Database } from '../../persistence/database.js';
import { claimKey, completeKey, releaseKey, type Claim, type IdempotencyKey } from './idempotency.store.js';

export class IdempotencyService {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Whether the caller is the one to do the work (then with the claim, to be completed or released), or what is known of it. */
  async claim(workspace: number, key: string, fingerprint: Buffer): Promise<{ outcome: Claim; held: IdempotencyKey }> {
    const held = { workspace, key, now: this.clock.now() };
    return { outcome: await claimKey(this.database, held, fingerprint), held };
  }

  complete(held: IdempotencyKey, status: number, body: unknown): Promise<void> {
    return completeKey(this.database, held, status, body);
  }

  release(held: IdempotencyKey): Promise<void> {
    return releaseKey(this.database, held);
  }
}
