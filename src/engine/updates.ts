import type { Failed, Moved } from './decide.js';
import type { EntryUpdate } from './persist.sql.js';

/** All columns of an entry that has more to say than which step it waits in. */
export function toUpdate({ claimed: { row }, status, reason, state }: Moved, now: number): EntryUpdate {
  const ended = status === 'completed' || status === 'exited';
  return {
    lane: row.lane,
    id: row.id,
    status,
    reason,
    step: state.step,
    visit: state.visit,
    arrivedAt: state.arrivedAt,
    wakeAt: status === 'active' ? state.dueAt : null,
    memory: state.memory === null || ended ? null : JSON.stringify(state.memory),
    exitReason: state.exitReason,
    context: state.context === row.context ? null : JSON.stringify(state.context),
    endedAt: ended ? now : null,
    error: null,
  };
}

/** Where it was, with what it was about to take, so that a retry takes the same again. */
export function toErrored(
  { row, signals }: Pick<Failed['claimed'], 'row' | 'signals'>,
  code: string,
  message: string,
): EntryUpdate {
  return {
    lane: row.lane,
    id: row.id,
    status: 'errored',
    reason: code,
    step: row.step,
    visit: row.visit,
    arrivedAt: row.arrived_at,
    wakeAt: null,
    memory: row.memory === null ? null : JSON.stringify(row.memory),
    exitReason: row.exit_reason,
    context: null,
    endedAt: null,
    error: JSON.stringify({
      code,
      message: message.replaceAll('\u0000', ''),
      signals: signals.map((signal) => signal.body),
      wake_at: row.wake_at,
    }),
  };
}
