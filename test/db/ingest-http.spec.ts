import { Global, Module } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { UsersTrackModule } from '../../src/api/braze/users-track/users-track.module.js';
import { PersistenceModule } from '../../src/persistence/persistence.module.js';
import { IngestListener } from '../../src/profiles/happening.js';
import { showProfile } from '../../src/profiles/profile-view.reader.js';
import { ApiKeysService } from '../../src/security/api-keys.service.js';
import { NotingListener } from '../support/ingest.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';

const KEY = 'root-key-of-the-test-workspace';
const TIME = '2026-01-02T03:04:05Z';
const listener = new NotingListener(['event:poison']);

@Global()
@Module({ providers: [{ provide: IngestListener, useValue: listener }], exports: [IngestListener] })
class ListenerModule {}

let db: TestDatabase;
let app: NestFastifyApplication;
let address: string;

beforeAll(async () => {
  db = await openTestDatabase();
  const module = await Test.createTestingModule({
    imports: [PersistenceModule.with(db.options), ListenerModule, UsersTrackModule],
  }).compile();
  app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter(), { logger: false });
  await app.listen(0, '127.0.0.1');
  address = await app.getUrl();
  await app.get(ApiKeysService, { strict: false }).ensureRootKey(KEY);
});
afterAll(async () => {
  await app.close();
  await db.close();
});

async function track(body: unknown, key = KEY): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${address}/users/track`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
}

const event = (external_id: string, name = 'opened') => ({ external_id, name, time: TIME });

it('answers 201 with counts of the arrays that were sent, and everything is there', async () => {
  const answer = await track({
    attributes: [{ external_id: 'ada', first_name: 'Ada', plan: 'pro' }],
    events: [event('ada'), event('ada')],
  });
  expect(answer).toEqual({ status: 201, body: { message: 'success', attributes_processed: 1, events_processed: 2 } });
  expect(await showProfile(db.database, 1, 'ada')).toMatchObject({
    first_name: 'Ada',
    custom_attributes: { plan: 'pro' },
    custom_events: [{ name: 'opened', count: 2 }],
  });
});

it('names bad items and bad attributes in Braze’s form, and stores the rest', async () => {
  const answer = await track({
    attributes: [{ external_id: 'eve', gender: 'X', plan: 'pro' }],
    events: [{ name: 'opened', time: TIME }, event('eve')],
    purchases: [],
  });
  expect(answer).toEqual({
    status: 201,
    body: {
      message: 'success',
      attributes_processed: 1,
      events_processed: 1,
      purchases_processed: 0,
      errors: [
        {
          type: "'external_id', 'user_alias', 'braze_id', 'email' or 'phone' is required",
          input_array: 'events',
          index: 0,
        },
        { type: "'gender' must be one of M, F, O, N, P or null", input_array: 'attributes', index: 0 },
      ],
    },
  });
  expect(await showProfile(db.database, 1, 'eve')).toMatchObject({
    custom_attributes: { plan: 'pro' },
    custom_events: [{ count: 1 }],
  });
});

it('an unknown alias is ignored unless attributes say that it may be created (acceptance case 37)', async () => {
  const user_alias = { alias_name: 'nobody', alias_label: 'crm' };
  const profiles = () => db.database.query(`select external_id, aliases, custom from profile where aliases <> '[]'`);
  expect((await track({ attributes: [{ user_alias, plan: 'pro' }] })).status).toBe(201);
  expect(await profiles()).toEqual([]);
  await track({ attributes: [{ user_alias, plan: 'pro', _update_existing_only: false }] });
  expect(await profiles()).toEqual([{ external_id: null, aliases: [user_alias], custom: { plan: 'pro' } }]);
});

it.each([
  [{}, 'Bad Request', "one of 'attributes', 'events' and 'purchases' is required"],
  [{ events: { name: 'x' } }, 'Bad Request', "'events' must be an array of objects"],
  [[1], 'Bad Request', 'the body must be a JSON object'],
  [
    { events: Array.from({ length: 76 }, () => event('fatal')) },
    'Max Input Length Exceeded',
    "'events' has 76 objects, 75 are allowed",
  ],
])('a fatal body answers 400 and stores nothing', async (body, message, error) => {
  expect(await track(body)).toEqual({ status: 400, body: { message, errors: [error] } });
  expect(await showProfile(db.database, 1, 'fatal')).toBeNull();
});

it('needs a key with the scope', async () => {
  expect(await track({ events: [event('eve')] }, 'wrong')).toEqual({ status: 401, body: { message: 'Unauthorized' } });
  const root = { workspace: 1, actor: 'test', scopes: ['*'] };
  const { key } = await app
    .get(ApiKeysService, { strict: false })
    .create(root, { name: 'reader', scopes: ['profiles.read'] });
  expect(await track({ events: [event('eve')] }, key)).toEqual({ status: 403, body: { message: 'Forbidden' } });
});

it('what cannot be stored answers 500 without its cause, and nothing of it is stored', async () => {
  listener.onReact = () => Promise.reject(new Error('secret cause'));
  expect(
    await track({ attributes: [{ external_id: 'mallory', plan: 'pro' }], events: [event('mallory', 'poison')] }),
  ).toEqual({
    status: 500,
    body: { message: 'Internal Server Error' },
  });
  expect(await showProfile(db.database, 1, 'mallory')).toBeNull();
});

it('many requests at once are each stored', async () => {
  const answers = await Promise.all(
    Array.from({ length: 60 }, (_, i) =>
      track({ attributes: [{ external_id: `many-${i}`, n: i }], events: [event('together')] }),
    ),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
  expect(await showProfile(db.database, 1, 'together')).toMatchObject({
    custom_events: [{ name: 'opened', count: 60 }],
  });
  expect(await showProfile(db.database, 1, 'many-59')).toMatchObject({ custom_attributes: { n: 59 } });
});
