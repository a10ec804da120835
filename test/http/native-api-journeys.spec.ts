import {
  draftOut,
  journeyDetailOut,
  journeyOut,
  listOf,
  problemOut,
  validationOut,
} from '../../src/api/native/shapes.js';
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

/** The places an answer names. */
function places(answer: Answer): string[] {
  return answer.json.issues.map((issue: { path?: string; parameter?: string }) => issue.path ?? `?${issue.parameter}`);
}

const create = (key: string, extra: object = {}) => api.call('POST', '/api/journeys', { body: definition(key, extra) });
const launch = (key: string, body: unknown = {}) => api.call('POST', `/api/journeys/${key}/launch`, { body });

describe('POST /api/journeys', () => {
  it('201 with id, key, status, version and warnings', async () => {
    const answer = await create('made');
    expect(answer.status).toBe(201);
    expect(draftOut.safeParse(answer.json).error).toBeUndefined();
    expect(answer.json).toMatchObject({ key: 'made', status: 'draft', version: 1 });
  });

  it('422 with every issue and its place', async () => {
    const answer = await create('bad', { start: 7, surprise: true });
    expectProblem(answer, 422, 'journey_invalid');
    expect(places(answer)).toEqual(expect.arrayContaining(['/start', '/surprise']));
  });

  it.each([
    ['an array', '[]', 422, 'journey_invalid'],
    ['no object', '"text"', 422, 'journey_invalid'],
    ['broken JSON', '{"key": }', 400, 'json_invalid'],
    ['__proto__', '{"__proto__": {}}', 400, 'json_invalid'],
    ['nesting', `${'['.repeat(3_000)}${']'.repeat(3_000)}`, 400, 'request_invalid'],
    ['U+0000', JSON.stringify(definition('nul', { name: '\u0000' })), 400, 'request_invalid'],
  ])('refuses %s', async (_what, body, status, code) => {
    expectProblem(await api.call('POST', '/api/journeys', { body }), status, code);
  });

  it('refuses no body at all and other media types', async () => {
    expectProblem(await api.call('POST', '/api/journeys'), 422, 'journey_invalid');
    expectProblem(
      await api.call('POST', '/api/journeys', { body: '<a/>', headers: { 'content-type': 'text/xml' } }),
      415,
      'media_type_unsupported',
    );
  });

  it('409 when the key is taken', async () => {
    await create('taken');
    expectProblem(await create('taken'), 409, 'journey_key_taken');
  });
});

describe('POST /api/journeys/validate', () => {
  it('says what is wrong and stores nothing', async () => {
    const good = await api.call('POST', '/api/journeys/validate', { body: definition('only-looked-at') });
    expect(good.status).toBe(200);
    expect(validationOut.safeParse(good.json).error).toBeUndefined();
    expect(good.json.valid).toBe(true);
    const bad = await api.call('POST', '/api/journeys/validate', {
      body: { ...definition('only-looked-at'), steps: {} },
    });
    expect(bad).toMatchObject({ status: 200, json: { valid: false } });
    expectProblem(await api.call('GET', '/api/journeys/only-looked-at'), 404, 'journey_unknown');
  });
});

describe('GET /api/journeys', () => {
  it('lists journeys with their definitions, without them when asked', async () => {
    await create('listed');
    const answer = await api.call('GET', '/api/journeys?limit=200');
    expect(answer.status).toBe(200);
    expect(listOf(journeyOut).safeParse(answer.json).error).toBeUndefined();
    expect(answer.json.items).toContainEqual(
      expect.objectContaining({ key: 'listed', definition: definition('listed') }),
    );
    const brief = await api.call('GET', '/api/journeys?definition=false&status=draft,active');
    expect(brief.json.items[0]).not.toHaveProperty('definition');
  });

  it('pages', async () => {
    await create('page-a');
    await create('page-b');
    const first = await api.call('GET', '/api/journeys?limit=1');
    const second = await api.call('GET', `/api/journeys?limit=1&cursor=${first.json.next_cursor}`);
    expect(second.json.items[0].key).not.toBe(first.json.items[0].key);
  });

  it.each([
    ['limit=0', '?limit'],
    ['limit=many', '?limit'],
    ['limit=1&limit=2', '?limit'],
    ['limit=100000', '?limit'],
    ['status=asleep', '?status'],
    ['page=1', '?page'],
    ['definition=maybe', '?definition'],
    ['cursor=', '?cursor'],
  ])('400 for ?%s', async (query, place) => {
    const answer = await api.call('GET', `/api/journeys?${query}`);
    expectProblem(answer, 400, 'request_invalid');
    expect(places(answer)).toContain(place);
  });

  it('400 for a cursor that is none', async () => {
    expectProblem(await api.call('GET', '/api/journeys?cursor=nonsense'), 400, 'cursor_invalid');
  });
});

