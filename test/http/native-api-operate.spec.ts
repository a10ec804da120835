import { newId, laneOfId } from '../../src/kernel/ids.js';
import {
  acceptedOut,
  deliveryDetailOut,
  deliveryOut,
  enteredOut,
  entryDetailOut,
  entryOut,
  hostOut,
  listOf,
  problemOut,
  profileDetailOut,
  profileOut,
  refusalsOut,
  retriedOut,
  statsOut,
} from '../../src/api/native/shapes.js';
import type { z } from 'zod';
import { definition, NativeApp, type Answer } from './native-app.js';

let api: NativeApp;
const NOWHERE = '01990000-0000-7000-8000-000000000000';

beforeAll(async () => {
  api = await NativeApp.open();
  for (const key of ['open', 'quiet']) await api.call('POST', '/api/journeys', { body: definition(key) });
  await api.call('POST', '/api/journeys/open/launch', { body: {} });
  const onEvent = { entry: { trigger: { type: 'event', on: [{ event: 'signed_up' }] } } };
  await api.call('POST', '/api/journeys', { body: definition('by-event', onEvent) });
  await api.call('POST', '/api/journeys/by-event/launch', { body: {} });
});

afterAll(() => api.close());

function expectProblem(answer: Answer, status: number, code: string, place?: string): void {
  expect({ status: answer.status, code: answer.json?.code, type: answer.type }).toEqual({
    status,
    code,
    type: 'application/problem+json; charset=utf-8',
  });
  expect(problemOut.safeParse(answer.json).error).toBeUndefined();
  if (place !== undefined) {
    expect(
      answer.json.issues.map((issue: { path?: string; parameter?: string }) => issue.path ?? `?${issue.parameter}`),
    ).toContain(place);
  }
}

function expectShape(answer: Answer, status: number, shape: z.ZodType): void {
  expect({ status: answer.status, problem: answer.status < 400 ? undefined : answer.text }).toEqual({
    status,
    problem: undefined,
  });
  expect(shape.safeParse(answer.json).error).toBeUndefined();
}

const get = (path: string) => api.call('GET', path);
const post = (path: string, body?: unknown) => api.call('POST', path, { body });

async function enter(externalId: string): Promise<string> {
  const answer = await post('/api/journeys/open/enter', {
    external_id: externalId,
    create_missing: true,
    context: { order: 7 },
  });
  return answer.json.results[0].entry_id as string;
}

async function entryStatus(id: string, status: string): Promise<void> {
  await api.db.database.query(`update entry set status = $3, wake_at = null where lane = $1 and id = $2`, [
    laneOfId(id),
    id,
    status,
  ]);
}

async function delivery(status: string): Promise<string> {
  const entry = await enter(`delivered-${newId(0, Date.now())}`);
  const id = newId(laneOfId(entry), Date.now());
  await api.db.database.query(
    `with h as (
       insert into host (workspace, origin, created_at, updated_at) values (1, 'https://hooks.example.com', now(), now())
       on conflict (workspace, origin) do update set updated_at = now() returning id)
     insert into delivery (lane, id, workspace, journey_id, version, step, visit, entry_id, profile_id, host_id, status, due_at, created_at, finished_at)
     select e.lane, $3, e.workspace, e.journey_id, 1, 'pause', 1, e.id, e.profile_id, h.id, $4,
       case when $4 in ('due', 'retry') then now() end, now(), case when $4 in ('due', 'retry') then null else now() end
     from entry e, h where e.lane = $1 and e.id = $2`,
    [laneOfId(entry), entry, id, status],
  );
  return id;
}

