/** Reads journeys: lists them, shows one with its versions, gives the machine a version compiles to. Writes nothing. */
import { DataSource } from 'typeorm';
import { compile, machineJson } from '../journey/compile.js';
import type { Definition } from '../journey/definition.js';
import { AppError } from '../kernel/errors.js';
import { isId } from '../kernel/ids.js';
import type { JsonObject } from '../kernel/json.js';
import { toDetailOut, toJourneyOut, type JourneyDetailOut, type JourneyOut } from './journey-out.js';
import { findJourney, listJourneys, readDefinitions, readDefinitionText, readVersions } from './journeys.store.js';
import { journeyUnknown, versionUnknown } from './refusals.js';
import type { JourneyStatus } from './transitions.js';

export class JourneysService {
  constructor(private readonly dataSource: DataSource) {}

  /**
   * Newest first. Archived ones only when asked for by status. `definitions: false` leaves the documents out.
   * Errors: `cursor_invalid`.
   */
  async list(
    workspace: number,
    filter: { statuses?: readonly JourneyStatus[]; definitions: boolean },
    page: { cursor: string | null; limit: number },
  ): Promise<{ items: JourneyOut[]; next_cursor: string | null }> {
    if (page.cursor !== null && !isId(page.cursor)) {
      throw new AppError('cursor_invalid', 'not a cursor of this list', { parameter: 'cursor' });
    }
    const { manager } = this.dataSource;
    const statuses = filter.statuses ?? ['draft', 'active', 'stopped'];
    const found = await listJourneys(manager, workspace, { before: page.cursor, statuses, limit: page.limit + 1 });
    const journeys = found.slice(0, page.limit);
    const texts = filter.definitions
      ? await readDefinitions(
          manager,
          journeys.map(({ id, latestVersion }) => ({ journeyId: id, version: latestVersion })),
        )
      : new Map<string, string>();
    return {
      items: journeys.map((journey) => toJourneyOut(journey, journey.latestVersion, texts.get(journey.id))),
      next_cursor: found.length > page.limit ? journeys.at(-1)!.id : null,
    };
  }

  /** One journey with the document of `version` (default: the latest). Errors: `journey_unknown`, `version_unknown`. */
  async show(workspace: number, keyOrId: string, version?: number): Promise<JourneyDetailOut> {
    const { manager } = this.dataSource;
    const journey = await findJourney(manager, workspace, keyOrId);
    if (!journey) throw journeyUnknown(keyOrId);
    const wanted = version ?? journey.latestVersion;
    const definition = await readDefinitionText(manager, journey.id, wanted);
    if (definition === undefined) throw versionUnknown(keyOrId, wanted);
    return toDetailOut(journey, wanted, definition, await readVersions(manager, journey.id));
  }

  /**
   * The XState machine of a version (default: the live one, else the latest) as JSON, for the Stately visualiser.
   * Errors: as `show`.
   */
  async machine(workspace: number, keyOrId: string, version?: number): Promise<JsonObject> {
    const { manager } = this.dataSource;
    const journey = await findJourney(manager, workspace, keyOrId);
    if (!journey) throw journeyUnknown(keyOrId);
    const wanted = version ?? journey.liveVersion ?? journey.latestVersion;
    const definition = await readDefinitionText(manager, journey.id, wanted);
    if (definition === undefined) throw versionUnknown(keyOrId, wanted);
    return machineJson(compile(JSON.parse(definition) as Definition));
  }
}
