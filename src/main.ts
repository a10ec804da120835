import { AppError } from './kernel/errors.js';
import { loadConfig } from './config/env.js';
import { createLogger } from './config/logging.js';
import { start, type Running } from './start.js';

/** One Ctrl-C arrives several times (from the terminal and from npm): what follows this soon is the same one. */
const SAME_SIGNAL_MS = 400;

async function main(): Promise<void> {
  const config = loadConfig();
  const logger = createLogger(config.logLevel);
  let stopping: number | undefined;

  const started = start(config, logger);
  const stop = async (code: number): Promise<void> => {
    // A signal during the start: it is finished first, so that there is one way down.
    const running = await started.catch(() => null);
    await running?.stop();
    logger.info('stopped');
    process.exit(code);
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stopping === undefined) {
      stopping = performance.now();
      logger.info({ signal }, 'stopping; once more to exit at once');
      void stop(0);
    } else if (performance.now() - stopping > SAME_SIGNAL_MS) process.exit(1);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'uncaught error');
    stopping ??= performance.now();
    void stop(1);
  });

  announce(await started, createLogger('info'), process.stdout.isTTY);
}

/** The address, and the root key at first start: whatever the log level is. */
function announce({ address, rootKey }: Running, logger: ReturnType<typeof createLogger>, onTerminal: boolean): void {
  if (onTerminal) {
    process.stdout.write(`\n  Itinera is up: ${address}\n`);
    if (rootKey !== null) process.stdout.write(`  Root API key, shown this once: ${rootKey}\n`);
    process.stdout.write('  Ctrl-C stops it.\n\n');
    return;
  }
  if (rootKey !== null) logger.info({ api_key: rootKey }, `root API key, shown this once: ${rootKey}`);
  logger.info({ address }, `Itinera is up: ${address}`);
}

main().catch((error: unknown) => {
  if (error instanceof AppError) process.stderr.write(`Itinera does not start: ${error.message}\n`);
  else
    process.stderr.write(
      `Itinera does not start: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
  process.exit(1);
});
