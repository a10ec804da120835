/**
 * The life cycle: launch, stop, resume, archive. Each change is one transaction that locks the journey's row, writes
 * `journey`, `journey_version`, `journey_schedule` and `audit`, and bumps `journey_revision`, so that every transaction
 * that begins after its commit sees the change, in every process. A crash leaves all of it or nothing. Entries are not
 * touched here: whoever was due while the journey was stopped leaves when the engine looks at it (`journey.stops`).
 */
import { DataSource, type EntityManager } from 'typeorm';
import type { Issue } from '../journey/decision.js';
import type { Definition } from '../journey/definition.js';
import { nextRun } from '../journey/schedule.js';
import type { Clock } from '../kernel/clock.js';
import { AppError } from '../kernel/errors.js';
import type { JourneyEntity } from '../persistence/entities/journey.entity.js';
import { accept } from './journey-document.js';
import { toJourneyOut, type DraftOut, type JourneyOut } from './journey-out.js';
import {
  auditJourney,
  bumpRevision,
  findJourney,
  readDefinitionText,
  readWorkspaceZone,
  setLaunched,
  updateJourney,
} from './journeys.store.js';
import { journeyUnknown, refuseUnlessFits, versionUnknown } from './refusals.js';
import { putSchedule, removeSchedule, suspendSchedule } from './schedules.store.js';
import { stopsAfter, type JourneyChange, type JourneyStatus } from './transitions.js';

export interface LaunchOptions {
  /** Default: the latest. */
  readonly version?: number;
  /** What becomes of entries in earlier versions: they `stay` in theirs (default), or `move` to the new one. */
  readonly inFlight?: 'stay' | 'move';
}

const NO_RUN_LEFT: Issue = {
  path: '/entry/trigger',
  code: 'no_run_left',
  message: 'every run of this schedule is in the past: nobody will enter',
  level: 'warning',
};

export class JourneyLifecycleService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly clock: Clock,
  ) {}

  /**
   * Makes a version the live one; launching a stopped journey also resumes it. Errors: `journey_unknown`,
   * `version_unknown`, `journey_archived`, `version_live`, `journey_invalid` with `issues`, `in_flight_move_not_built`.
   */
  async launch(workspace: number, keyOrId: string, options: LaunchOptions, actor: string): Promise<DraftOut> {
    if (options.inFlight === 'move') {
      throw new AppError(
        'in_flight_move_not_built',
        '"in_flight": "move" is part of the contract but not built yet; say "stay"',
        {
          issues: [{ path: '/in_flight', code: 'not_built_yet', message: '"move" is not built yet' }],
        },
      );
    }
    return this.change(workspace, keyOrId, 'launch', actor, async (tx, journey, status, now) => {
      const version = options.version ?? journey.latestVersion;
      if (journey.status === 'active' && journey.liveVersion === version) {
        throw new AppError('version_live', `version ${version} is live already`, { version });
      }
      const text = await readDefinitionText(tx, journey.id, version);
      if (text === undefined) throw versionUnknown(keyOrId, version);
      // Checked again: the rules may have grown since the version was stored.
      const { definition, warnings } = accept({ value: JSON.parse(text), text });
      await setLaunched(tx, journey.id, version, now);
      const hasRuns = await this.schedule(tx, journey, version, definition, now);
      const { id, key } = journey;
      return {
        liveVersion: version,
        details: { version, replaces: journey.liveVersion },
        out: {
          id,
          key,
          status,
          version,
          live_version: version,
          warnings: hasRuns ? warnings : [...warnings, NO_RUN_LEFT],
        },
      };
    });
  }

  /** Nobody enters any more, nothing is sent, and whoever ends a step leaves. Errors: `journey_unknown`, `journey_not_launched`, `journey_stopped`, `journey_archived`. */
  stop(workspace: number, keyOrId: string, actor: string): Promise<JourneyOut> {
    return this.change(workspace, keyOrId, 'stop', actor, async (tx, journey, status, now) => {
      await suspendSchedule(tx, journey.id);
      return unchanged(journey, status, now);
    });
  }

  /** Goes on: who was not due yet continues. Errors: `journey_unknown`, `journey_not_launched`, `journey_active`, `journey_archived`. */
  resume(workspace: number, keyOrId: string, actor: string): Promise<JourneyOut> {
    return this.change(workspace, keyOrId, 'resume', actor, async (tx, journey, status, now) => {
      const version = journey.liveVersion ?? journey.latestVersion;
      const text = await readDefinitionText(tx, journey.id, version);
      if (text === undefined) throw versionUnknown(keyOrId, version);
      await this.schedule(tx, journey, version, JSON.parse(text) as Definition, now);
      return unchanged(journey, status, now);
    });
  }

  /** Stops for good and leaves the lists. Errors: `journey_unknown`, `journey_archived`. */
  archive(workspace: number, keyOrId: string, actor: string): Promise<JourneyOut> {
    return this.change(workspace, keyOrId, 'archive', actor, async (tx, journey, status, now) => {
      await suspendSchedule(tx, journey.id);
      return unchanged(journey, status, now);
    });
  }

  private change<T>(
    workspace: number,
    keyOrId: string,
    change: JourneyChange,
    actor: string,
    work: (tx: EntityManager, journey: JourneyEntity, status: JourneyStatus, now: number) => Promise<Changed<T>>,
  ): Promise<T> {
    return this.dataSource.transaction(async (tx) => {
      const journey = await findJourney(tx, workspace, keyOrId, true);
      if (!journey) throw journeyUnknown(keyOrId);
      const status = refuseUnlessFits(journey.status, change);
      const now = this.clock.now();
      const { liveVersion, details, out } = await work(tx, journey, status, now);
      const stops = [...stopsAfter(journey.stops, journey.status, status, now)];
      await updateJourney(tx, journey.id, { status, liveVersion, stops, updatedAt: new Date(now) });
      await auditJourney(tx, {
        workspace,
        now,
        actor,
        action: `journey.${change}`,
        subject: journey.id,
        details: { key: journey.key, from: journey.status, to: status, ...details },
      });
      await bumpRevision(tx);
      return out;
    });
  }

  /** Sets the next run after `now`; `false` when there is a schedule and it has none left. */
  private async schedule(
    tx: EntityManager,
    journey: JourneyEntity,
    version: number,
    definition: Definition,
    now: number,
  ): Promise<boolean> {
    const { trigger } = definition.entry;
    if (trigger.type !== 'schedule') {
      await removeSchedule(tx, journey.id);
      return true;
    }
    const zone = await readWorkspaceZone(tx, journey.workspace);
    const next = nextRun(trigger, now, definition.timezone ?? 'company', zone);
    await putSchedule(tx, journey.id, version, next);
    return next !== null;
  }
}

interface Changed<T> {
  readonly liveVersion: number | null;
  readonly details: object;
  readonly out: T;
}

function unchanged(journey: JourneyEntity, status: JourneyStatus, now: number): Changed<JourneyOut> {
  const after = { ...journey, status, updatedAt: new Date(now) };
  return { liveVersion: journey.liveVersion, details: {}, out: toJourneyOut(after, journey.latestVersion) };
}
