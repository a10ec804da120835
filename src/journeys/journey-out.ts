import type { Issue } from '../journey/decision.js';
import type { JourneyEntity } from '../persistence/entities/journey.entity.js';
import type { VersionHead } from './journeys.store.js';
import type { JourneyStatus } from './transitions.js';

/** What a change of a definition answers. */
export interface DraftOut {
  readonly id: string;
  readonly key: string;
  readonly status: JourneyStatus;
  /** The version just stored or launched. */
  readonly version: number;
  readonly live_version: number | null;
  readonly warnings: readonly Issue[];
}

/** A journey as lists show it. */
export interface JourneyOut {
  readonly id: string;
  readonly key: string;
  readonly name: string;
  readonly status: JourneyStatus;
  /** The version that `definition` is: the latest one unless another was asked for. */
  readonly version: number;
  readonly latest_version: number;
  readonly live_version: number | null;
  /** The document, as the very text it was stored as; absent where it was not asked for. */
  readonly definition?: string;
  readonly created_at: string;
  readonly updated_at: string;
}

export interface VersionOut {
  readonly version: number;
  readonly created_at: string;
  readonly launched_at: string | null;
}

export interface JourneyDetailOut extends JourneyOut {
  readonly definition: string;
  readonly versions: readonly VersionOut[];
  /** When it was stopped; `to` null: still. */
  readonly stops: readonly { readonly from: string; readonly to: string | null }[];
}

export function toJourneyOut(journey: JourneyEntity, version: number, definition?: string): JourneyOut {
  return {
    id: journey.id,
    key: journey.key,
    name: journey.name,
    status: journey.status,
    version,
    latest_version: journey.latestVersion,
    live_version: journey.liveVersion,
    ...(definition === undefined ? {} : { definition }),
    created_at: journey.createdAt.toISOString(),
    updated_at: journey.updatedAt.toISOString(),
  };
}

export function toDetailOut(
  journey: JourneyEntity,
  version: number,
  definition: string,
  versions: readonly VersionHead[],
): JourneyDetailOut {
  return {
    ...toJourneyOut(journey, version),
    definition,
    versions: versions.map((head) => ({
      version: head.version,
      created_at: head.createdAt.toISOString(),
      launched_at: head.launchedAt?.toISOString() ?? null,
    })),
    stops: journey.stops.map(({ from, to }) => ({
      from: new Date(from).toISOString(),
      to: to === null ? null : new Date(to).toISOString(),
    })),
  };
}

/** JSON of a journey with its document spliced in as the text it is, so that not a character of it changes. */
export function journeyJson(journey: JourneyOut): string {
  const { definition, ...rest } = journey;
  const envelope = JSON.stringify(rest);
  return definition === undefined ? envelope : `${envelope.slice(0, -1)},"definition":${definition}}`;
}
