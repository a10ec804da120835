/**
 * Entry by schedule: at a run, everybody in the audience asks to enter. The audience is gone through in chunks, each in a
 * transaction of its own together with the cursor, so a crash goes on where the last committed chunk ended: nobody enters
 * twice, nobody is left out.
 */
import { Inject, Injectable } from '@nestjs/common';
import { nextRun, type Schedule } from '../journey/schedule.js';
import type { CompiledJourney } from '../journey/compile.js';
import { JourneyCatalog, type Catalog, type JourneyInfo } from '../journeys/catalog.js';
import type { Clock } from '../kernel/clock.js';
import { Database, type Transaction } from '../persistence/database.js';
import { CLOCK } from '../persistence/persistence.module.js';
import { readProfiles } from '../profiles/profiles.reader.js';
import { isSqlable, toSql } from '../segments/to-sql.js';
import { enterAll } from './entry-gate.js';
import { askToEnter } from './entry-rules.js';
import { claimSchedule, readAudience, saveSchedule, type ScheduleRow } from './scheduled-entry.store.js';
import { loadSubjects } from './subjects.js';

const CHUNK = 2_000;
const EVERYBODY = { text: 'true', values: [] };

@Injectable()
export class ScheduledEntry {
  private busy = false;

  constructor(
    private readonly database: Database,
    private readonly catalog: JourneyCatalog,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Makes every run that is due, to its end. Returns at once when a call of this process is at it already. */
  async runDue(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    try {
      while (await this.database.transaction((tx) => this.runChunk(tx, this.clock.now())));
    } finally {
      this.busy = false;
    }
  }

  /** One chunk of one run; false when nothing is due. */
  private async runChunk(tx: Transaction, now: number): Promise<boolean> {
    const row = await claimSchedule(tx, now);
    if (!row) return false;
    const catalog = await this.catalog.current(tx);
    const journey = catalog.journey(row.journey_id);
    const compiled = await this.catalog.version(tx, row.journey_id, row.version);
    const { trigger } = compiled.definition.entry;
    if (!journey || journey.status !== 'active' || trigger.type !== 'schedule') {
      await saveSchedule(tx, { ...row, next_run_at: null, run_at: null, cursor_lane: null, cursor_id: null }, false);
      return true;
    }
    const running = row.run_at === null ? begin(row, trigger, compiled, catalog.timeZone(journey.workspace), now) : row;
    const last = await this.enterChunk(tx, catalog, journey, compiled, running, now);
    if (last) await saveSchedule(tx, { ...running, cursor_lane: last.lane, cursor_id: last.id }, false);
    else await saveSchedule(tx, { ...running, run_at: null, cursor_lane: null, cursor_id: null }, true);
    return true;
  }

  /** Returns where the chunk ended; `null` when it was the last one. */
  private async enterChunk(
    tx: Transaction,
    catalog: Catalog,
    journey: JourneyInfo,
    compiled: CompiledJourney,
    row: ScheduleRow,
    now: number,
  ): Promise<{ lane: number; id: string } | null> {
    const { workspace } = journey;
    const { audience } = compiled.definition.entry;
    const condition =
      audience && isSqlable(audience)
        ? toSql(audience, { now, companyTimeZone: catalog.timeZone(workspace) })
        : EVERYBODY;
    const after = row.cursor_id === null ? null : { lane: row.cursor_lane ?? 0, id: row.cursor_id };
    const refs = await readAudience(tx, workspace, condition, after, CHUNK);
    if (refs.length > 0) {
      const profiles = await readProfiles(tx, refs, true);
      const wants = refs.map(({ lane, id }) => ({
        lane,
        profileId: id,
        workspace,
        needs: compiled.entryNeeds,
        lock: false,
      }));
      const subjects = await loadSubjects(tx, catalog, wants, now, profiles);
      const run = new Date(row.run_at ?? now).toISOString();
      const requests = refs
        .filter(({ id }) => profiles.has(id))
        .map(({ lane, id }) => {
          const asking = { lane, profileId: id, at: now, context: {}, run };
          return askToEnter(journey, row.version, compiled, asking, subjects.of(workspace, id, {}, {}), now);
        });
      // Whoever is not in the audience did not ask.
      await enterAll(
        tx,
        requests.filter((request) => request.refusal !== 'audience'),
        now,
      );
    }
    return refs.length === CHUNK ? refs[refs.length - 1]! : null;
  }
}

/** A run that was missed (no worker was up) is made once, late; the ones missed after it are not made up for. */
function begin(
  row: ScheduleRow,
  schedule: Schedule,
  compiled: CompiledJourney,
  companyTimeZone: string,
  now: number,
): ScheduleRow {
  const zone = compiled.definition.timezone ?? 'company';
  return {
    ...row,
    run_at: row.next_run_at ?? now,
    next_run_at: nextRun(schedule, now, zone, companyTimeZone),
    cursor_lane: null,
    cursor_id: null,
  };
}
