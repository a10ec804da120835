/**
 * Drafts: definitions come in, are checked and become versions. A version is never changed once it is stored; an edit is
 * a new version, and what is live goes on untouched until a launch. Writes `journey` and `journey_version`, each call in
 * one transaction: a crash leaves all of it or nothing.
 */
import { DataSource } from 'typeorm';
import type { Issue } from '../journey/decision.js';
import { validate } from '../journey/validate.js';
import type { Clock } from '../kernel/clock.js';
import { AppError } from '../kernel/errors.js';
import { newId } from '../kernel/ids.js';
import { laneOf } from '../kernel/lanes.js';
import { accept, type JourneyDocument } from './journey-document.js';
import type { DraftOut } from './journey-out.js';
import { auditJourney, findJourney, insertJourney, insertVersion, updateJourney } from './journeys.store.js';
import { journeyUnknown, refuseUnlessFits } from './refusals.js';

export class JourneyDraftsService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly clock: Clock,
  ) {}

  /** All problems of a document, errors and warnings; nothing is stored. */
  validate(document: JourneyDocument): { valid: boolean; issues: readonly Issue[] } {
    const { issues } = validate(document.value);
    return { valid: !issues.some(({ level }) => level === 'error'), issues };
  }

  /** A new journey with version 1 as a draft. Errors: `journey_invalid` with `issues`, `journey_key_taken`. */
  async create(workspace: number, document: JourneyDocument, actor: string): Promise<DraftOut> {
    const { definition, warnings } = accept(document);
    const { key, name } = definition;
    const now = this.clock.now();
    const id = newId(laneOf('journey', key), now);
    await this.dataSource.transaction(async (tx) => {
      const at = new Date(now);
      const added = await insertJourney(tx, {
        id,
        workspace,
        key,
        name,
        status: 'draft',
        liveVersion: null,
        latestVersion: 1,
        stops: [],
        createdAt: at,
        updatedAt: at,
      });
      if (!added) throw new AppError('journey_key_taken', `there is a journey with the key ${key} already`, { key });
      await insertVersion(tx, id, 1, document.text, now);
      await auditJourney(tx, {
        workspace,
        now,
        actor,
        action: 'journey.create',
        subject: id,
        details: { key, version: 1 },
      });
    });
    return { id, key, status: 'draft', version: 1, live_version: null, warnings };
  }

  /**
   * A new draft version; the live one keeps running. With `expected`, only when that is still the latest version, so that
   * two people who edit do not overwrite one another. Errors: `journey_invalid` with `issues`, `journey_unknown`,
   * `journey_archived`, `version_mismatch`.
   */
  async put(
    workspace: number,
    keyOrId: string,
    document: JourneyDocument,
    actor: string,
    expected: number | null,
  ): Promise<DraftOut> {
    return this.dataSource.transaction(async (tx) => {
      const journey = await findJourney(tx, workspace, keyOrId, true);
      if (!journey) throw journeyUnknown(keyOrId);
      refuseUnlessFits(journey.status, 'edit');
      const { definition, warnings } = accept(document, keyIssues(document.value, journey.key));
      if (expected !== null && expected !== journey.latestVersion) {
        throw new AppError('version_mismatch', `the latest version is ${journey.latestVersion}, not ${expected}`, {
          latest_version: journey.latestVersion,
          expected_version: expected,
        });
      }
      const now = this.clock.now();
      const version = journey.latestVersion + 1;
      await insertVersion(tx, journey.id, version, document.text, now);
      await updateJourney(tx, journey.id, { latestVersion: version, name: definition.name, updatedAt: new Date(now) });
      await auditJourney(tx, {
        workspace,
        now,
        actor,
        action: 'journey.edit',
        subject: journey.id,
        details: { key: journey.key, version },
      });
      return {
        id: journey.id,
        key: journey.key,
        status: journey.status,
        version,
        live_version: journey.liveVersion,
        warnings,
      };
    });
  }
}

/** The key is the journey's identity over all versions, so a new version cannot carry another one. */
function keyIssues(document: unknown, key: string): Issue[] {
  const given = typeof document === 'object' && document !== null && 'key' in document ? document.key : undefined;
  if (typeof given !== 'string' || given === key) return [];
  return [{ path: '/key', code: 'key_changed', message: `the key of a journey stays: ${key}`, level: 'error' }];
}
