/** Entries for the doors: let profiles in, look at entries, take them out, take them up again. */
import { Inject, Injectable } from '@nestjs/common';
import { JourneyCatalog, type Catalog, type JourneyInfo } from '../journeys/catalog.js';
import type { Clock } from '../kernel/clock.js';
import { AppError } from '../kernel/errors.js';
import { isId, laneOfId } from '../kernel/ids.js';
import type { JsonObject } from '../kernel/json.js';
import { Database } from '../persistence/database.js';
import { CLOCK } from '../persistence/persistence.module.js';
import { identityKey, type Identity } from '../profiles/identity.js';
import { createProfiles } from '../profiles/profiles.store.js';
import { readProfiles, resolveIdentities } from '../profiles/profiles.reader.js';
import { listEntries, showEntry, type EntryView } from '../reporting/entries.reader.js';
import { enterAll, type EntryRequest } from './entry-gate.js';
import { askToEnter } from './entry-rules.js';
import { resumeErrored, signalOpen } from './entries.store.js';
import { loadSubjects } from './subjects.js';

export interface Recipient {
  readonly external_id?: string;
  readonly user_alias?: { readonly alias_name: string; readonly alias_label: string };
  readonly braze_id?: string;
  readonly context?: JsonObject;
}

export type EnterResult = { readonly external_id: string | null } & (
  { readonly entered: true; readonly entry_id: string } | { readonly entered: false; readonly reason: string }
);

export interface EntryQuery {
  readonly journey?: string;
  readonly status?: string;
  readonly step?: string;
  readonly external_id?: string;
  readonly version?: number;
  readonly from?: Date;
  readonly to?: Date;
}

export interface Page {
  readonly cursor: string | null;
  readonly limit: number;
}

export interface Paged<T> {
  readonly items: T[];
  readonly next_cursor: string | null;
}

