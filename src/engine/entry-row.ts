import type { JsonObject } from '../kernel/json.js';
import type { EntryState, Signal } from '../journey/decision.js';

/** An entry as the claim returns it: the locked row's own columns. Instants are epoch milliseconds. */
export interface EntryRow {
  readonly lane: number;
  readonly id: string;
  readonly workspace: number;
  readonly journey_id: string;
  readonly version: number;
  readonly profile_id: string;
  readonly variant: string | null;
  readonly status: 'active' | 'parked' | 'errored' | 'completed' | 'exited';
  readonly step: string | null;
  readonly visit: number;
  readonly arrived_at: number;
  readonly wake_at: number | null;
  readonly memory: JsonObject | null;
  readonly exit_reason: string | null;
  readonly context: JsonObject;
  readonly entered_at: number;
}

/** A signal as stored: `id` orders the signals of an entry. */
export interface SignalRow {
  readonly lane: number;
  readonly entry_id: string;
  readonly id: string;
  readonly body: Signal;
}

export function toState(row: EntryRow): EntryState {
  return {
    step: row.step,
    visit: row.visit,
    arrivedAt: Math.round(row.arrived_at),
    dueAt: row.wake_at === null ? null : Math.round(row.wake_at),
    memory: row.memory,
    exitReason: row.exit_reason,
    context: row.context,
  };
}
