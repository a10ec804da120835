/**
 * From settings to a running application, and back. The order matters: database, schema, modules, root key, doors; and
 * at the end doors and loops, pools, database. A start that fails undoes what it has done.
 */
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { NestFactory } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { BODY_LIMIT, parseJsonBody, refuseLargeBody } from './api/json-body.js';
import { serveApiDocs } from './api/native/openapi.js';
import { ProblemFilter } from './api/native/problem.filter.js';
import { AppModule } from './app.module.js';
import { addressOf, type Config } from './config/env.js';
import { NestLogger } from './config/logging.js';
import { loadSecret } from './config/secret.js';
import type { DatabaseOptions } from './persistence/database.js';
import { EmbeddedPostgres } from './persistence/embedded-postgres.js';
import { migrate } from './persistence/migrate.js';
import { httpRequests } from './reporting/metrics.js';
import { ApiKeysService } from './security/api-keys.service.js';

/** To take in one request. */
const REQUEST_TIMEOUT_MS = 60_000;

export interface Running {
  readonly app: NestFastifyApplication;
  readonly address: string;
  /** The root key, when this start has generated one: it cannot be had again. */
  readonly rootKey: string | null;
  /** Stops claiming, lets what is under way finish, closes the pools and stops the embedded database. */
  stop(): Promise<void>;
}

export async function start(config: Config, logger: Logger): Promise<Running> {
  const secret = loadSecret(config);
  const embedded = config.databaseUrl === null ? await startEmbedded(config, logger) : null;
  let app: NestFastifyApplication | undefined;
  try {
    const database: DatabaseOptions = {
      ...(embedded?.connection ?? { connectionString: config.databaseUrl ?? undefined }),
      max: config.databaseConnections,
      applicationName: `itinera ${config.role}`,
    };
    const done = await migrate(database);
    if (done.length > 0) logger.info({ migrations: done }, 'the schema is up to date');
    app = await createApp(config, secret, database, logger);
    const { key } = await app.get(ApiKeysService, { strict: false }).ensureRootKey(config.apiKey ?? undefined);
    if (config.role !== 'worker') serveApiDocs(app);
    await app.listen(config.port, config.host);
    const address = addressOf(config.host, listeningPort(app));
    if (config.port === 0 && config.publicUrl === addressOf(config.host, 0)) config.publicUrl = address;
    return { app, address, rootKey: key, stop: stopper(app, embedded, config, logger) };
  } catch (error) {
    await app?.close();
    await embedded?.stop();
    throw error;
  }
}

async function startEmbedded(config: Config, logger: Logger): Promise<EmbeddedPostgres> {
  const begun = performance.now();
  const log = logger.child({ room: 'Postgres' });
  const embedded = await EmbeddedPostgres.start({
    dataDir: config.dataDir,
    log: { info: (message) => log.info(message), warn: (message) => log.warn(message) },
  });
  log.info({ home: embedded.home, ms: Math.round(performance.now() - begun) }, 'the embedded PostgreSQL is up');
  return embedded;
}

/** The application without a port: what tests of the doors use with `inject`. */
export async function createApp(
  config: Config,
  secret: string,
  database: DatabaseOptions,
  logger: Logger,
): Promise<NestFastifyApplication> {
  const routerOptions = { ignoreTrailingSlash: true, ignoreDuplicateSlashes: true, maxParamLength: 500 };
  const adapter = new FastifyAdapter({ bodyLimit: BODY_LIMIT, requestTimeout: REQUEST_TIMEOUT_MS, routerOptions });
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.with(config, secret, database), adapter, {
    logger: new NestLogger(logger),
    abortOnError: false,
  });
  app.useBodyParser('application/json', { bodyLimit: BODY_LIMIT }, (_request: FastifyRequest, body: Buffer, done) => {
    try {
      done(null, parseJsonBody(body));
    } catch (error) {
      done(error as Error);
    }
  });
  app.useGlobalFilters(new ProblemFilter());
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addHook('preParsing', refuseLargeBody);
  fastify.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'unknown';
    httpRequests.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1000);
    done();
  });
  return app;
}

function listeningPort(app: NestFastifyApplication): number {
  const address: unknown = app.getHttpServer().address();
  return typeof address === 'object' && address !== null && 'port' in address ? Number(address.port) : 0;
}

/** Time beyond the drain for closing sockets and pools. */
const CLOSE_GRACE_MS = 5_000;

function stopper(
  app: NestFastifyApplication,
  embedded: EmbeddedPostgres | null,
  config: Config,
  logger: Logger,
): () => Promise<void> {
  return async () => {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), config.shutdownMs + CLOSE_GRACE_MS);
    });
    try {
      // Nothing is lost when work is cut off: what was not committed is claimed again at the next start.
      if ((await Promise.race([app.close(), limit])) === 'late')
        logger.warn('work under way did not finish in time and is cut off');
    } catch (error) {
      logger.error({ err: error }, 'closing failed');
    } finally {
      clearTimeout(timer);
      await embedded?.stop();
    }
  };
}
