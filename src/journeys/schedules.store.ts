/** The rows of `journey_schedule`, as far as the life cycle writes them; the scheduler advances them run by run. */
import type { EntityManager } from 'typeorm';

export async function putSchedule(
  manager: EntityManager,
  journeyId: string,
  version: number,
  nextRunAt: number | null,
): Promise<void> {
  await manager.query(
    `insert into journey_schedule (journey_id, version, next_run_at) values ($1, $2, $3)
     on conflict (journey_id) do update set version = excluded.version, next_run_at = excluded.next_run_at`,
    [journeyId, version, nextRunAt === null ? null : new Date(nextRunAt)],
  );
}

/** No further run, and nobody more of a run in progress. */
export async function suspendSchedule(manager: EntityManager, journeyId: string): Promise<void> {
  await manager.query(
    'update journey_schedule set next_run_at = null, run_at = null, cursor_lane = null, cursor_id = null where journey_id = $1',
    [journeyId],
  );
}

export async function removeSchedule(manager: EntityManager, journeyId: string): Promise<void> {
  await manager.query('delete from journey_schedule where journey_id = $1', [journeyId]);
}
