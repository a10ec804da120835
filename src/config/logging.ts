/** Structured logs: JSON on stdout, readable on a terminal. Rooms log through Nest's `Logger`, which ends here. */
import { inspect } from 'node:util';
import type { LoggerService } from '@nestjs/common';
import { pino, stdTimeFunctions, type Logger } from 'pino';
import pretty from 'pino-pretty';
import type { Config } from './env.js';

export function createLogger(level: Config['logLevel'], onTerminal = process.stdout.isTTY === true): Logger {
  const options = { level, base: undefined, timestamp: stdTimeFunctions.isoTime };
  return onTerminal
    ? pino(
        options,
        pretty({
          colorize: true,
          ignore: 'pid,hostname',
          translateTime: 'SYS:HH:MM:ss.l',
          singleLine: true,
          sync: true,
        }),
      )
    : pino(options, pino.destination({ dest: 1, sync: true }));
}

/** What Nest tells of its own start (every module, every route) is for debugging it. */
const FRAMEWORK = new Set(['NestFactory', 'InstanceLoader', 'RoutesResolver', 'RouterExplorer', 'NestApplication']);

const LEVELS = { log: 'info', error: 'error', warn: 'warn', debug: 'debug', verbose: 'trace', fatal: 'fatal' } as const;

/** Nest's logger calls, `(message, …details, context)`, as one structured line each. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, ...rest: unknown[]): void {
    this.write('log', message, rest);
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.write('error', message, rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.write('warn', message, rest);
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.write('debug', message, rest);
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.write('verbose', message, rest);
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.write('fatal', message, rest);
  }

  private write(call: keyof typeof LEVELS, message: unknown, rest: readonly unknown[]): void {
    const room = rest.at(-1);
    const level = call === 'log' && typeof room === 'string' && FRAMEWORK.has(room) ? 'debug' : LEVELS[call];
    if (!this.logger.isLevelEnabled(level)) return;
    const line: Record<string, unknown> = {};
    const texts: string[] = [];
    const details = [...rest];
    if (typeof details.at(-1) === 'string') line['room'] = details.pop();
    for (const part of [message, ...details]) {
      if (part instanceof Error) {
        line['err'] = part;
        if (texts.length === 0) texts.push(part.message);
      } else if (typeof part === 'object' && part !== null) Object.assign(line, part);
      // Nest hands the stack of an error as a text of its own.
      else if (typeof part === 'string' && /\n\s+at /.test(part)) line['stack'] = part;
      else if (part !== undefined) texts.push(typeof part === 'string' ? part : inspect(part));
    }
    if (texts.length > 0) line['msg'] = texts.join(' ');
    this.logger[level](line);
  }
}