describe('POST /api/journeys/:key/enter', () => {
  it('one recipient, and many: entered with the entry, or refused with the reason', async () => {
    const one = await post('/api/journeys/open/enter', { external_id: 'ada', create_missing: true });
    expectShape(one, 200, enteredOut);
    expect(one.json.results).toEqual([{ external_id: 'ada', entered: true, entry_id: expect.any(String) }]);
    const many = await post('/api/journeys/open/enter', {
      recipients: [{ external_id: 'nobody' }, { user_alias: { alias_name: 'a', alias_label: 'b' } }],
    });
    expectShape(many, 200, enteredOut);
    expect(many.json.results).toMatchObject([
      { external_id: 'nobody', entered: false, reason: 'unknown_profile' },
      { entered: false, reason: 'unknown_profile' },
    ]);
  });

  it('a journey that is not live refuses everybody', async () => {
    const answer = await post('/api/journeys/quiet/enter', { external_id: 'ada' });
    expect(answer).toMatchObject({ status: 200, json: { results: [{ entered: false, reason: 'not_live' }] } });
  });

  it('idempotency_key in the body: the same call again makes no second entry', async () => {
    const call = () =>
      post('/api/journeys/open/enter', { external_id: 'once', create_missing: true, idempotency_key: 'order-1' });
    const first = await call();
    expect(first.json.results[0].entered).toBe(true);
    expect((await call()).json).toEqual(first.json);
    expect((await get('/api/journeys/open/entries?external_id=once')).json.items).toHaveLength(1);
    expectProblem(
      await post('/api/journeys/open/enter', { external_id: 'other', idempotency_key: 'order-1' }),
      422,
      'idempotency_key_reused',
    );
    expect((await post('/api/journeys/quiet/enter', { external_id: 'other', idempotency_key: 'order-1' })).status).toBe(
      200,
    );
  });

  it.each<[string, unknown, string]>([
    ['nobody named', {}, ''],
    ['both forms at once', { external_id: 'a', recipients: [{ external_id: 'b' }] }, ''],
    ['an id that is no text', { external_id: 7 }, '/external_id'],
    ['an empty id', { external_id: '' }, '/external_id'],
    ['no recipients', { recipients: [] }, '/recipients'],
    ['a recipient without identity', { recipients: [{}] }, '/recipients/0'],
    ['a recipient with two', { recipients: [{ external_id: 'a', braze_id: 'b' }] }, '/recipients/0'],
    ['a context beside recipients', { recipients: [{ external_id: 'a' }], context: {} }, '/context'],
    ['a context that is no object', { external_id: 'a', context: [] }, '/context'],
    ['a context over 50 KB', { external_id: 'a', context: { big: 'x'.repeat(60_000) } }, '/context'],
    ['a context with U+0000', { external_id: 'a', context: { text: '\u0000' } }, '/context/text'],
    ['a key that is no text', { external_id: 'a', idempotency_key: 7 }, '/idempotency_key'],
    ['an unknown member', { external_id: 'a', user: 'b' }, '/user'],
    [
      '1,001 recipients',
      { recipients: Array.from({ length: 1_001 }, (_, i) => ({ external_id: String(i) })) },
      '/recipients',
    ],
  ])('400 for %s', async (_what, body, place) => {
    expectProblem(await post('/api/journeys/open/enter', body), 400, 'request_invalid', place);
  });

  it('refuses journeys that are not there or enter otherwise', async () => {
    expectProblem(await post('/api/journeys/nobody/enter', { external_id: 'ada' }), 404, 'journey_unknown');
    expectProblem(await post('/api/journeys/by-event/enter', { external_id: 'ada' }), 409, 'journey_not_api_triggered');
  });
});

