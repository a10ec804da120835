/**
 * The main job, on the app as shipped: a journey goes in over REST, ten thousand users are tracked in, and the sink has
 * exactly the webhooks that were to be sent, although it fails some in every way on the way.
 */
import { startShipped, eventually, type App } from '../support/shipped.js';
import { Sink, type Answer, type Received } from '../support/sink.js';

const USERS = 10_000;
const PER_REQUEST = 75;

describe('the main job', () => {
  let app: App;
  let steady: Sink;
  let moody: Sink;

  beforeAll(async () => {
    [steady, moody, app] = await Promise.all([Sink.open(), Sink.open(), startShipped()]);
  }, 180_000);

  afterAll(async () => {
    expect(await app.stop()).toBe(0);
    await Promise.all([steady.close(), moody.close()]);
  }, 60_000);

  it('sends 10,000 users through webhook → delay → split → webhook, each exactly once, whatever the sink does', async () => {
    moody.answerWith(everyKindOfTrouble);
    const created = await app.call('POST', '/api/journeys', journey(steady.origin, moody.origin));
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({ key: 'main-job', status: 'draft', version: 1 });
    expect((await app.call('POST', '/api/journeys/main-job/launch', {})).status).toBe(200);

    await track(app, USERS);
    const done = (): boolean => steady.accepted.length + moody.accepted.length >= USERS * 2;
    await Promise.race([steady.until(done, 'all webhooks', 150), moody.until(done, 'all webhooks', 150)]);

    const stats = await eventually(
      'every entry has completed',
      async () => (await app.call<Stats>('GET', '/api/journeys/main-job/stats')).body,
      ({ totals }) => totals.completed === USERS,
    );
    expect(stats.totals).toMatchObject({ entered: USERS, active: 0, completed: USERS, exited: 0, errored: 0 });
    expect(stats.steps['is_pro']?.paths).toEqual({ yes: USERS / 2, no: USERS / 2 });
    expect(stats.totals.webhooks.sent).toBe(USERS * 2);

    // What arrived is what was to arrive: one welcome and one offer or nudge per user, bodies rendered for that user.
    const welcomes = steady.accepted.map(({ body }) => (JSON.parse(body) as { user: string }).user);
    expect(new Set(welcomes).size).toBe(USERS);
    expect(welcomes.length).toBe(USERS);
    const byPath = (path: string): string[] =>
      moody.accepted
        .filter((request) => request.path === path)
        .map(({ body }) => (JSON.parse(body) as { user: string }).user);
    const offers = byPath('/offer');
    const nudges = byPath('/nudge');
    expect(offers.length).toBe(USERS / 2);
    expect(nudges.length).toBe(USERS / 2);
    expect(new Set([...offers, ...nudges]).size).toBe(USERS);
    expect(offers.every((user) => isPro(user))).toBe(true);
    expect(nudges.every((user) => !isPro(user))).toBe(true);
    expect(sameBytes(moody.received)).toBe(true);
    // The trouble was real.
    for (const status of [503, 429, 0]) expect(moody.received.some((request) => request.status === status)).toBe(true);
  }, 240_000);

  it('tells one user’s whole story', async () => {
    const list = await app.call<{ items: { id: string }[] }>(
      'GET',
      '/api/journeys/main-job/entries?external_id=user-1',
    );
    expect(list.body.items).toHaveLength(1);
    const { body } = await app.call<Story>('GET', `/api/entries/${list.body.items[0]!.id}`);
    expect(body).toMatchObject({
      journey: 'main-job',
      version: 1,
      external_id: 'user-1',
      status: 'completed',
      step: expect.anything(),
    });
    const went = body.timeline.filter(({ what }) => what === 'went').map(({ step, path }) => `${step}:${path}`);
    expect(went).toEqual(['welcome:next', 'wait:next', 'is_pro:no', 'nudge:next']);
    expect(body.timeline.find(({ step, what }) => step === 'is_pro' && what === 'went')?.why).toContain('plan');
    expect(body.timeline.filter(({ what }) => what === 'delivery')).toHaveLength(2);
  });
});

