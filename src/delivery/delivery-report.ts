/** What the loop tells: counters for Prometheus, log lines for what an operator wants to know. */
import type { LoggerService } from '@nestjs/common';
import { isDisconnect } from '../persistence/database.js';
import { attempts, attemptSeconds } from '../reporting/metrics.js';
import type { DeliveryReport } from './delivery.loop.js';

/** One line a minute and host for headers that make no sense: a host sends them with every answer. */
const NONSENSE_EVERY = 60_000;

export function deliveryReport(log: LoggerService, beat: () => void): DeliveryReport {
  const lastNonsense = new Map<string, number>();
  return {
    beat,
    claimed: ({ ended }) => {
      if (ended > 0) attempts.inc({ outcome: 'aborted' }, ended);
    },
    recorded({ outcomes, transitions, nonsense, late }) {
      for (const { kind, durationMs } of outcomes) {
        attempts.inc({ outcome: kind });
        attemptSeconds.observe(durationMs / 1000);
      }
      for (const { origin, from, to, until } of transitions) {
        log.warn({
          message: `circuit of ${origin}: ${from} → ${to}`,
          origin,
          from,
          to,
          until: until === null ? null : new Date(until).toISOString(),
        });
      }
      if (late > 0) log.warn({ message: `${late} attempts were recorded after their lease was lost`, late });
      for (const { origin, headers } of nonsense) {
        const now = Date.now();
        if (now - (lastNonsense.get(origin) ?? 0) < NONSENSE_EVERY) continue;
        if (lastNonsense.size > 10_000) lastNonsense.clear();
        lastNonsense.set(origin, now);
        log.warn({ message: `rate headers of ${origin} make no sense and are ignored`, origin, headers });
      }
    },
    deferred: (count) => attempts.inc({ outcome: 'deferred' }, count),
    failed(what, error) {
      if (isDisconnect(error)) log.warn({ message: `${what}: the database is away`, err: error });
      else log.error({ message: `${what} failed`, err: error });
    },
  };
}
