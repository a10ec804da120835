/**
 * The settings of a process, read once at start and only here. A value that does not fit, or an `ITINERA_*` name that
 * nobody knows, stops the start with a message that names it: a setting that is silently ignored is worse than none.
 */
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { z } from 'zod';
import { AppError } from '../kernel/errors.js';

export type Role = 'all' | 'api' | 'worker';

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
/** Given in the environment, an empty value is the same as none: `DATABASE_URL= npm start`. */
const given = <T extends z.ZodType>(schema: T) => z.preprocess((value) => (value === '' ? undefined : value), schema);

function integer(least: number, most: number) {
  const text = `must be a whole number from ${least} to ${most}`;
  return z.string().regex(/^\d+$/, text).transform(Number).pipe(z.number().min(least, text).max(most, text));
}

function url(protocols: readonly string[]) {
  const text = `must be a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`;
  return z.string().refine((value) => URL.canParse(value) && protocols.includes(new URL(value).protocol), text);
}

function isNetwork(item: string): boolean {
  const [address, prefix, ...rest] = item.split('/');
  const family = isIP(address ?? '');
  if (family === 0) return prefix === undefined && /^(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?$/i.test(item);
  return (
    rest.length === 0 &&
    (prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128)))
  );
}

const networks = z
  .string()
  .transform((value) =>
    value
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  )
  .superRefine((items, context) => {
    const wrong = items.filter((item) => !isNetwork(item));
    if (wrong.length > 0)
      context.addIssue({
        code: 'custom',
        message: `is neither a network (10.0.0.0/8) nor a host name: ${wrong.join(', ')}`,
      });
  });

const schema = z.object({
  PORT: given(integer(0, 65_535).default(3000)),
  HOST: given(z.string().regex(/^\S+$/, 'must be an address or a host name').default('127.0.0.1')),
  DATABASE_URL: given(url(['postgres:', 'postgresql:']).optional()),
  PUBLIC_URL: given(url(['http:', 'https:']).optional()),
  LOG_LEVEL: given(z.enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`).default('info')),
  ITINERA_DATA_DIR: given(z.string().default('.itinera')),
  ITINERA_API_KEY: given(
    z
      .string()
      .regex(/^[\x21-\x7e]{16,200}$/, 'must be 16 to 200 printable characters without blanks')
      .optional(),
  ),
  ITINERA_ROLE: given(z.enum(['all', 'api', 'worker'], 'must be all, api or worker').default('all')),
  ITINERA_SECRET: given(z.string().min(16, 'must have at least 16 characters').optional()),
  ITINERA_EGRESS_ALLOW: given(networks.default([])),
  ITINERA_DATABASE_CONNECTIONS: given(integer(4, 500).default(12)),
  ITINERA_SHUTDOWN_SECONDS: given(integer(0, 3600).default(30)),
});

/** Also the token under which the settings are injected. */
export abstract class Config {
  abstract readonly port: number;
  abstract readonly host: string;
  abstract readonly role: Role;
  /** `null`: the embedded database. */
  abstract readonly databaseUrl: string | null;
  /** Absolute. */
  abstract readonly dataDir: string;
  /** Own address, without a slash at its end. With `PORT=0` it is known once the server listens: read it at use. */
  abstract publicUrl: string;
  abstract readonly logLevel: (typeof LOG_LEVELS)[number];
  /** The root API key the operator chose. */
  abstract readonly apiKey: string | null;
  /** Key material for credentials at rest; `null`: generated into the data directory. */
  abstract readonly secret: string | null;
  /** Networks in CIDR form, addresses and host names that webhooks may reach although they are private. */
  abstract readonly egressAllow: readonly string[];
  /** Connections of the pool for hot tables. */
  abstract readonly databaseConnections: number;
  /** How long work under way may take to finish once the process was told to stop. */
  abstract readonly shutdownMs: number;
}

/** Reads the settings. Throws `settings_invalid` with a message that names every variable at fault. */
export function loadConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const known = Object.keys(schema.shape);
  const problems = Object.keys(env)
    .filter((name) => name.startsWith('ITINERA_') && !known.includes(name))
    .map(
      (name) =>
        `${name} is not a setting; there are ${known.filter((other) => other.startsWith('ITINERA_')).join(', ')}`,
    );
  const parsed = schema.safeParse(env);
  for (const issue of parsed.error?.issues ?? []) problems.push(`${issue.path.join('.')} ${issue.message}`);
  if (!parsed.success || problems.length > 0) throw new AppError('settings_invalid', problems.join('\n'), { problems });

  const values = parsed.data;
  return {
    port: values.PORT,
    host: values.HOST,
    role: values.ITINERA_ROLE,
    databaseUrl: values.DATABASE_URL ?? null,
    dataDir: resolve(values.ITINERA_DATA_DIR),
    publicUrl: values.PUBLIC_URL?.replace(/\/+$/, '') ?? addressOf(values.HOST, values.PORT),
    logLevel: values.LOG_LEVEL,
    apiKey: values.ITINERA_API_KEY ?? null,
    secret: values.ITINERA_SECRET ?? null,
    egressAllow: values.ITINERA_EGRESS_ALLOW,
    databaseConnections: values.ITINERA_DATABASE_CONNECTIONS,
    shutdownMs: values.ITINERA_SHUTDOWN_SECONDS * 1000,
  };
}

/** The address a listening server is called by: `http://HOST:PORT`, with a host that can be called when it listens on all. */
export function addressOf(host: string, port: number): string {
  const callable = host === '0.0.0.0' || host === '::' ? 'localhost' : host;
  return `http://${isIP(callable) === 6 ? `[${callable}]` : callable}:${port}`;
}
