/** What a journey has done so far, from counters; who waits where, from the entries themselves. */
import { Injectable } from '@nestjs/common';
import { AppError } from '../kernel/errors.js';
import { Database } from '../persistence/database.js';
import { readCounters, readSeries, type CounterRow } from './counters.store.js';
import { findJourneyId, readRefusals, readWaiting, readWebhooks, type RefusalView } from './stats.reader.js';

export interface StepStats {
  entered: number;
  waiting: number;
  paths: Record<string, number>;
  exited: Record<string, number>;
  webhooks: { sent: number; errors: number; retries: number };
}

export interface Stats {
  readonly totals: {
    entered: number;
    active: number;
    completed: number;
    exited: number;
    errored: number;
    parked: number;
    refused: Record<string, number>;
    exited_by: Record<string, number>;
    webhooks: { sent: number; errors: number; retries: number };
  };
  readonly steps: Record<string, StepStats>;
  readonly conversions: readonly never[];
  readonly variants: readonly never[];
  readonly series?: readonly {
    readonly at: string;
    readonly entered: number;
    readonly completed: number;
    readonly exited: number;
  }[];
}

export interface StatsQuery {
  readonly from?: Date;
  readonly to?: Date;
  readonly interval?: 'hour' | 'day' | 'week' | 'month';
}

@Injectable()
export class StatsService {
  constructor(private readonly database: Database) {}

  /** `from`/`to` are rounded to the hour. Throws `journey_unknown`. */
  async stats(workspace: number, journeyKey: string, query: StatsQuery = {}): Promise<Stats> {
    const journeyId = await this.find(workspace, journeyKey);
    const from = query.from ?? null;
    const to = query.to ?? null;
    const stats = sum(await readCounters(this.database, journeyId, from, to));
    for (const { step, status, n } of await readWaiting(this.database, journeyId)) {
      if (status === 'active') stats.totals.active += n;
      if (status === 'parked') stats.totals.parked += n;
      if (step !== null && status !== 'errored') stepOf(stats, step).waiting += n;
    }
    for (const { step, sent, errors, retries } of await readWebhooks(this.database, journeyId, from, to)) {
      stepOf(stats, step).webhooks = { sent, errors, retries };
      stats.totals.webhooks.sent += sent;
      stats.totals.webhooks.errors += errors;
      stats.totals.webhooks.retries += retries;
    }
    if (!query.interval) return stats;
    return { ...stats, series: toSeries(await readSeries(this.database, journeyId, from, to, query.interval)) };
  }

  /** Who did not get in, and why: counted by reason, the last hundred listed. */
  async refusals(
    workspace: number,
    journeyKey: string,
  ): Promise<{ counts: Record<string, number>; items: RefusalView[] }> {
    const journeyId = await this.find(workspace, journeyKey);
    const { totals } = sum(await readCounters(this.database, journeyId, null, null));
    return { counts: totals.refused, items: await readRefusals(this.database, journeyId) };
  }

  private async find(workspace: number, key: string): Promise<string> {
    const id = await findJourneyId(this.database, workspace, key);
    if (id === undefined) throw new AppError('journey_unknown', `there is no journey ${key}`, { journey: key });
    return id;
  }
}

function sum(rows: readonly CounterRow[]): Stats {
  const stats: Stats = {
    totals: {
      entered: 0,
      active: 0,
      completed: 0,
      exited: 0,
      errored: 0,
      parked: 0,
      refused: {},
      exited_by: {},
      webhooks: { sent: 0, errors: 0, retries: 0 },
    },
    steps: {},
    conversions: [],
    variants: [],
  };
  for (const row of rows) {
    if (row.step === '') addTotal(stats.totals, row);
    else addStep(stepOf(stats, row.step), row);
  }
  return stats;
}

function addTotal(totals: Stats['totals'], { what, path, n }: CounterRow): void {
  if (what === 'entered') totals.entered += n;
  else if (what === 'completed') totals.completed += n;
  else if (what === 'errored') totals.errored += n;
  else if (what === 'refused') totals.refused[path] = (totals.refused[path] ?? 0) + n;
  else if (what === 'exited') {
    totals.exited += n;
    totals.exited_by[path] = (totals.exited_by[path] ?? 0) + n;
  }
}

function addStep(step: StepStats, { what, path, n }: CounterRow): void {
  if (what === 'entered') step.entered += n;
  else if (what === 'went') step.paths[path] = (step.paths[path] ?? 0) + n;
  else if (what === 'exited') step.exited[path] = (step.exited[path] ?? 0) + n;
}

function stepOf(stats: Stats, id: string): StepStats {
  return (stats.steps[id] ??= {
    entered: 0,
    waiting: 0,
    paths: {},
    exited: {},
    webhooks: { sent: 0, errors: 0, retries: 0 },
  });
}

function toSeries(rows: readonly { at: Date; what: string; n: number }[]): NonNullable<Stats['series']> {
  const byTime = new Map<string, { at: string; entered: number; completed: number; exited: number }>();
  for (const { at, what, n } of rows) {
    const key = at.toISOString();
    const point = byTime.get(key) ?? { at: key, entered: 0, completed: 0, exited: 0 };
    if (what === 'entered' || what === 'completed' || what === 'exited') point[what] += n;
    byTime.set(key, point);
  }
  return [...byTime.values()];
}