@Injectable()
export class EntriesService {
  constructor(
    private readonly database: Database,
    private readonly catalog: JourneyCatalog,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Asks for an entry of each recipient; answers in their order. A profile that does not exist is refused
   * (`unknown_profile`) unless `createMissing`. Throws `journey_unknown`, `journey_not_api_triggered`.
   */
  async enter(
    workspace: number,
    journeyKey: string,
    recipients: readonly Recipient[],
    options: { readonly createMissing?: boolean } = {},
  ): Promise<{ results: EnterResult[] }> {
    const identities = recipients.map(toIdentity);
    const now = this.clock.now();
    const answers = await this.database.transaction(async (tx) => {
      const catalog = await this.catalog.current(tx);
      const journey = findJourney(catalog, workspace, journeyKey);
      if (journey.status !== 'active' || journey.liveVersion === null) {
        return identities.map(() => ({ entered: false as const, reason: 'not_live' }));
      }
      const version = journey.liveVersion;
      const compiled = await this.catalog.version(tx, journey.id, version);
      if (compiled.definition.entry.trigger.type !== 'api') {
        throw new AppError('journey_not_api_triggered', `journey ${journey.key} is not entered through the API`, {
          journey: journey.key,
          trigger: compiled.definition.entry.trigger.type,
        });
      }
      const refs = await resolveIdentities(tx, workspace, identities);
      if (options.createMissing) {
        const missing = identities.filter((identity) => !refs.has(identityKey(identity)));
        for (const [key, { ref }] of await createProfiles(tx, workspace, missing, now)) refs.set(key, ref);
      }
      const profiles = await readProfiles(tx, [...refs.values()], true);
      const needs = compiled.entryNeeds;
      const wants = [...refs.values()].map(({ lane, id }) => ({ lane, profileId: id, workspace, needs, lock: false }));
      const subjects = await loadSubjects(tx, catalog, wants, now, profiles);
      const requests: (EntryRequest | null)[] = recipients.map((recipient, i) => {
        const ref = refs.get(identityKey(identities[i]!));
        if (!ref || !profiles.has(ref.id)) return null;
        const context = recipient.context ?? {};
        const subject = subjects.of(workspace, ref.id, context, {});
        return askToEnter(
          journey,
          version,
          compiled,
          { lane: ref.lane, profileId: ref.id, at: now, context },
          subject,
          now,
        );
      });
      const results = await enterAll(
        tx,
        requests.filter((request) => request !== null),
        now,
      );
      return requests.map((request) =>
        request ? results.shift()! : { entered: false as const, reason: 'unknown_profile' },
      );
    });
    return {
      results: answers.map((answer, i) => {
        const external_id = recipients[i]?.external_id ?? null;
        return answer.entered
          ? { external_id, entered: true, entry_id: answer.entryId }
          : { external_id, entered: false, reason: answer.reason };
      }),
    };
  }

  async list(workspace: number, query: EntryQuery, page: Page): Promise<Paged<EntryView>> {
    if (page.cursor !== null && !isId(page.cursor))
      throw new AppError('cursor_invalid', 'the cursor is not one of this list');
    const catalog = await this.catalog.current(this.database);
    const journey = query.journey === undefined ? undefined : findJourney(catalog, workspace, query.journey);
    let profile;
    if (query.external_id !== undefined) {
      const identity: Identity = { kind: 'external_id', value: query.external_id };
      profile = (await resolveIdentities(this.database, workspace, [identity])).get(identityKey(identity));
      if (!profile) return { items: [], next_cursor: null };
    }
    const filter = { journeyId: journey?.id, profile, ...query };
    const rows = await listEntries(this.database, workspace, filter, page.cursor, page.limit + 1);
    const items = rows.slice(0, page.limit);
    return { items, next_cursor: rows.length > page.limit ? items[items.length - 1]!.id : null };
  }

  async show(workspace: number, id: string): Promise<NonNullable<Awaited<ReturnType<typeof showEntry>>>> {
    const entry = await showEntry(this.database, workspace, id);
    if (!entry) throw new AppError('entry_unknown', `there is no entry ${id}`, { id });
    return entry;
  }

  /** Takes one user out; the next tick carries it out. Throws `entry_ended` when it is over already. */
  async exit(workspace: number, id: string, reason = 'removed'): Promise<void> {
    const entry = await this.show(workspace, id);
    await this.signal(entry, { type: 'exit', reason, why: null, immediate: true }, ['active', 'parked', 'errored']);
  }

  /** Lets a parked entry go on as though its step had succeeded. */
  async continueParked(workspace: number, id: string): Promise<void> {
    await this.signal(await this.show(workspace, id), { type: 'continue' }, ['parked']);
  }

  /** Takes an errored entry up again where it failed, with what it was about to take. */
  async retry(workspace: number, id: string): Promise<void> {
    const entry = await this.show(workspace, id);
    const now = this.clock.now();
    const resumed = await this.database.transaction((tx) => resumeErrored(tx, laneOfId(id), id, now));
    if (!resumed)
      throw new AppError('entry_not_errored', `entry ${id} is ${entry.status}, not errored`, {
        id,
        status: entry.status,
      });
  }

  private async signal(
    entry: EntryView,
    signal: Parameters<typeof signalOpen>[3],
    statuses: readonly string[],
  ): Promise<void> {
    const { id } = entry;
    const now = this.clock.now();
    const reached = await this.database.transaction((tx) => signalOpen(tx, laneOfId(id), id, signal, statuses, now));
    if (!reached) {
      throw new AppError('entry_state', `entry ${id} is ${entry.status}, not ${statuses.join(' or ')}`, {
        id,
        status: entry.status,
      });
    }
  }
}

function findJourney(catalog: Catalog, workspace: number, key: string): JourneyInfo {
  const journey = catalog.journeyByKey(workspace, key);
  if (!journey) throw new AppError('journey_unknown', `there is no journey ${key}`, { journey: key });
  return journey;
}

function toIdentity(recipient: Recipient): Identity {
  if (recipient.external_id !== undefined) return { kind: 'external_id', value: recipient.external_id };
  if (recipient.braze_id !== undefined) return { kind: 'braze_id', value: recipient.braze_id };
  if (recipient.user_alias !== undefined) {
    return { kind: 'alias', name: recipient.user_alias.alias_name, label: recipient.user_alias.alias_label };
  }
  throw new AppError('recipient_unidentified', 'a recipient needs external_id, user_alias or braze_id');
}
