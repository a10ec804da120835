/**
 * LISTEN on one connection of its own. Notifications are hints that make idle workers quick; nothing depends on them:
 * every loop also looks by itself. After a lost connection the listener reconnects and calls every handler once, since
 * hints may have been missed.
 */
import pg from 'pg';
import type { DatabaseOptions } from './database.js';

export type Channel = 'itinera_engine' | 'itinera_delivery';
type Handler = (payload: string) => void;

const RECONNECT_MS = 500;

export class Listener {
  private readonly handlers = new Map<Channel, Set<Handler>>();
  private client: pg.Client | undefined;
  private stopped = false;
  private retry: NodeJS.Timeout | undefined;

  constructor(private readonly options: DatabaseOptions) {}

  on(channel: Channel, handler: Handler): void {
    const known = this.handlers.get(channel) ?? new Set<Handler>();
    known.add(handler);
    this.handlers.set(channel, known);
  }

  async start(): Promise<void> {
    const { max: _max, applicationName, ...connection } = this.options;
    const client = new pg.Client({
      ...connection,
      application_name: `${applicationName ?? 'itinera'} listener`,
      keepAlive: true,
    });
    let lost = false;
    const lose = (): void => {
      if (lost) return;
      lost = true;
      client.end().catch(() => undefined);
      if (!this.stopped) this.retry = setTimeout(() => void this.start().catch(() => undefined), RECONNECT_MS);
    };
    client.on('error', lose);
    client.on('end', lose);
    client.on('notification', ({ channel, payload }) => this.dispatch(channel as Channel, payload ?? ''));
    try {
      await client.connect();
      for (const channel of this.handlers.keys()) await client.query(`listen ${channel}`);
    } catch {
      lose();
      return;
    }
    this.client = client;
    for (const channel of this.handlers.keys()) this.dispatch(channel, '');
  }

  private dispatch(channel: Channel, payload: string): void {
    for (const handler of this.handlers.get(channel) ?? []) handler(payload);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.retry);
    await this.client?.end().catch(() => undefined);
  }
}
