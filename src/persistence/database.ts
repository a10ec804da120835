/**
 * The door to PostgreSQL for hot tables: named prepared statements, short transactions, notifications. Definitions and
 * settings go through TypeORM (`data-source.ts`); both reach the same database.
 */
import pg from 'pg';
import { AppError } from '../kernel/errors.js';

/** A statement with a stable name: parsed once per connection. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

const names = new Map<string, string>();

/** Declares a prepared statement. A name used for two texts is a bug and throws at load. */
export function statement(name: string, text: string): Statement {
  const known = names.get(name);
  if (known !== undefined && known !== text)
    throw new AppError('statement_name_taken', `statement ${name} is declared twice`);
  names.set(name, text);
  return { name, text };
}

/** Runs statements: a transaction or the pool. Stores and readers take one; writers must be given a transaction. */
export interface Sql {
  query<R extends object>(statement: Statement | string, values?: readonly unknown[]): Promise<R[]>;
}

/** A `Sql` that is known to be a transaction: all or nothing. */
export interface Transaction extends Sql {
  readonly transaction: true;
}

/** Another transaction stood in the way, or the server went away before it had answered anything: try the whole transaction again. */
const RETRYABLE = new Set(['40001', '40P01', '55P03']);
/** The connection or the server is gone. Whether a commit under way went through is unknown. */
const DISCONNECTED = new Set([
  '57P01',
  '57P02',
  '57P03',
  '08000',
  '08003',
  '08006',
  '08001',
  'ECONNRESET',
  'ECONNREFUSED',
  'ENOENT',
  'EPIPE',
]);

export function errorCode(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}

/** The database cannot be reached right now: loops wait and try again, doors answer 503. */
export function isDisconnect(error: unknown): boolean {
  const code = errorCode(error);
  return (
    (code !== undefined && DISCONNECTED.has(code)) ||
    (error instanceof Error &&
      /Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect/.test(
        error.message,
      ))
  );
}

function wrap(client: pg.PoolClient | pg.Pool): Sql {
  return {
    async query<R extends object>(sql: Statement | string, values?: readonly unknown[]): Promise<R[]> {
      const result =
        typeof sql === 'string'
          ? await client.query<R>(sql, values as unknown[])
          : await client.query<R>({ name: sql.name, text: sql.text, values: values as unknown[] });
      return result.rows;
    },
  };
}

export interface DatabaseOptions {
  readonly connectionString?: string;
  readonly host?: string;
  readonly port?: number;
  readonly user?: string;
  readonly database?: string;
  readonly max?: number;
  readonly applicationName?: string;
}

export class Database implements Sql {
  readonly pool: pg.Pool;
  private readonly direct: Sql;

  constructor(readonly options: DatabaseOptions) {
    this.pool = new pg.Pool({
      connectionString: options.connectionString,
      host: options.host,
      port: options.port,
      user: options.user,
      database: options.database,
      max: options.max ?? 12,
      application_name: options.applicationName ?? 'itinera',
      connectionTimeoutMillis: 10_000,
      idleTimeoutMillis: 30_000,
      // A worker that hangs inside a transaction must not hold its locks for ever.
      idle_in_transaction_session_timeout: 30_000,
    });
    // An idle connection that breaks (a database restart) is dropped by the pool; the next query opens a new one.
    this.pool.on('error', () => undefined);
    // So must one that breaks between two statements of a transaction: the next statement rejects, and that is enough.
    this.pool.on('connect', (client) => client.on('error', () => undefined));
    this.direct = wrap(this.pool);
  }

  query<R extends object>(sql: Statement | string, values?: readonly unknown[]): Promise<R[]> {
    return this.direct.query<R>(sql, values);
  }

  /**
   * Runs `work` in one READ COMMITTED transaction. Deadlocks and serialization failures are tried again, the whole of
   * `work` from the start, so it must have no effect but through `tx`.
   */
  async transaction<T>(work: (tx: Transaction) => Promise<T>, tries = 4): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const client = await this.pool.connect();
      let broken: Error | undefined;
      try {
        const tx: Transaction = { ...wrap(client), transaction: true };
        await client.query('begin');
        const result = await work(tx);
        await client.query('commit');
        return result;
      } catch (error) {
        if (isDisconnect(error)) broken = error as Error;
        else await client.query('rollback').catch((failure: Error) => (broken = failure));
        if (attempt >= tries || !RETRYABLE.has(errorCode(error) ?? '')) throw error;
      } finally {
        client.release(broken);
      }
    }
  }

  async close(): Promise<void> {
    await this.pool.end();
  }
}
