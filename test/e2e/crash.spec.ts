/**
 * The crash test: two workers, one killed with kill -9 in mid-run, and the database restarted once. Afterwards every
 * entry is where it should be, no step was taken twice, no delivery is missing, and repeats carry the same `webhook-id`
 * and the same bytes.
 */
import { expectNothingLostNothingTwice, launchCrashJourney, trackStarted } from '../support/crash-journey.js';
import { openOwnServer, type OwnServer } from '../support/own-server.js';
import { startShipped, type App } from '../support/shipped.js';
import { Sink } from '../support/sink.js';

const USERS = 4_000;

describe('a crash', () => {
  let server: OwnServer;
  let api: App;
  let workers: App[];
  let sink: Sink;

  beforeAll(async () => {
    server = await openOwnServer();
    sink = await Sink.open(({ path, repeat }) =>
      path === '/first' && repeat === 0 && Math.random() < 0.05 ? { status: 503 } : {},
    );
    api = await startShipped({ DATABASE_URL: server.url, ITINERA_ROLE: 'api' });
    workers = await Promise.all([worker(), worker()]);
  }, 180_000);

  afterAll(async () => {
    await Promise.all([api, ...workers].map((app) => app.stop()));
    await sink.close();
    await server.close();
  }, 60_000);

  const worker = (): Promise<App> => startShipped({ DATABASE_URL: server.url, ITINERA_ROLE: 'worker' });

  it('loses nothing and does nothing twice', async () => {
    await launchCrashJourney(api, sink);
    const tracked = trackStarted(api, USERS);
    await sink.until(() => sink.received.length > USERS / 4, 'the run is under way', 90);
    await workers[0]!.kill();
    await sink.until(() => sink.received.length > USERS, 'the other worker goes on', 90);
    await server.restart();
    workers[0] = await worker();
    await tracked;
    await expectNothingLostNothingTwice(server, sink, USERS, 180);
  }, 420_000);
});