describe('entries', () => {
  it('lists and shows them', async () => {
    const id = await enter('grace');
    const list = await get(
      '/api/journeys/open/entries?external_id=grace&status=active&version=1&from=2020-01-01T00:00:00Z&limit=1',
    );
    expectShape(list, 200, listOf(entryOut));
    expect(list.json.items).toMatchObject([
      { id, journey: 'open', external_id: 'grace', status: 'active', context: { order: 7 } },
    ]);
    const one = await get(`/api/entries/${id}`);
    expectShape(one, 200, entryDetailOut);
    expect((await get(`/api/entries/${id.toUpperCase()}`)).status).toBe(200);
  });

  it.each([
    ['status=asleep', 'status'],
    ['version=x', 'version'],
    ['from=yesterday', 'from'],
    ['to=2026-13-01T00:00:00Z', 'to'],
    ['limit=0', 'limit'],
    ['journey=open', 'journey'],
  ])('400 for a list with %s', async (query, place) => {
    expectProblem(await get(`/api/journeys/open/entries?${query}`), 400, 'request_invalid', `?${place}`);
  });

  it('takes one out, lets a parked one go on, tries an errored one again; 409 when it does not fit', async () => {
    const id = await enter('linus');
    expectProblem(await post(`/api/entries/${id}/continue`), 409, 'entry_state');
    expectProblem(await post(`/api/entries/${id}/retry`), 409, 'entry_not_errored');
    expectShape(await post(`/api/entries/${id}/exit`, { reason: 'moved' }), 202, acceptedOut);
    await entryStatus(id, 'parked');
    expectShape(await post(`/api/entries/${id}/continue`), 202, acceptedOut);
    await entryStatus(id, 'errored');
    expectShape(await post(`/api/entries/${id}/retry`), 202, acceptedOut);
    await entryStatus(id, 'completed');
    expectProblem(await post(`/api/entries/${id}/exit`), 409, 'entry_state');
  });

  it('refuses bad input', async () => {
    const id = await enter('edsger');
    expectProblem(await post(`/api/entries/${id}/exit`, { reason: 7 }), 400, 'request_invalid', '/reason');
    expectProblem(await post(`/api/entries/${id}/exit`, { why: 'x' }), 400, 'request_invalid', '/why');
    expectProblem(await get('/api/entries/nonsense'), 400, 'request_invalid', '?id');
    expectProblem(await get(`/api/entries/${NOWHERE}`), 404, 'entry_unknown');
    for (const what of ['exit', 'continue', 'retry']) {
      expectProblem(await post(`/api/entries/nonsense/${what}`), 400, 'request_invalid', '?id');
      expectProblem(await post(`/api/entries/${NOWHERE}/${what}`), 404, 'entry_unknown');
    }
    for (const what of ['continue', 'retry'])
      expectProblem(await post(`/api/entries/${id}/${what}`, { x: 1 }), 400, 'request_invalid', '/x');
    expectProblem(await get('/api/journeys/nobody/entries'), 404, 'journey_unknown');
    expectProblem(await get('/api/journeys/open/entries?cursor=nonsense'), 400, 'cursor_invalid');
  });
});

describe('stats and refusals', () => {
  it('counts', async () => {
    await enter('counted');
    const stats = await get('/api/journeys/open/stats?interval=day&from=2020-01-01T00:00:00Z');
    expectShape(stats, 200, statsOut);
    expect(stats.json.totals.entered).toBeGreaterThan(0);
    expectShape(await get('/api/journeys/open/refusals'), 200, refusalsOut);
  });

  it('refuses bad input', async () => {
    expectProblem(await get('/api/journeys/open/stats?interval=minute'), 400, 'request_invalid', '?interval');
    expectProblem(await get('/api/journeys/open/stats?since=x'), 400, 'request_invalid', '?since');
    expectProblem(await get('/api/journeys/nobody/stats'), 404, 'journey_unknown');
    expectProblem(await get('/api/journeys/open/refusals?x=1'), 400, 'request_invalid', '?x');
    expectProblem(await get('/api/journeys/nobody/refusals'), 404, 'journey_unknown');
  });
});

describe('deliveries', () => {
  it('lists, shows, retries and cancels', async () => {
    const id = await delivery('failed');
    const list = await get('/api/deliveries?status=failed&journey=open&step=pause&host=https://hooks.example.com/');
    expectShape(list, 200, listOf(deliveryOut));
    expect(list.json.items.map((item: { id: string }) => item.id)).toContain(id);
    expectShape(await get(`/api/deliveries/${id}`), 200, deliveryDetailOut);
    expectShape(await post(`/api/deliveries/${id}/retry`), 200, deliveryDetailOut);
    expectShape(await post(`/api/deliveries/${id}/cancel`), 200, deliveryDetailOut);
    expectProblem(await post(`/api/deliveries/${id}/cancel`), 409, 'delivery_state');
  });

  it('retries many by filter', async () => {
    await delivery('failed');
    await delivery('expired');
    const answer = await post('/api/deliveries/retry', {
      filter: { journey: 'open', from: '2020-01-01T00:00:00Z' },
      rate: 5,
    });
    expectShape(answer, 200, retriedOut);
    expect(answer.json.retried).toBeGreaterThanOrEqual(2);
  });

  it.each([
    ['status=lost', 'status'],
    ['host=hooks.example.com', 'host'],
    ['host=https://a.example.com/path', 'host'],
    ['entry_id=nonsense', 'entry_id'],
    ['from=now', 'from'],
    ['sort=asc', 'sort'],
  ])('400 for a list with %s', async (query, place) => {
    expectProblem(await get(`/api/deliveries?${query}`), 400, 'request_invalid', `?${place}`);
  });

  it('refuses bad input', async () => {
    expectProblem(await get('/api/deliveries?journey=nobody'), 404, 'journey_unknown');
    expectProblem(await get('/api/deliveries/nonsense'), 400, 'request_invalid', '?id');
    expectProblem(await get(`/api/deliveries/${NOWHERE}`), 404, 'delivery_unknown');
    for (const what of ['retry', 'cancel']) {
      expectProblem(await post(`/api/deliveries/${NOWHERE}/${what}`), 404, 'delivery_unknown');
      expectProblem(await post(`/api/deliveries/${NOWHERE}/${what}`, { now: true }), 400, 'request_invalid', '/now');
    }
    expectProblem(
      await post('/api/deliveries/retry', { filter: { status: 'due' } }),
      400,
      'request_invalid',
      '/filter/status',
    );
    expectProblem(await post('/api/deliveries/retry', { rate: 0 }), 400, 'request_invalid', '/rate');
    expectProblem(await post('/api/deliveries/retry', { filters: {} }), 400, 'request_invalid', '/filters');
  });
});

