/**
 * The catalog: every journey with its compiled versions, in memory, exact by revision. Each life-cycle change bumps
 * `journey_revision` in its own transaction; whoever works with the catalog asks for `current(tx)` inside the transaction
 * it works in, which costs one tiny query and reloads only when the number has moved. So a launch or a stop holds for
 * every transaction that begins after it, in every process, without messages between processes.
 *
 * Versions are immutable, so their compiled form is kept for good (bounded); only the small journey rows are read again.
 */
import { Injectable, Logger } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { compile, type CompiledJourney } from '../journey/compile.js';
import type { Definition } from '../journey/definition.js';
import type { Trigger } from '../journey/trigger.js';
import { AppError } from '../kernel/errors.js';
import type { Sql } from '../persistence/database.js';
import {
  readDefinition,
  readJourneys,
  readLaunched,
  readRevision,
  readWorkspaces,
  type JourneyRow,
} from './catalog.store.js';

const COMPILED_VERSIONS = 2_000;

export interface JourneyInfo {
  readonly id: string;
  readonly workspace: number;
  readonly key: string;
  readonly name: string;
  readonly status: 'draft' | 'active' | 'stopped' | 'archived';
  readonly liveVersion: number | null;
  /** When it was stopped; epoch milliseconds, `to` = null: still. */
  readonly stops: readonly { readonly from: number; readonly to: number | null }[];
}

/** A live journey that a topic can let a profile into. */
export interface EntryListener {
  readonly journey: JourneyInfo;
  readonly version: number;
  readonly compiled: CompiledJourney;
  readonly trigger: Trigger;
}

interface WorkspaceIndex {
  readonly timeZone: string;
  readonly byKey: Map<string, JourneyInfo>;
  readonly entry: Map<string, EntryListener[]>;
  /** Topics that active entries may wait for or leave by. */
  readonly waits: Set<string>;
}

export class Catalog {
  constructor(
    readonly revision: string,
    private readonly journeys: ReadonlyMap<string, JourneyInfo>,
    private readonly workspaces: ReadonlyMap<number, WorkspaceIndex>,
  ) {}

  journey(id: string): JourneyInfo | undefined {
    return this.journeys.get(id);
  }

  journeyByKey(workspace: number, keyOrId: string): JourneyInfo | undefined {
    const byKey = this.workspaces.get(workspace)?.byKey.get(keyOrId);
    if (byKey) return byKey;
    const byId = this.journeys.get(keyOrId);
    return byId?.workspace === workspace ? byId : undefined;
  }

  /** IANA zone of the workspace: what `"company"` means. */
  timeZone(workspace: number): string {
    return this.workspaces.get(workspace)?.timeZone ?? 'UTC';
  }

  entryListeners(workspace: number, topic: string): readonly EntryListener[] {
    return this.workspaces.get(workspace)?.entry.get(topic) ?? [];
  }

  isWaitedFor(workspace: number, topic: string): boolean {
    return this.workspaces.get(workspace)?.waits.has(topic) ?? false;
  }

  /** Everything anything listens to: ingest need not lock a profile for a topic that is not in here. */
  topics(workspace: number): ReadonlySet<string> {
    const index = this.workspaces.get(workspace);
    return new Set([...(index?.entry.keys() ?? []), ...(index?.waits ?? [])]);
  }
}

@Injectable()
export class JourneyCatalog {
  private readonly logger = new Logger('Catalog');
  private readonly compiled = new LRUCache<string, CompiledJourney>({ max: COMPILED_VERSIONS });
  /** Of every launched version ever compiled here: small, and must outlive the compiled form's place in the cache. */
  private readonly waitTopics = new Map<string, readonly string[]>();
  private loaded: Catalog | undefined;

  /** The catalog as of this transaction. */
  async current(sql: Sql): Promise<Catalog> {
    const revision = await readRevision(sql);
    if (this.loaded?.revision === revision) return this.loaded;
    const catalog = await this.load(sql, revision);
    // Two loads may overlap; the newer revision stays.
    if (!this.loaded || BigInt(this.loaded.revision) < BigInt(revision)) this.loaded = catalog;
    return catalog;
  }