interface Stats {
  totals: { entered: number; completed: number; webhooks: { sent: number } };
  steps: Record<string, { paths: Record<string, number> }>;
}

interface Story {
  timeline: { step: string; what: string; path: string | null; why: string | null }[];
}

const isPro = (user: string): boolean => Number(user.slice(5)) % 2 === 0;

function journey(steady: string, moody: string): object {
  const hook = (url: string, next: string | null): object => ({
    type: 'webhook',
    request: { method: 'POST', url, body: { json: { user: '{{${user_id}}}', plan: '{{custom_attribute.${plan}}}' } } },
    retry: {
      attempts: 8,
      initial: 'PT0.2S',
      factor: 1.5,
      max: 'PT1S',
      jitter: 0.2,
      within: 'PT2M',
      statuses: [408, 429, '5xx'],
    },
    timeout: 'PT2S',
    next,
  });
  return {
    schema: 1,
    key: 'main-job',
    name: 'The main job',
    entry: { trigger: { type: 'event', on: [{ event: 'signed_up' }] } },
    start: 'welcome',
    steps: {
      welcome: hook(`${steady}/welcome`, 'wait'),
      wait: { type: 'delay', for: 'PT1S', next: 'is_pro' },
      is_pro: {
        type: 'decision_split',
        if: { attribute: 'plan', op: 'equals', value: 'pro' },
        yes: 'offer',
        no: 'nudge',
      },
      offer: hook(`${moody}/offer`, null),
      nudge: hook(`${moody}/nudge`, null),
    },
  };
}

/** First requests of some users meet trouble; a repeat is answered well, so that everything arrives in the end. */
function everyKindOfTrouble({ repeat, body }: Received): Answer {
  if (repeat > 0) return {};
  const n = Number((JSON.parse(body) as { user: string }).user.slice(5));
  const soon = Math.ceil(Date.now() / 1000) + 1;
  switch (n % 2_500) {
    case 3:
      return { status: 503, headers: { 'retry-after': '1' } };
    case 314:
      return { status: 429, headers: { 'retry-after': new Date(Date.now() + 1500).toUTCString() } };
    case 635:
      return {
        status: 429,
        headers: { 'x-rate-limit-limit': '1000', 'x-rate-limit-remaining': '0', 'x-rate-limit-reset': String(soon) },
      };
    case 956:
      return {
        status: 429,
        headers: {
          'x-ratelimit-limit': '1000',
          'x-ratelimit-remaining': '0',
          'x-ratelimit-reset': String(soon * 1000),
        },
      };
    case 1277:
      return {
        status: 429,
        headers: { 'ratelimit-limit': '1000', 'ratelimit-remaining': '0', 'ratelimit-reset': '1' },
      };
    case 1598:
      return { status: 429, headers: { ratelimit: '"default";r=0;t=1', 'ratelimit-policy': '"default";q=1000;w=1' } };
    case 1919:
      return { reset: true };
    case 2240:
      return { after: new Promise((resolve) => setTimeout(resolve, 300)) };
    default:
      return {};
  }
}

async function track(app: App, users: number): Promise<void> {
  const requests: object[] = [];
  for (let from = 0; from < users; from += PER_REQUEST) {
    const ids = Array.from({ length: Math.min(PER_REQUEST, users - from) }, (_, i) => `user-${from + i}`);
    requests.push({
      attributes: ids.map((external_id) => ({ external_id, plan: isPro(external_id) ? 'pro' : 'free' })),
      events: ids.map((external_id) => ({ external_id, name: 'signed_up', time: new Date().toISOString() })),
    });
  }
  const worker = async (): Promise<void> => {
    for (let request = requests.pop(); request; request = requests.pop()) {
      const { status, body } = await app.call('POST', '/users/track', request);
      expect({ status, body }).toMatchObject({ status: 201, body: { message: 'success' } });
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}

/** Requests with the same `webhook-id` carried the same body. */
function sameBytes(requests: readonly Received[]): boolean {
  const bodies = new Map<string, string>();
  return requests.every(({ headers, body }) => {
    const id = String(headers['webhook-id']);
    const known = bodies.get(id) ?? body;
    bodies.set(id, known);
    return known === body;
  });
}
