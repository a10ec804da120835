/** The rooms below the doors, on a database of their own and a clock that stands still: for tests of the engine. */
import { DataSource } from 'typeorm';
import { EntriesService } from '../../src/engine/entries.service.js';
import { Reactions } from '../../src/engine/reactions.js';
import { ScheduledEntry } from '../../src/engine/scheduled-entry.js';
import { Tick } from '../../src/engine/tick.js';
import type { Signal } from '../../src/journey/decision.js';
import { JourneyCatalog } from '../../src/journeys/catalog.js';
import { JourneyDraftsService } from '../../src/journeys/drafts.service.js';
import { JourneyLifecycleService } from '../../src/journeys/lifecycle.service.js';
import type { JsonObject } from '../../src/kernel/json.js';
import { VirtualClock } from '../../src/kernel/clock.js';
import { newId } from '../../src/kernel/ids.js';
import { createDataSource } from '../../src/persistence/data-source.js';
import type { Database } from '../../src/persistence/database.js';
import { ingest } from '../../src/profiles/ingest.js';
import type { Identity } from '../../src/profiles/identity.js';
import { openTestDatabase } from './database.js';

export const WORKSPACE = 1;

export interface Told {
  readonly external_id: string;
  readonly attributes?: JsonObject;
  readonly event?: string;
  readonly properties?: JsonObject;
  /** Epoch milliseconds; now when missing. */
  readonly at?: number;
}

export interface DeliveryRow {
  readonly id: string;
  readonly lane: number;
  readonly entry_id: string;
  readonly step: string;
  readonly visit: number;
  readonly status: string;
  readonly reason: string | null;
}

export class World {
  readonly clock: VirtualClock;
  readonly catalog = new JourneyCatalog();
  readonly reactions = new Reactions(this.catalog);
  readonly tick: Tick;
  readonly entries: EntriesService;
  readonly scheduled: ScheduledEntry;
  readonly lifecycle: JourneyLifecycleService;
  private readonly drafts: JourneyDraftsService;

  private constructor(
    readonly database: Database,
    private readonly source: DataSource,
    private readonly end: () => Promise<void>,
    now: number,
  ) {
    this.clock = new VirtualClock(now);
    this.tick = new Tick(database, this.catalog, this.reactions);
    this.entries = new EntriesService(database, this.catalog, this.clock);
    this.scheduled = new ScheduledEntry(database, this.catalog, this.clock);
    this.lifecycle = new JourneyLifecycleService(source, this.clock);
    this.drafts = new JourneyDraftsService(source, this.clock);
  }

  static async open(now = Date.parse('2026-12-01T12:00:00Z')): Promise<World> {
    const test = await openTestDatabase();
    await test.database.query(
      `insert into workspace (id, name) overriding system value values (1, 'test') on conflict do nothing`,
    );
    const source = await createDataSource(test.options).initialize();
    return new World(test.database, source, () => test.close(), now);
  }

  async close(): Promise<void> {
    await this.source.destroy();
    await this.end();
  }

  async launch(definition: { key: string } & JsonObject): Promise<string> {
    const { id } = await this.drafts.create(WORKSPACE, { value: definition, text: JSON.stringify(definition) }, 'test');
    await this.lifecycle.launch(WORKSPACE, id, {}, 'test');
    return id;
  }

  /** As one `/users/track` request. */
  async tell(...told: readonly Told[]): Promise<void> {
    const identity = (external_id: string): Identity => ({ kind: 'external_id', value: external_id });
    const request = {
      attributes: told.flatMap(({ external_id, attributes }, index) =>
        attributes ? [{ index, identity: identity(external_id), mayCreate: true, attributes }] : [],
      ),
      events: told.flatMap(({ external_id, event, properties = {}, at }, index) =>
        event === undefined
          ? []
          : [
              {
                index,
                identity: identity(external_id),
                mayCreate: true,
                name: event,
                at: at ?? this.clock.now(),
                properties,
              },
            ],
      ),
      purchases: [],
    };
    await this.database.transaction((tx) => ingest(tx, WORKSPACE, [request], this.reactions, this.clock.now()));
  }

  async enter(journey: string, externalId: string, context: JsonObject = {}): Promise<string> {
    const { results } = await this.entries.enter(WORKSPACE, journey, [{ external_id: externalId, context }]);
    const [result] = results;
    if (!result?.entered) throw new Error(`${externalId} did not enter ${journey}: ${result?.reason}`);
    return result.entry_id;
  }

  /** Ticks until nothing is due. Returns how many entries were advanced, counting each time. */
  async settle(): Promise<number> {
    let advanced = 0;
    for (;;) {
      const result = await this.tick.run(this.clock.now(), 1000);
      if (result.advanced === 0) return advanced;
      advanced += result.advanced;
    }
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await this.settle();
  }

  deliveries(): Promise<DeliveryRow[]> {
    return this.database.query<DeliveryRow>(
      'select id, lane, entry_id, step, visit, status, reason from delivery order by created_at, id',
    );
  }

  /** Says, as the delivery room would, what became of every delivery that is due. */
  async answer(outcome: Extract<Signal, { type: 'delivery' }>['outcome'], captured: JsonObject = {}): Promise<void> {
    const now = this.clock.now();
    const due = (await this.deliveries()).filter(({ status }) => status === 'due');
    await this.database.transaction(async (tx) => {
      for (const { id, lane, entry_id, visit } of due) {
        const signal: Signal = {
          type: 'delivery',
          visit,
          deliveryId: id,
          outcome,
          reason: null,
          status: 200,
          captured,
        };
        await tx.query(
          'update delivery set status = $3, attempts = 1, due_at = null, finished_at = now() where lane = $1 and id = $2',
          [lane, id, outcome === 'attempted' ? 'retry' : outcome],
        );
        await tx.query('insert into signal (lane, entry_id, id, body) values ($1, $2, $3, $4)', [
          lane,
          entry_id,
          newId(lane, now),
          JSON.stringify(signal),
        ]);
      }
    });
    await this.settle();
  }

  show(entryId: string): ReturnType<EntriesService['show']> {
    return this.entries.show(WORKSPACE, entryId);
  }

  /** `step:path` for every way the entry took. */
  async path(entryId: string): Promise<string[]> {
    const { timeline } = await this.show(entryId);
    return timeline.filter(({ what }) => what === 'went').map(({ step, path }) => `${step}:${path}`);
  }
}

export const HOUR = 3_600_000;
export const DAY = 86_400_000;

/** A journey entered through the API, with re-entry at once unless `more` says otherwise. */
export function apiJourney(key: string, steps: JsonObject, more: JsonObject = {}): { key: string } & JsonObject {
  return {
    schema: 1,
    key,
    name: key,
    entry: { trigger: { type: 'api' }, reentry: { after: 'PT0S' } },
    start: Object.keys(steps)[0]!,
    steps,
    ...more,
  };
}