  /** A compiled version: of the live one or of any that entries are still in. */
  async version(sql: Sql, journeyId: string, version: number): Promise<CompiledJourney> {
    const key = `${journeyId}:${version}`;
    const known = this.compiled.get(key);
    if (known) return known;
    const definition = await readDefinition(sql, journeyId, version);
    if (definition === undefined) {
      throw new AppError('version_unknown', `journey ${journeyId} has no version ${version}`, { journeyId, version });
    }
    return this.keep(key, definition);
  }

  /** The same, `null` for a version that does not compile. */
  async usable(sql: Sql, journeyId: string, version: number): Promise<CompiledJourney | null> {
    try {
      return await this.version(sql, journeyId, version);
    } catch (error) {
      if (error instanceof AppError && error.code === 'version_broken') return null;
      throw error;
    }
  }

  /** The same without I/O, for code that runs between loading and writing. */
  versionInMemory(journeyId: string, version: number): CompiledJourney | undefined {
    return this.compiled.get(`${journeyId}:${version}`);
  }

  private keep(key: string, definition: string): CompiledJourney {
    const compiled = compileStored(key, definition);
    this.compiled.set(key, compiled);
    this.waitTopics.set(key, compiled.waitTopics);
    return compiled;
  }

  /** One version that does not compile (any more) must not keep everybody from the others. */
  private keepOrLog(key: string, definition: string): void {
    try {
      this.keep(key, definition);
    } catch (error) {
      this.logger.error({
        msg: 'a launched version does not compile; nobody enters it, its entries are errored',
        version: key,
        err: error,
      });
      this.waitTopics.set(key, []);
    }
  }

  private async load(sql: Sql, revision: string): Promise<Catalog> {
    const rows = await readJourneys(sql);
    const journeys = new Map(rows.map((row) => [row.id, toInfo(row)]));
    for (const row of await readLaunched(sql, [...this.waitTopics.keys()])) {
      this.keepOrLog(`${row.journey_id}:${row.version}`, row.definition);
    }
    const workspaces = new Map<number, WorkspaceIndex>();
    for (const { id, timezone } of await readWorkspaces(sql)) {
      workspaces.set(id, { timeZone: timezone, byKey: new Map(), entry: new Map(), waits: new Set() });
    }
    for (const journey of journeys.values()) {
      const index = workspaces.get(journey.workspace);
      if (!index) continue;
      index.byKey.set(journey.key, journey);
      if (journey.status === 'active') await this.indexEntry(sql, index, journey);
    }
    for (const [key, topics] of this.waitTopics) {
      const journey = journeys.get(key.slice(0, key.indexOf(':')));
      if (!journey || (journey.status !== 'active' && journey.status !== 'stopped')) continue;
      const waits = workspaces.get(journey.workspace)?.waits;
      if (waits) for (const topic of topics) waits.add(topic);
    }
    return new Catalog(revision, journeys, workspaces);
  }

  private async indexEntry(sql: Sql, index: WorkspaceIndex, journey: JourneyInfo): Promise<void> {
    if (journey.liveVersion === null) return;
    const compiled = await this.usable(sql, journey.id, journey.liveVersion);
    if (!compiled) return;
    for (const { topic, trigger } of compiled.entryTopics) {
      const listeners = index.entry.get(topic) ?? [];
      listeners.push({ journey, version: journey.liveVersion, compiled, trigger });
      index.entry.set(topic, listeners);
    }
  }
}

/** Throws `version_broken`: what was stored once is not a definition that this build can run. */
function compileStored(key: string, definition: string): CompiledJourney {
  try {
    return compile(JSON.parse(definition) as Definition);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new AppError('version_broken', `version ${key} does not compile: ${why}`, { version: key }, error);
  }
}

function toInfo(row: JourneyRow): JourneyInfo {
  return {
    id: row.id,
    workspace: row.workspace,
    key: row.key,
    name: row.name,
    status: row.status,
    liveVersion: row.live_version,
    stops: row.stops,
  };
}
