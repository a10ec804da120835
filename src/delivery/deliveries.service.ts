/**
 * What operators see of deliveries and do to them: list, show with every attempt, retry one or many, cancel. Secrets are
 * masked in all that is shown. Acts are audited in their own transaction.
 */
import type { Catalog, JourneyCatalog } from '../journeys/catalog.js';
import type { Clock } from '../kernel/clock.js';
import { AppError } from '../kernel/errors.js';
import { idFloor, isId, laneOfId } from '../kernel/ids.js';
import type { Database } from '../persistence/database.js';
import { identityKey, type Identity } from '../profiles/identity.js';
import { resolveIdentities } from '../profiles/profiles.reader.js';
import { audit } from './audit.store.js';
import {
  listAttempts,
  listDeliveries,
  showDelivery,
  toDeliveryOut,
  type AttemptLogRow,
  type DeliveryDetailRow,
  type DeliveryOut,
  type DeliveryQuery,
  type DeliveryStatus,
} from './deliveries.reader.js';
import { cancelDelivery, lockDelivery, lockEnded, retryDeliveries, type LockedDelivery } from './deliveries.store.js';
import { notifyWorkers, wakeHosts } from './hosts.sql.js';
import { findHostId } from './hosts.reader.js';
import { maskHeaders, maskUrl, withAddedHeaders } from './request-headers.js';
import { insertSignals } from './signals.sql.js';

/** Filters of `GET /api/deliveries`. */
export interface DeliveryFilter {
  /** Key or id. */
  readonly journey?: string | undefined;
  readonly step?: string | undefined;
  /** Origin. */
  readonly host?: string | undefined;
  readonly status?: DeliveryStatus | undefined;
  readonly external_id?: string | undefined;
  readonly entry_id?: string | undefined;
  /** Creation time, inclusive. */
  readonly from?: Date | undefined;
  /** Exclusive. */
  readonly to?: Date | undefined;
}

export interface DeliveryDetailOut extends DeliveryOut {
  /** `null`: not rendered. */
  readonly request: {
    readonly method: string;
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string | null;
  } | null;
  readonly attempt_log: readonly {
    readonly number: number;
    readonly at: string;
    readonly duration_ms: number;
    readonly status: number | null;
    readonly error: string | null;
    readonly response: { readonly headers: Readonly<Record<string, string>>; readonly body: string | null } | null;
  }[];
}

const ENDED: readonly DeliveryStatus[] = ['delivered', 'failed', 'aborted', 'expired', 'cancelled'];
/** What `retryMany` takes when no status is asked for: what went wrong, not what somebody stopped. */
const WENT_WRONG: readonly DeliveryStatus[] = ['failed', 'aborted', 'expired'];
const CHUNK = 5000;

export class DeliveriesService {
  constructor(
    private readonly database: Database,
    private readonly journeys: JourneyCatalog,
    private readonly clock: Clock,
    private readonly userAgent: string,
  ) {}

  /** Newest first. Errors: `cursor_invalid`, `journey_unknown`. */
  async list(
    workspace: number,
    filter: DeliveryFilter,
    page: { cursor: string | null; limit: number },
  ): Promise<{ items: DeliveryOut[]; next_cursor: string | null }> {
    if (page.cursor !== null && !isId(page.cursor))
      throw new AppError('cursor_invalid', 'not a cursor of this list', { parameter: 'cursor' });
    const query = await this.resolve(workspace, filter);
    if (!query) return { items: [], next_cursor: null };
    const rows = await listDeliveries(this.database, workspace, query, {
      before: page.cursor,
      limit: page.limit + 1,
      now: this.clock.now(),
    });
    const shown = rows.slice(0, page.limit);
    return {
      items: shown.map((row) => toDeliveryOut(row, maskUrl)),
      next_cursor: rows.length > page.limit ? shown.at(-1)!.id : null,
    };
  }

  /** Errors: `delivery_unknown`. */
  async show(workspace: number, id: string): Promise<DeliveryDetailOut> {
    const lane = laneOfId(id);
    const row = await showDelivery(this.database, workspace, lane, id, this.clock.now());
    if (!row) throw unknown(id);
    return this.toDetail(row, await listAttempts(this.database, lane, id));
  }

  /**
   * Sends one again: same id, same bytes, a fresh budget. One that waits for its next attempt is tried at once.
   * Errors: `delivery_unknown`, `delivery_state` (under way; or it never had a host).
   */
  async retry(workspace: number, id: string, actor = 'api'): Promise<DeliveryDetailOut> {
    const lane = laneOfId(id);
    const now = this.clock.now();
    await this.database.transaction(async (tx) => {
      const delivery = await lockDelivery(tx, workspace, lane, id);
      if (!delivery) throw unknown(id);
      if (delivery.status === 'sending') throw state(id, delivery, 'is being sent');
      if (delivery.host_id === null) throw state(id, delivery, 'has no URL to be sent to');
      await retryDeliveries(tx, [{ lane, id }], now, 0);
      await this.wake(tx, [delivery.host_id], now);
      await audit(
        tx,
        { workspace, actor, action: 'delivery.retry', subject: id, details: { was: delivery.status } },
        now,
      );
    });
    return this.show(workspace, id);
  }

