import { statement, type Sql } from '../persistence/database.js';

export interface JourneyRow {
  readonly id: string;
  readonly workspace: number;
  readonly key: string;
  readonly name: string;
  readonly status: 'draft' | 'active' | 'stopped' | 'archived';
  readonly live_version: number | null;
  readonly stops: readonly { readonly from: number; readonly to: number | null }[];
}

export interface WorkspaceRow {
  readonly id: number;
  readonly timezone: string;
}

const REVISION = statement('catalog.revision', 'select revision::text from journey_revision');
const JOURNEYS = statement(
  'catalog.journeys',
  'select id, workspace, key, name, status, live_version, stops from journey',
);
const WORKSPACES = statement('catalog.workspaces', 'select id, timezone from workspace');
// Versions that entries may still be in, beside the live one: their waits and exits must be listened for.
const LAUNCHED = statement(
  'catalog.launched',
  `select v.journey_id, v.version, v.definition::text as definition
   from journey_version v join journey j on j.id = v.journey_id
   where v.launched_at is not null and j.status in ('active', 'stopped') and not (v.journey_id::text || ':' || v.version = any($1::text[]))`,
);
const VERSION = statement(
  'catalog.version',
  'select definition::text as definition from journey_version where journey_id = $1 and version = $2',
);

export async function readRevision(sql: Sql): Promise<string> {
  const [row] = await sql.query<{ revision: string }>(REVISION);
  return row?.revision ?? '0';
}

export function readJourneys(sql: Sql): Promise<JourneyRow[]> {
  return sql.query<JourneyRow>(JOURNEYS);
}

export function readWorkspaces(sql: Sql): Promise<WorkspaceRow[]> {
  return sql.query<WorkspaceRow>(WORKSPACES);
}

/** Launched versions of journeys that run, leaving out those named as `journeyId:version`. */
export function readLaunched(
  sql: Sql,
  known: readonly string[],
): Promise<{ journey_id: string; version: number; definition: string }[]> {
  return sql.query(LAUNCHED, [known]);
}

export async function readDefinition(sql: Sql, journeyId: string, version: number): Promise<string | undefined> {
  const [row] = await sql.query<{ definition: string }>(VERSION, [journeyId, version]);
  return row?.definition;
}
