/** TypeORM over the same database as `database.ts`: for definitions, keys and settings, and for the migrations. */
import { DataSource } from 'typeorm';
import type { DatabaseOptions } from './database.js';
import { entities } from './entities.js';
import { migrations } from './migrations.js';

export function createDataSource(options: DatabaseOptions): DataSource {
  return new DataSource({
    type: 'postgres',
    ...(options.connectionString === undefined
      ? { host: options.host, port: options.port, username: options.user, database: options.database }
      : { url: options.connectionString }),
    applicationName: `${options.applicationName ?? 'itinera'} definitions`,
    poolSize: 4,
    entities,
    migrations,
    migrationsTableName: 'migration',
    migrationsTransactionMode: 'each',
    // The schema is what the migrations say, never what the entities look like.
    synchronize: false,
    installExtensions: false,
    logging: false,
    // A broken idle connection is replaced by the pool; the query that needs one reports.
    poolErrorHandler: () => undefined,
    extra: { connectionTimeoutMillis: 10_000 },
  });
}