describe('GET and PUT /api/journeys/:key', () => {
  it('what comes out is what went in, to the character', async () => {
    const text =
      '{ "key":"exact", "name":"\\u00e9 é", "schema":1.0,\n "layout": {"b":{"y":1.50,"x":2e1},"10":{"x":0,"y":0},"2":{"x":0,"y":0}}, "entry":{"trigger":{"type":"api"}}, "start":"done", "steps":{"done":{"type":"exit"}} }';
    expect((await api.call('POST', '/api/journeys', { body: text })).status).toBe(201);
    const shown = await api.call('GET', '/api/journeys/exact');
    expect(shown.text).toContain(`"definition":${text}`);
    expect(journeyDetailOut.safeParse(shown.json).error).toBeUndefined();
    const changed = text.replace('2e1', '20.00');
    expect(await api.call('PUT', '/api/journeys/exact', { body: changed })).toMatchObject({
      status: 200,
      json: { version: 2 },
    });
    expect((await api.call('GET', '/api/journeys/exact')).text).toContain(`"definition":${changed}`);
    expect((await api.call('GET', '/api/journeys/exact?version=1')).text).toContain(`"definition":${text}`);
  });

  it('If-Match holds off an edit of somebody who has not seen the latest version', async () => {
    await create('shared');
    const { headers } = await api.call('GET', '/api/journeys/shared');
    const put = (match: string) =>
      api.call('PUT', '/api/journeys/shared', { body: definition('shared'), headers: { 'if-match': match } });
    expect((await put(headers['etag'] as string)).status).toBe(200);
    expectProblem(await put(headers['etag'] as string), 412, 'version_mismatch');
    expect((await put('*')).status).toBe(200);
    expectProblem(await put('soon'), 400, 'request_invalid');
    expectProblem(
      await api.call('PUT', '/api/journeys/shared?expected_version=1', { body: definition('shared') }),
      412,
      'version_mismatch',
    );
  });

  it('refuses what does not fit', async () => {
    await create('strict');
    expectProblem(await api.call('PUT', '/api/journeys/strict', { body: definition('other') }), 422, 'journey_invalid');
    expectProblem(
      await api.call('PUT', '/api/journeys/nobody', { body: definition('nobody') }),
      404,
      'journey_unknown',
    );
    expectProblem(await api.call('GET', '/api/journeys/nobody'), 404, 'journey_unknown');
    expectProblem(await api.call('GET', '/api/journeys/strict?version=9'), 404, 'version_unknown');
    expectProblem(await api.call('GET', '/api/journeys/strict?version=x'), 400, 'request_invalid');
    expectProblem(await api.call('GET', '/api/journeys/%00'), 400, 'request_invalid');
  });

  it('shows the machine', async () => {
    await create('machine');
    const answer = await api.call('GET', '/api/journeys/machine/machine');
    expect(answer).toMatchObject({ status: 200, json: { states: { pause: {}, done: {} } } });
    expectProblem(await api.call('GET', '/api/journeys/nobody/machine'), 404, 'journey_unknown');
    expectProblem(await api.call('GET', '/api/journeys/machine/machine?x=1'), 400, 'request_invalid');
  });
});

describe('the life cycle', () => {
  it('launch, stop, resume, archive; 409 with a code when it does not fit', async () => {
    await create('cycle');
    const change = (what: string) => api.call('POST', `/api/journeys/cycle/${what}`);
    expectProblem(await change('stop'), 409, 'journey_not_launched');
    expect(await launch('cycle')).toMatchObject({ status: 200, json: { status: 'active', live_version: 1 } });
    expectProblem(await launch('cycle'), 409, 'version_live');
    expectProblem(await change('resume'), 409, 'journey_active');
    expect(await change('stop')).toMatchObject({ status: 200, json: { status: 'stopped' } });
    expectProblem(await change('stop'), 409, 'journey_stopped');
    expect(await change('resume')).toMatchObject({ status: 200, json: { status: 'active' } });
    expect(await change('archive')).toMatchObject({ status: 200, json: { status: 'archived' } });
    for (const what of ['launch', 'stop', 'resume', 'archive'])
      expectProblem(await change(what), 409, 'journey_archived');
    expect(await api.call('GET', '/api/journeys/cycle')).toMatchObject({
      json: { status: 'archived', stops: [{ to: expect.any(String) }, { to: null }] },
    });
  });

  it('refuses bad input by its place', async () => {
    await create('picky');
    for (const [body, place] of [
      [{ version: 'one' }, '/version'],
      [{ version: 0 }, '/version'],
      [{ in_flight: 'jump' }, '/in_flight'],
      [{ when: 'now' }, '/when'],
      [[], ''],
    ] as const) {
      const answer = await launch('picky', body);
      expectProblem(answer, 400, 'request_invalid');
      expect(places(answer)).toContain(place);
    }
    expectProblem(await launch('picky', { in_flight: 'move' }), 422, 'in_flight_move_not_built');
    expectProblem(await launch('picky', { version: 4 }), 404, 'version_unknown');
    expectProblem(await launch('nobody'), 404, 'journey_unknown');
    for (const what of ['stop', 'resume', 'archive']) {
      const answer = await api.call('POST', `/api/journeys/picky/${what}`, { body: { now: true } });
      expectProblem(answer, 400, 'request_invalid');
      expect(places(answer)).toEqual(['/now']);
      expectProblem(await api.call('POST', `/api/journeys/nobody/${what}`), 404, 'journey_unknown');
    }
  });
});
