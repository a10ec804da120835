/** What operators see of hosts and do to them: limits, pause, resume, reset. Acts are audited in their own transaction. */
import type { Clock } from '../kernel/clock.js';
import { AppError } from '../kernel/errors.js';
import type { Database, Transaction } from '../persistence/database.js';
import { audit } from './audit.store.js';
import { mergeSettings, type HostSettings } from './host-settings.js';
import { findHostId, listHosts, showHost, toHostOut, type HostOut } from './hosts.reader.js';
import { ensureHost, lockHosts, notifyWorkers, resetHost, setPaused, setSettings } from './hosts.sql.js';

export class HostsService {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** By origin. */
  async list(
    workspace: number,
    page: { cursor: string | null; limit: number },
  ): Promise<{ items: HostOut[]; next_cursor: string | null }> {
    const now = this.clock.now();
    const rows = await listHosts(this.database, workspace, page.cursor ?? '', page.limit + 1);
    const shown = rows.slice(0, page.limit);
    return {
      items: shown.map((row) => toHostOut(row, now)),
      next_cursor: rows.length > page.limit ? shown.at(-1)!.origin : null,
    };
  }

  /** Errors: `host_unknown`. */
  async show(workspace: number, origin: string): Promise<HostOut> {
    const row = await showHost(this.database, workspace, origin);
    if (!row) throw unknown(origin);
    return toHostOut(row, this.clock.now());
  }

  /** Merges settings (`null` = the default again), also of a host not seen yet. They hold from the next claim on. */
  async patch(workspace: number, origin: string, patch: HostSettings, actor = 'api'): Promise<HostOut> {
    const now = this.clock.now();
    await this.database.transaction(async (tx) => {
      const id = await ensureHost(tx, workspace, origin, now);
      const [host] = await lockHosts(tx, [id]);
      await setSettings(tx, id, mergeSettings(host?.settings ?? {}, patch), now);
      await audit(tx, { workspace, actor, action: 'host.settings', subject: origin, details: patch }, now);
    });
    return this.show(workspace, origin);
  }

  /** Nothing is claimed any more; requests under way end as they would. Errors: `host_unknown`. */
  pause(workspace: number, origin: string, actor = 'api'): Promise<HostOut> {
    return this.act(workspace, origin, actor, 'host.pause', (tx, id, now) => setPaused(tx, id, true, now));
  }

  /** Errors: `host_unknown`. */
  resume(workspace: number, origin: string, actor = 'api'): Promise<HostOut> {
    return this.act(workspace, origin, actor, 'host.resume', (tx, id, now) => setPaused(tx, id, false, now));
  }

  /** Closes the circuit, forgets windows, waits and warnings. Errors: `host_unknown`. */
  reset(workspace: number, origin: string, actor = 'api'): Promise<HostOut> {
    return this.act(workspace, origin, actor, 'host.reset', (tx, id, now) => resetHost(tx, id, now));
  }

  private async act(
    workspace: number,
    origin: string,
    actor: string,
    action: string,
    work: (tx: Transaction, id: number, now: number) => Promise<void>,
  ): Promise<HostOut> {
    const now = this.clock.now();
    await this.database.transaction(async (tx) => {
      const id = await findHostId(tx, workspace, origin);
      if (id === undefined) throw unknown(origin);
      await work(tx, id, now);
      await notifyWorkers(tx);
      await audit(tx, { workspace, actor, action, subject: origin }, now);
    });
    return this.show(workspace, origin);
  }
}

function unknown(origin: string): AppError {
  return new AppError('host_unknown', `nothing has been sent to ${origin} yet`, { host: origin });
}
