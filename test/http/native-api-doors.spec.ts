import { keyOut, listOf, newKeyOut, problemOut } from '../../src/api/native/shapes.js';
import { definition, NativeApp, type Answer } from './native-app.js';

let api: NativeApp;

beforeAll(async () => {
  api = await NativeApp.open();
});

afterAll(() => api.close());

function expectProblem(answer: Answer, status: number, code: string): void {
  expect({ status: answer.status, code: answer.json?.code, type: answer.type }).toEqual({
    status,
    code,
    type: 'application/problem+json; charset=utf-8',
  });
  expect(problemOut.safeParse(answer.json).error).toBeUndefined();
}

describe('keys and scopes', () => {
  it('no key, a wrong key, a key without the scope', async () => {
    expectProblem(await api.call('GET', '/api/journeys', { key: null }), 401, 'api_key_missing');
    const wrong = await api.call('GET', '/api/journeys', { key: 'itn_wrong' });
    expectProblem(wrong, 401, 'api_key_invalid');
    expect(wrong.headers['www-authenticate']).toMatch(/^Bearer/);
    const reader = await api.newKey('journeys.read');
    expect((await api.call('GET', '/api/journeys', { key: reader })).status).toBe(200);
    expectProblem(
      await api.call('POST', '/api/journeys', { key: reader, body: definition('x') }),
      403,
      'scope_missing',
    );
  });

  it('is checked before the input: who may not, learns nothing', async () => {
    expectProblem(await api.call('GET', '/api/journeys?limit=many', { key: null }), 401, 'api_key_missing');
  });

  it('make, list, revoke', async () => {
    const made = await api.call('POST', '/api/keys', {
      body: { name: 'robot', scopes: ['journeys.read', 'users.track'] },
    });
    expect(made.status).toBe(201);
    expect(newKeyOut.safeParse(made.json).error).toBeUndefined();
    const list = await api.call('GET', '/api/keys');
    expect(listOf(keyOut).safeParse(list.json).error).toBeUndefined();
    expect(list.text).toContain('"robot"');
    expect(list.text).not.toContain(made.json.key);
    expect((await api.call('GET', '/api/journeys', { key: made.json.key })).status).toBe(200);
    expect(await api.call('DELETE', `/api/keys/${made.json.id}`)).toMatchObject({ status: 204, text: '' });
    expectProblem(await api.call('GET', '/api/journeys', { key: made.json.key }), 401, 'api_key_invalid');
  });

  it('refuses bad input by its place', async () => {
    for (const [body, place] of [
      [{ scopes: ['ingest'] }, '/name'],
      [{ name: ' ', scopes: ['ingest'] }, '/name'],
      [{ name: 'x', scopes: [] }, '/scopes'],
      [{ name: 'x', scopes: ['journeys.everything'] }, '/scopes/0'],
      [{ name: 'x', scopes: ['ingest'], admin: true }, '/admin'],
    ] as const) {
      const answer = await api.call('POST', '/api/keys', { body });
      expectProblem(answer, 400, 'request_invalid');
      expect(answer.json.issues[0].path).toBe(place);
    }
    expectProblem(await api.call('DELETE', '/api/keys/nonsense'), 400, 'request_invalid');
    expectProblem(await api.call('DELETE', '/api/keys/01990000-0000-7000-8000-000000000000'), 404, 'api_key_unknown');
    const limited = await api.newKey('keys.write');
    expectProblem(
      await api.call('POST', '/api/keys', { key: limited, body: { name: 'more', scopes: ['*'] } }),
      403,
      'scope_beyond_own',
    );
  });
});