describe('hosts', () => {
  const host = `/api/hosts/${encodeURIComponent('https://api.example.com')}`;
  const patch = (path: string, body: unknown) => api.call('PATCH', path, { body });

  it('settings hold for a host not seen yet; pause, resume and reset act on one that is known', async () => {
    expectProblem(await get(host), 404, 'host_unknown');
    for (const what of ['pause', 'resume', 'reset']) expectProblem(await post(`${host}/${what}`), 404, 'host_unknown');
    expectShape(await patch(host, { per_second: 5, circuit: { cool_down: 'PT2M' } }), 200, hostOut);
    expect((await post(`${host}/pause`)).json).toMatchObject({ host: 'https://api.example.com', paused: true });
    expect((await post(`${host}/resume`)).json.paused).toBe(false);
    expectShape(await post(`${host}/reset`), 200, hostOut);
    expectShape(await get(host), 200, hostOut);
    expectShape(await get('/api/hosts?limit=1'), 200, listOf(hostOut));
  });

  it('refuses bad input', async () => {
    expectProblem(await patch(host, { per_second: -1 }), 400, 'request_invalid', '/per_second');
    expectProblem(await patch(host, { circuit: { cool_down: 'soon' } }), 400, 'request_invalid', '/circuit/cool_down');
    expectProblem(await patch(host, { speed: 1 }), 400, 'request_invalid', '/speed');
    for (const origin of [
      'api.example.com',
      'ftp://api.example.com',
      'https://user:pass@api.example.com',
      'https://api.example.com/x',
      'https://',
    ]) {
      expectProblem(await patch(`/api/hosts/${encodeURIComponent(origin)}`, {}), 400, 'request_invalid', '?host');
    }
    for (const what of ['pause', 'resume', 'reset'])
      expectProblem(await post(`${host}/${what}`, { x: 1 }), 400, 'request_invalid', '/x');
    expectProblem(await get('/api/hosts?state=open'), 400, 'request_invalid', '?state');
  });
});

describe('profiles', () => {
  it('lists them and shows one with its entries', async () => {
    const id = await enter('barbara');
    const one = await get('/api/profiles/barbara');
    expectShape(one, 200, profileDetailOut);
    expect(one.json.entries).toMatchObject([{ id, journey: 'open' }]);
    const list = await get('/api/profiles?limit=1');
    expectShape(list, 200, listOf(profileOut));
    expect(list.json.next_cursor).not.toBeNull();
  });

  it('takes external ids with characters of their own', async () => {
    await enter('a/b?c=ü %');
    expect((await get(`/api/profiles/${encodeURIComponent('a/b?c=ü %')}`)).json).toMatchObject({
      external_id: 'a/b?c=ü %',
    });
  });

  it('refuses bad input', async () => {
    expectProblem(await get('/api/profiles/nobody'), 404, 'profile_unknown');
    expectProblem(await get('/api/profiles?cursor=nonsense'), 400, 'cursor_invalid');
    expectProblem(await get('/api/profiles?name=x'), 400, 'request_invalid', '?name');
  });
});
