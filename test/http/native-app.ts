/** The native API on a real database, without workers: what the specs of this folder talk to. */
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import type { FastifyRequest } from 'fastify';
import { BODY_LIMIT, parseJsonBody } from '../../src/api/json-body.js';
import { NativeApiModule } from '../../src/api/native/native-api.module.js';
import { serveApiDocs } from '../../src/api/native/openapi.js';
import { ProblemFilter } from '../../src/api/native/problem.filter.js';
import { PersistenceModule } from '../../src/persistence/persistence.module.js';
import { HealthModule } from '../../src/reporting/health.module.js';
import { ApiKeysService } from '../../src/security/api-keys.service.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly headers: Record<string, unknown>;
  readonly text: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- specs look into answers of every shape
  readonly json: any;
}

export interface Call {
  readonly key?: string | null;
  readonly headers?: Record<string, string>;
  /** A string is sent as it is. */
  readonly body?: unknown;
}

export class NativeApp {
  private constructor(
    readonly app: NestFastifyApplication,
    readonly db: TestDatabase,
    readonly rootKey: string,
  ) {}

  static async open(): Promise<NativeApp> {
    const db = await openTestDatabase();
    const module = await Test.createTestingModule({
      imports: [PersistenceModule.with(db.options), HealthModule, NativeApiModule],
    }).compile();
    const adapter = new FastifyAdapter({
      bodyLimit: BODY_LIMIT,
      routerOptions: { ignoreTrailingSlash: true, maxParamLength: 500 },
    });
    const app = module.createNestApplication<NestFastifyApplication>(adapter, { rawBody: true, logger: false });
    app.useBodyParser(
      'application/json',
      { bodyLimit: BODY_LIMIT },
      (_request: FastifyRequest, body: Buffer, done: (error: Error | null, value?: unknown) => void) => {
        try {
          done(null, parseJsonBody(body));
        } catch (error) {
          done(error as Error);
        }
      },
    );
    app.useGlobalFilters(new ProblemFilter());
    serveApiDocs(app);
    await app.listen(0, '127.0.0.1');
    const { key } = await app.get(ApiKeysService, { strict: false }).ensureRootKey();
    return new NativeApp(app, db, key!);
  }

  async call(method: string, path: string, call: Call = {}): Promise<Answer> {
    const key = call.key === undefined ? this.rootKey : call.key;
    const hasBody = call.body !== undefined;
    const response = await fetch(`${await this.app.getUrl()}${path}`, {
      method,
      headers: {
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        ...(hasBody ? { 'content-type': 'application/json' } : {}),
        ...call.headers,
      },
      ...(hasBody ? { body: typeof call.body === 'string' ? call.body : JSON.stringify(call.body) } : {}),
      redirect: 'manual',
    });
    const text = await response.text();
    const type = response.headers.get('content-type') ?? '';
    return {
      status: response.status,
      type,
      headers: Object.fromEntries(response.headers),
      text,
      json: /json/.test(type) ? (JSON.parse(text) as unknown) : undefined,
    };
  }

  async newKey(...scopes: string[]): Promise<string> {
    const { json } = await this.call('POST', '/api/keys', { body: { name: scopes.join(' '), scopes } });
    return (json as { key: string }).key;
  }

  async close(): Promise<void> {
    await this.app.close();
    await this.db.close();
  }
}

export function definition(key: string, extra: object = {}): Record<string, unknown> {
  return {
    schema: 1,
    key,
    name: `Journey ${key}`,
    entry: { trigger: { type: 'api' }, reentry: { after: 'PT0S' } },
    start: 'pause',
    steps: { pause: { type: 'delay', for: 'PT1H', next: 'done' }, done: { type: 'exit', reason: 'over' } },
    ...extra,
  };
}