describe('Idempotency-Key', () => {
  const post = (key: string, body: unknown) =>
    api.call('POST', '/api/journeys', { body, headers: { 'idempotency-key': key } });

  it('the same request again gets the stored answer and does nothing', async () => {
    const first = await post('again', definition('idem-a'));
    const second = await post('again', definition('idem-a'));
    expect(first.status).toBe(201);
    expect(second).toMatchObject({ status: 201, json: first.json, headers: { 'idempotency-replayed': 'true' } });
  });

  it('another request with the key is refused', async () => {
    await post('reused', definition('idem-b'));
    expectProblem(await post('reused', definition('idem-c')), 422, 'idempotency_key_reused');
    expectProblem(
      await api.call('POST', '/api/journeys/idem-b/launch', { body: {}, headers: { 'idempotency-key': 'reused' } }),
      422,
      'idempotency_key_reused',
    );
    expectProblem(await api.call('GET', '/api/journeys/idem-c'), 404, 'journey_unknown');
  });

  it('of many at the same moment, one does the work', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => post('race', definition('idem-race'))));
    const done = answers.filter(({ status }) => status === 201);
    expect(done.length).toBeGreaterThanOrEqual(1);
    expect(new Set(done.map(({ json }) => json.id)).size).toBe(1);
    for (const answer of answers) if (answer.status !== 201) expectProblem(answer, 409, 'idempotency_in_progress');
    const versions = await api.call('GET', '/api/journeys/idem-race');
    expect(versions.json.latest_version).toBe(1);
  });

  it('a request that was refused may be mended and sent again with its key', async () => {
    expectProblem(await post('mended', { schema: 1 }), 422, 'journey_invalid');
    expect((await post('mended', definition('idem-mended'))).status).toBe(201);
  });

  it('a secret that is shown once is not shown by the second answer, nor kept', async () => {
    const make = () =>
      api.call('POST', '/api/keys', {
        body: { name: 'once', scopes: ['ingest'] },
        headers: { 'idempotency-key': 'secret' },
      });
    const first = await make();
    const second = await make();
    expect(first.json.key).toMatch(/^itn_/);
    expect(second.json).toEqual({ ...first.json, key: null });
    const [row] = await api.db.database.query<{ body: object }>(`select body from idempotency where key = 'secret'`);
    expect(JSON.stringify(row)).not.toContain(first.json.key);
  });

  it('keys are per workspace, kept for a day, and given up when their process is lost', async () => {
    await post('old', definition('idem-old'));
    await api.db.database.query(`update idempotency set created_at = now() - interval '25 hours' where key = 'old'`);
    expectProblem(await post('old', definition('idem-old')), 409, 'journey_key_taken');
    await api.db.database.query(
      `insert into idempotency (workspace, key, fingerprint, created_at) values (1, 'lost', '\\x00', now() - interval '1 hour'), (1, 'held', '\\x00', now())`,
    );
    expect((await post('lost', definition('idem-lost'))).status).toBe(201);
    expectProblem(await post('held', definition('idem-held')), 422, 'idempotency_key_reused');
  });

  it('a key that is none is refused', async () => {
    const answer = await post('x'.repeat(256), definition('idem-long'));
    expectProblem(answer, 400, 'idempotency_key_invalid');
    expect(answer.json.issues).toEqual([expect.objectContaining({ parameter: 'Idempotency-Key' })]);
  });
});

describe('errors', () => {
  it('unknown routes and methods are problems under /api and Braze’s shape elsewhere', async () => {
    expectProblem(await api.call('GET', '/api/nothing'), 404, 'not_found');
    expectProblem(await api.call('DELETE', '/api/journeys'), 404, 'not_found');
    expect(await api.call('GET', '/nothing')).toMatchObject({ status: 404, json: { message: expect.any(String) } });
  });

  it('a body beyond the limit is 413', async () => {
    expectProblem(
      await api.call('POST', '/api/journeys', { body: `"${'x'.repeat(5_000_000)}"` }),
      413,
      'body_too_large',
    );
  });
});

describe('the description of the API', () => {
  it('is OpenAPI 3.1, with every route, its answers and its problems', async () => {
    const { status, json } = await api.call('GET', '/api/openapi.json', { key: null });
    expect(status).toBe(200);
    expect(json.openapi).toBe('3.1.0');
    const create = json.paths['/api/journeys'].post;
    expect(create.requestBody.content['application/json'].schema).toEqual({
      $ref: '#/components/schemas/JourneyDefinition',
    });
    expect(Object.keys(create.responses)).toEqual(
      expect.arrayContaining(['201', '400', '401', '403', '409', '422', '503']),
    );
    expect(create.responses['422'].content['application/problem+json'].schema).toEqual({
      $ref: '#/components/schemas/Problem',
    });
    expect(create.parameters).toContainEqual(expect.objectContaining({ name: 'Idempotency-Key', in: 'header' }));
    const list = json.paths['/api/journeys'].get;
    expect(list.parameters.map(({ name }: { name: string }) => name)).toEqual(
      expect.arrayContaining(['status', 'definition', 'cursor', 'limit']),
    );
  });

  it('has no reference that leads nowhere', async () => {
    const { json, text } = await api.call('GET', '/api/openapi.json', { key: null });
    const names = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, reference]) => reference!);
    expect(names.length).toBeGreaterThan(10);
    for (const name of new Set(names)) {
      expect(name).toMatch(/^#\/components\/schemas\//);
      expect(json.components.schemas).toHaveProperty([name.slice('#/components/schemas/'.length)]);
    }
  });

  it('can be browsed without the internet', async () => {
    const page = await api.call('GET', '/api/docs', { key: null });
    expect(page).toMatchObject({ status: 200, type: 'text/html; charset=utf-8' });
    const files = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => file!);
    expect(files.length).toBe(4);
    for (const file of files) {
      expect(file).not.toMatch(/^(https?:)?\/\//);
      expect((await api.call('GET', `/api/${file}`, { key: null })).status).toBe(200);
    }
  });
});
