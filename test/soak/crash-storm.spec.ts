/**
 * A storm of crashes: three workers, one of them killed with kill -9 every few hundred webhooks and replaced, and the
 * database restarted several times, until everybody is through. What must hold is what must hold after one crash.
 */
import { expectNothingLostNothingTwice, launchCrashJourney, trackStarted } from '../support/crash-journey.js';
import { openOwnServer, type OwnServer } from '../support/own-server.js';
import { startShipped, type App } from '../support/shipped.js';
import { Sink } from '../support/sink.js';

const USERS = 12_000;
const WORKERS = 3;
/** Every third crash is the database's. */
const CRASHES = 12;

describe('a storm of crashes', () => {
  let server: OwnServer;
  let api: App;
  let workers: App[];
  let sink: Sink;

  beforeAll(async () => {
    server = await openOwnServer();
    sink = await Sink.open(({ repeat }) => {
      const luck = Math.random();
      if (repeat > 0 || luck > 0.04) return {};
      return luck < 0.02 ? { status: 503 } : { reset: true };
    });
    api = await startShipped({ DATABASE_URL: server.url, ITINERA_ROLE: 'api' });
    workers = await Promise.all(Array.from({ length: WORKERS }, worker));
  }, 180_000);

  afterAll(async () => {
    await Promise.all([api, ...workers].map((app) => app.stop()));
    await sink.close();
    await server.close();
  }, 60_000);

  function worker(): Promise<App> {
    return startShipped({ DATABASE_URL: server.url, ITINERA_ROLE: 'worker' });
  }

  it('loses nothing and does nothing twice', async () => {
    await launchCrashJourney(api, sink);
    const tracked = trackStarted(api, USERS);
    for (let crash = 1; crash <= CRASHES; crash++) {
      const mark = (USERS * 2.6 * crash) / (CRASHES + 1);
      await sink.until(() => sink.received.length > mark, `crash ${crash}`, 180);
      if (crash % 3 === 0) await server.restart();
      else {
        const victim = crash % WORKERS;
        await workers[victim]!.kill();
        workers[victim] = await worker();
      }
    }
    await tracked;
    await expectNothingLostNothingTwice(server, sink, USERS, 300);
  }, 1_200_000);
});
