/** The examples of the contract, their hosts pointed at a sink: what arrives, in which order, with which bodies. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually, startShipped, type App } from '../support/shipped.js';
import { Sink, type Received } from '../support/sink.js';

const EXAMPLES = join(dirname(fileURLToPath(import.meta.url)), '../../examples');

interface Entry {
  id: string;
  status: string;
  timeline: { step: string; what: string; path: string | null }[];
}

describe('the examples', () => {
  let app: App;
  let sink: Sink;

  beforeAll(async () => {
    [sink, app] = await Promise.all([Sink.open(), startShipped()]);
  }, 180_000);

  afterAll(async () => {
    await app.stop();
    await sink.close();
  }, 60_000);

  async function launch(name: string): Promise<void> {
    const text = readFileSync(join(EXAMPLES, `${name}.json`), 'utf8').replaceAll(
      /https:\/\/[a-z]+\.example\.com/g,
      sink.origin,
    );
    expect((await app.call('POST', '/api/journeys', text)).status).toBe(201);
    const shown = await app.call<{ definition: object }>('GET', `/api/journeys/${name}`);
    expect(JSON.stringify(shown.body.definition)).toBe(JSON.stringify(JSON.parse(text)));
    expect((await app.call('POST', `/api/journeys/${name}/launch`, {})).status).toBe(200);
  }

  const of = (user: string): Received[] =>
    sink.accepted.filter(({ path, body }) => path.includes(user) || body.includes(user));
  const ended = async (journey: string, user: string): Promise<Entry> => {
    const { items } = await eventually(
      `${user} has completed ${journey}`,
      async () =>
        (await app.call<{ items: Entry[] }>('GET', `/api/journeys/${journey}/entries?external_id=${user}`)).body,
      ({ items: [entry] }) => entry?.status === 'completed',
    );
    return (await app.call<Entry>('GET', `/api/entries/${items[0]!.id}`)).body;
  };

  it('onboarding: the CRM first, then the gift for pros and the nudge for others', async () => {
    await launch('onboarding');
    const time = new Date().toISOString();
    const tracked = await app.call('POST', '/users/track', {
      attributes: [
        { external_id: 'pro-user', first_name: 'Ada', plan: 'pro', points: 12 },
        { external_id: 'free-user', plan: 'free' },
      ],
      events: [
        { external_id: 'pro-user', name: 'signed_up', time },
        { external_id: 'free-user', name: 'signed_up', time },
      ],
    });
    expect(tracked).toMatchObject({
      status: 201,
      body: { attributes_processed: 2, events_processed: 2, message: 'success' },
    });
    await Promise.all([ended('onboarding', 'pro-user'), ended('onboarding', 'free-user')]);

    const pro = of('pro-user');
    expect(pro.map(({ method, path }) => `${method} ${path}`)).toEqual(['PUT /contacts/pro-user', 'POST /gift']);
    expect(pro.map(({ body }) => JSON.parse(body) as object)).toEqual([
      { first_name: 'Ada', plan: 'pro', points: 12 },
      { user: 'pro-user', kind: 'gift' },
    ]);
    expect(pro[0]?.headers).toMatchObject({
      'x-source': 'itinera',
      'content-type': expect.stringContaining('application/json'),
    });
    expect(pro[1]!.at - pro[0]!.at).toBeGreaterThanOrEqual(2000);

    const free = of('free-user');
    expect(free.map(({ method, path }) => `${method} ${path}`)).toEqual(['PUT /contacts/free-user', 'POST /nudge']);
    expect(JSON.parse(free[0]!.body)).toEqual({ first_name: 'friend', plan: 'free', points: 0 });
    expect(free[1]).toMatchObject({ body: 'user=free-user&kind=nudge' });
    expect(free[1]?.headers['content-type']).toBe('application/x-www-form-urlencoded');
  }, 60_000);

  it('letter and fallback: the answer is used, and a failure after the last retry takes the other way', async () => {
    await launch('letter-and-fallback');
    sink.answerWith(({ path, body }) => {
      if (path !== '/v1/letters') return {};
      return body.includes('"order":"lost"')
        ? { status: 500 }
        : { status: 201, body: JSON.stringify({ id: 'letter-77' }) };
    });
    await app.call('POST', '/users/track', {
      attributes: [{ external_id: 'reader', first_name: 'Rosa' }, { external_id: 'unlucky' }],
    });
    const entered = await app.call<{ results: object[] }>('POST', '/api/journeys/letter-and-fallback/enter', {
      recipients: [
        { external_id: 'reader', context: { order_id: 'o-1' } },
        { external_id: 'unlucky', context: { order_id: 'lost' } },
      ],
    });
    expect(entered.body.results).toEqual([
      { external_id: 'reader', entered: true, entry_id: expect.any(String) },
      { external_id: 'unlucky', entered: true, entry_id: expect.any(String) },
    ]);
    const reader = await ended('letter-and-fallback', 'reader');
    expect(reader.timeline.filter(({ what }) => what === 'went').map(({ step, path }) => `${step}:${path}`)).toEqual([
      'letter:success',
      'note:next',
    ]);
    const profile = await app.call<{ custom_attributes: object }>('GET', '/api/profiles/reader');
    expect(profile.body.custom_attributes).toEqual({ last_letter: 'letter-77' });

    const unlucky = await ended('letter-and-fallback', 'unlucky');
    expect(unlucky.timeline.filter(({ what }) => what === 'went').map(({ step, path }) => `${step}:${path}`)).toEqual([
      'letter:failure',
      'fallback:next',
    ]);
    const letters = sink.received.filter(
      ({ body }) => body.includes('"order":"lost"') || body.includes('"user":"unlucky"'),
    );
    expect(letters.map(({ path, status }) => `${path} ${status}`)).toEqual([
      '/v1/letters 500',
      '/v1/letters 500',
      '/v1/letters 500',
      '/fallback 200',
    ]);
    const ids = letters.slice(0, 3).map(({ headers }) => headers['webhook-id']);
    expect(new Set(ids).size).toBe(1);
    expect(letters.slice(0, 3).every(({ headers }) => headers['idempotency-key'] === ids[0])).toBe(true);
    expect(new Set(letters.slice(0, 3).map(({ body }) => body)).size).toBe(1);
    expect(JSON.parse(letters[3]!.body)).toEqual({ user: 'unlucky', order: 'lost' });
  }, 90_000);
});
