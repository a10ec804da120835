/** Deliveries given back unsent, with what they had been granted. They have cost no attempt. */
import type { Transaction } from '../persistence/database.js';
import type { Send } from './claim.js';
import { lockHosts, saveHosts } from './hosts.sql.js';
import { releaseLeases, type LeaseRef } from './leases.sql.js';
import { deferredUntil, refund } from './pacing.js';

export async function release(tx: Transaction, sends: readonly Send[], now: number): Promise<void> {
  if (sends.length === 0) return;
  const released = await releaseLeases(tx, leasesOf(sends));
  const counts = new Map<number, number>();
  for (const { host_id } of released) counts.set(host_id, (counts.get(host_id) ?? 0) + 1);
  const hosts = await lockHosts(tx, [...counts.keys()]);
  await saveHosts(
    tx,
    hosts.map((host) => {
      const state = refund(host.state, counts.get(host.id) ?? 0);
      const deferral = deferredUntil(state, host.settings, now);
      return {
        id: host.id,
        state,
        nextDueAt: deferral ?? now,
        deferredUntil: deferral,
        idle: null,
        warning: host.warning,
      };
    }),
    now,
  );
}

export function leasesOf(sends: readonly Send[]): LeaseRef[] {
  return sends
    .map(({ delivery, token }) => ({ lane: delivery.lane, id: delivery.id, token }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}
