import { AppError } from '../kernel/errors.js';
import { addressOf, loadConfig } from './env.js';

function problem(env: NodeJS.ProcessEnv): string {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof AppError) return error.message;
    throw error;
  }
  return 'accepted';
}

describe('settings', () => {
  it('have the defaults of the contract', () => {
    expect(loadConfig({})).toMatchObject({
      port: 3000,
      host: '127.0.0.1',
      role: 'all',
      databaseUrl: null,
      dataDir: `${process.cwd()}/.itinera`,
      publicUrl: 'http://127.0.0.1:3000',
      logLevel: 'info',
      apiKey: null,
      secret: null,
      egressAllow: [],
      shutdownMs: 30_000,
    });
  });

  it('are read from the environment', () => {
    const config = loadConfig({
      PORT: '8080',
      HOST: '0.0.0.0',
      DATABASE_URL: 'postgresql://me@db/itinera',
      PUBLIC_URL: 'https://journeys.example.com/',
      ITINERA_ROLE: 'worker',
      ITINERA_EGRESS_ALLOW: '10.0.0.0/8, printer.internal,::1',
    });
    expect(config).toMatchObject({
      port: 8080,
      host: '0.0.0.0',
      databaseUrl: 'postgresql://me@db/itinera',
      publicUrl: 'https://journeys.example.com',
      role: 'worker',
      egressAllow: ['10.0.0.0/8', 'printer.internal', '::1'],
    });
  });

  it('take an empty value for none', () => {
    expect(loadConfig({ DATABASE_URL: '', PORT: '', ITINERA_EGRESS_ALLOW: '' })).toMatchObject({
      databaseUrl: null,
      port: 3000,
      egressAllow: [],
    });
  });

  it.each([
    ['PORT', '70000'],
    ['PORT', '80a'],
    ['HOST', 'a b'],
    ['DATABASE_URL', 'mysql://db'],
    ['PUBLIC_URL', 'journeys.example.com'],
    ['LOG_LEVEL', 'loud'],
    ['ITINERA_ROLE', 'boss'],
    ['ITINERA_API_KEY', 'short'],
    ['ITINERA_SECRET', 'short'],
    ['ITINERA_EGRESS_ALLOW', '10.0.0.0/99'],
    ['ITINERA_EGRESS_ALLOW', 'http://x'],
    ['ITINERA_DATABASE_CONNECTIONS', '1'],
    ['ITINERA_SHUTDOWN_SECONDS', '-1'],
  ])('refuse %s=%s and name it', (name, value) => {
    expect(problem({ [name]: value })).toMatch(new RegExp(`^${name} `));
  });

  it('refuse an unknown ITINERA_ name and name it', () => {
    expect(problem({ ITINERA_ROEL: 'api' })).toMatch(/^ITINERA_ROEL is not a setting/);
  });

  it('name every variable at fault at once', () => {
    expect(problem({ ITINERA_ROLE: 'x', PORT: 'y' }).split('\n')).toHaveLength(2);
  });

  it('leave other variables alone', () => {
    expect(problem({ PATH: '/bin', TEST: 'x' })).toBe('accepted');
  });
});

describe('the address', () => {
  it('can be called', () => {
    expect([addressOf('127.0.0.1', 3000), addressOf('0.0.0.0', 80), addressOf('::1', 80)]).toEqual([
      'http://127.0.0.1:3000',
      'http://localhost:80',
      'http://[::1]:80',
    ]);
  });
});
