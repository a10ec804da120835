/**
 * The embedded database: a real PostgreSQL server (binaries from npm) under our own supervisor. It promises a server
 * that is reachable over a private Unix socket alone, outlives Ctrl-C until the application has drained, comes back when
 * it dies, and is stopped last.
 *
 * Who owns a data directory is decided by an advisory lock inside the server, held by one connection for the life of
 * the process: the lock goes with the process however it ends, and the loss of that connection is how the supervisor
 * learns that the server is gone. So a server of our own and one that an earlier, killed process left behind are
 * treated alike: connect, take the lock, watch.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { AppError } from '../kernel/errors.js';
import { isDisconnect, type DatabaseOptions } from './database.js';
import { prepareHome, SOCKET_PORT } from './postgres-files.js';
import { PostgresServer, SUPERUSER, tunedSettings, type Settings } from './postgres-server.js';

const DATABASE = 'itinera';
const OWNER_LOCK = 0x17_1e_4a;
/** After a kill -9 the children may hold the shared memory for a second or two, and first starts fail. */
const START_RETRY_MS = 10_000;
/** Recovery after a crash replays the log: as long as the process lives, it gets time. */
const RECOVERY_LIMIT_MS = 10 * 60_000;
/** The lock of a killed process is released when the server notices; one that stays taken is another application's. */
const OWNER_RETRY_MS = 3_000;
const BACK_OFF_MS = { first: 100, most: 5_000 };
const POLL_MS = 25;

export interface EmbeddedOptions {
  /** `ITINERA_DATA_DIR`: the server's files go below `postgres/` in it. */
  readonly dataDir: string;
  readonly log: { info(message: string): void; warn(message: string): void };
  /** Over the tuned ones; for tests. */
  readonly settings?: Settings;
}

export class EmbeddedPostgres {
  private owner: pg.Client | undefined;
  private stopping = false;
  private restarting: Promise<void> = Promise.resolve();

  private constructor(
    private readonly server: PostgresServer,
    private readonly log: EmbeddedOptions['log'],
  ) {}

  /**
   * Starts the server, or takes over one that is running on the directory without an owner. Resolves when it answers
   * and the application's database exists. Throws `data_dir_in_use`, `data_dir_unusable`, `postgres_did_not_start`.
   */
  static async start(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
    const server = new PostgresServer(prepareHome(options.dataDir), { ...tunedSettings(), ...options.settings });
    await server.initialise();
    const embedded = new EmbeddedPostgres(server, options.log);
    await embedded.bringUp();
    await embedded.ensureDatabase();
    return embedded;
  }

  get connection(): DatabaseOptions {
    return { host: this.server.files.socket, port: SOCKET_PORT, user: SUPERUSER, database: DATABASE };
  }

  /** Where the data really is: under root it may not be below the data directory. */
  get home(): string {
    return this.server.files.home;
  }

  /** Stops the server; to be called when the last pool is closed. */
  async stop(): Promise<void> {
    this.stopping = true;
    await this.restarting;
    const pid = this.server.runningPid();
    if (pid !== null && !(await this.server.stop(pid)))
      this.log.warn('PostgreSQL is still shutting down; leaving it to itself');
    await this.owner?.end();
  }

  private async bringUp(): Promise<void> {
    const begun = performance.now();
    let child: ReturnType<PostgresServer['spawn']> | undefined;
    let failure: Error | undefined;
    while (!this.stopping) {
      const client = await this.connect();
      if (client) return this.own(client);
      const waited = performance.now() - begun;
      const ended = child && (child.exitCode !== null || child.signalCode !== null || failure);
      if ((ended && waited > START_RETRY_MS) || waited > RECOVERY_LIMIT_MS) {
        throw new AppError(
          'postgres_did_not_start',
          `PostgreSQL did not start:\n${this.server.logTail()}`,
          {},
          failure,
        );
      }
      if ((!child || ended) && this.server.runningPid() === null) {
        failure = undefined;
        if (child) await sleep(10 * POLL_MS);
        child = this.server.spawn();
        child.on('error', (error) => (failure = error));
      }
      await sleep(POLL_MS);
    }
  }

  private async connect(): Promise<pg.Client | null> {
    const client = new pg.Client({ ...this.connection, database: 'postgres', application_name: 'itinera supervisor' });
    // Without a listener an error after the connection ended the process.
    client.on('error', () => this.ownerLost(client));
    try {
      await client.connect();
      return client;
    } catch (error) {
      if (isDisconnect(error)) return null;
      throw error;
    }
  }

  private async own(client: pg.Client): Promise<void> {
    const deadline = performance.now() + OWNER_RETRY_MS;
    for (;;) {
      const { rows } = await client.query<{ taken: boolean }>('select pg_try_advisory_lock($1) as taken', [OWNER_LOCK]);
      if (rows[0]?.taken) break;
      if (performance.now() > deadline) {
        await client.end();
        const { socket } = this.server.files;
        throw new AppError(
          'data_dir_in_use',
          `another process uses ${this.home}; to share its database, start with DATABASE_URL=postgresql://${SUPERUSER}@localhost/${DATABASE}?host=${encodeURIComponent(socket)}`,
          { home: this.home },
        );
      }
      await sleep(4 * POLL_MS);
    }
    this.owner = client;
    client.on('end', () => this.ownerLost(client));
  }

  private ownerLost(client: pg.Client): void {
    if (this.stopping || this.owner !== client) return;
    this.owner = undefined;
    this.restarting = this.restart();
  }

  private async restart(): Promise<void> {
    this.log.warn('the connection to PostgreSQL is lost; bringing it up again');
    for (let pause = BACK_OFF_MS.first; !this.stopping; pause = Math.min(2 * pause, BACK_OFF_MS.most)) {
      await sleep(pause);
      try {
        await this.bringUp();
        if (!this.stopping) this.log.info('PostgreSQL is up again');
        return;
      } catch (error) {
        this.log.warn(`PostgreSQL is not up: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }

  private async ensureDatabase(): Promise<void> {
    // We are the owner of the directory: nobody else makes it between the two statements.
    const found = await this.owner?.query('select 1 from pg_database where datname = $1', [DATABASE]);
    if (found?.rowCount === 0) await this.owner?.query(`create database ${DATABASE}`);
  }
}
