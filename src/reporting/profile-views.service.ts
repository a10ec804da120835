import { Injectable } from '@nestjs/common';
import { AppError } from '../kernel/errors.js';
import { isId, laneOfId } from '../kernel/ids.js';
import type { JsonObject } from '../kernel/json.js';
import { Database } from '../persistence/database.js';
import { listProfiles, showProfile } from '../profiles/profile-view.reader.js';
import { listEntries, type EntryView } from './entries.reader.js';

/** Entries shown with a profile; all of them are in `GET /api/journeys/:key/entries?external_id=`. */
const ENTRIES = 50;

/** Profiles for people who look: attributes, events, and the last entries over all journeys. */
@Injectable()
export class ProfileViewsService {
  constructor(private readonly database: Database) {}

  /** Errors: `cursor_invalid`. */
  async list(
    workspace: number,
    page: { cursor: string | null; limit: number },
  ): Promise<{ items: JsonObject[]; next_cursor: string | null }> {
    if (page.cursor !== null && !isId(page.cursor)) {
      throw new AppError('cursor_invalid', 'not a cursor of this list', { parameter: 'cursor' });
    }
    return listProfiles(this.database, workspace, page);
  }

  /** Errors: `profile_unknown`. */
  async show(workspace: number, externalId: string): Promise<JsonObject & { entries: readonly EntryView[] }> {
    const profile = await showProfile(this.database, workspace, externalId);
    if (!profile) throw new AppError('profile_unknown', `there is no profile with the external id ${externalId}`);
    const id = profile['braze_id'] as string;
    const filter = { profile: { lane: laneOfId(id), id } };
    return Object.assign({}, profile, { entries: await listEntries(this.database, workspace, filter, null, ENTRIES) });
  }
}