  /**
   * Sends many again, oldest first. `rate`: how many fall due a second; without it, all at once, and the host's own limits
   * rule. Without a status in the filter: failed, aborted and expired ones. Errors: `journey_unknown`.
   */
  async retryMany(
    workspace: number,
    filter: DeliveryFilter,
    options: { rate?: number | undefined } = {},
    actor = 'api',
  ): Promise<{ retried: number }> {
    const { status, ...rest } = filter;
    const query = await this.resolve(workspace, rest);
    if (!query) return { retried: 0 };
    const now = this.clock.now();
    const spacing = options.rate ? 1000 / options.rate : 0;
    const statuses = status === undefined ? WENT_WRONG : ENDED.filter((ended) => ended === status);
    let retried = 0;
    // In chunks, so that no transaction holds a million rows; what is retried is not ended any more, so none comes twice.
    for (let after: string | null = null; ;) {
      const chunk: { lane: number; id: string; host_id: number }[] = await this.database.transaction(async (tx) => {
        const found = await lockEnded(tx, workspace, query, statuses, { after, limit: CHUNK, now });
        await retryDeliveries(tx, found, now + retried * spacing, spacing);
        await this.wake(
          tx,
          found.map(({ host_id }) => host_id),
          now,
        );
        return found;
      });
      retried += chunk.length;
      if (chunk.length < CHUNK) break;
      after = chunk.at(-1)!.id;
    }
    await this.database.transaction((tx) =>
      audit(
        tx,
        {
          workspace,
          actor,
          action: 'delivery.retry_many',
          subject: 'deliveries',
          details: { retried, rate: options.rate ?? null },
        },
        now,
      ),
    );
    return { retried };
  }

  /** Ends one that is neither over nor under way; its entry is told. Errors: `delivery_unknown`, `delivery_state`. */
  async cancel(workspace: number, id: string, actor = 'api'): Promise<DeliveryDetailOut> {
    const lane = laneOfId(id);
    const now = this.clock.now();
    await this.database.transaction(async (tx) => {
      const delivery = await lockDelivery(tx, workspace, lane, id);
      if (!delivery) throw unknown(id);
      if (delivery.status === 'sending') throw state(id, delivery, 'is being sent');
      if (ENDED.includes(delivery.status)) throw state(id, delivery, `is ${delivery.status} already`);
      await cancelDelivery(tx, lane, id, now);
      await insertSignals(
        tx,
        [
          {
            lane,
            entryId: delivery.entry_id,
            signal: {
              type: 'delivery',
              visit: delivery.visit,
              deliveryId: id,
              outcome: 'cancelled',
              reason: 'cancelled',
              status: null,
              captured: {},
            },
          },
        ],
        now,
      );
      await audit(tx, { workspace, actor, action: 'delivery.cancel', subject: id }, now);
    });
    return this.show(workspace, id);
  }

  private async wake(tx: Parameters<typeof wakeHosts>[0], hosts: readonly number[], now: number): Promise<void> {
    await wakeHosts(tx, hosts, now);
    await notifyWorkers(tx);
  }

  /** Names → ids; `null`: something is named that nothing can belong to. */
  private async resolve(workspace: number, filter: DeliveryFilter): Promise<DeliveryQuery | null> {
    let journeyId: string | undefined;
    if (filter.journey !== undefined) {
      const catalog: Catalog = await this.journeys.current(this.database);
      const journey = catalog.journeyByKey(workspace, filter.journey);
      if (!journey)
        throw new AppError('journey_unknown', `there is no journey ${filter.journey}`, { journey: filter.journey });
      journeyId = journey.id;
    }
    let hostId: number | undefined;
    if (filter.host !== undefined) {
      hostId = await findHostId(this.database, workspace, filter.host);
      if (hostId === undefined) return null;
    }
    let profile: DeliveryQuery['profile'];
    if (filter.external_id !== undefined) {
      const identity: Identity = { kind: 'external_id', value: filter.external_id };
      profile = (await resolveIdentities(this.database, workspace, [identity])).get(identityKey(identity));
      if (!profile) return null;
    }
    return {
      journeyId,
      hostId,
      profile,
      step: filter.step,
      status: filter.status,
      entry: filter.entry_id === undefined ? undefined : { lane: laneOfId(filter.entry_id), id: filter.entry_id },
      fromId: filter.from && idFloor(filter.from.getTime()),
      toId: filter.to && idFloor(filter.to.getTime()),
    };
  }

  private toDetail(row: DeliveryDetailRow, attempts: readonly AttemptLogRow[]): DeliveryDetailOut {
    const last = attempts.at(-1);
    const headers = withAddedHeaders(row.headers ?? {}, {
      deliveryId: row.id,
      timestamp: last ? Math.floor(last.at.getTime() / 1000) : null,
      depth: 0,
      userAgent: this.userAgent,
    });
    return {
      ...toDeliveryOut(row, maskUrl),
      request:
        row.method === null || row.url === null
          ? null
          : {
              method: row.method,
              url: maskUrl(row.url),
              headers: maskHeaders(headers),
              body: row.body?.toString('utf8') ?? null,
            },
      attempt_log: attempts.map((attempt) => ({
        number: attempt.number,
        at: attempt.at.toISOString(),
        duration_ms: attempt.duration_ms,
        status: attempt.status,
        error: attempt.error,
        response:
          attempt.response_headers === null
            ? null
            : { headers: maskHeaders(attempt.response_headers), body: attempt.response_body },
      })),
    };
  }
}

function unknown(id: string): AppError {
  return new AppError('delivery_unknown', `there is no delivery ${id}`, { id });
}

function state(id: string, { status }: LockedDelivery, what: string): AppError {
  return new AppError('delivery_state', `delivery ${id} ${what}`, { id, status });
}
