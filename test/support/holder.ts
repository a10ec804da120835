/** A process that holds an embedded database until it is killed: `holder.ts DATA_DIR` prints `up` once it does. */
import { EmbeddedPostgres } from '../../src/persistence/embedded-postgres.js';

const note = (message: string): void => void process.stderr.write(`${message}\n`);
await EmbeddedPostgres.start({
  dataDir: process.argv[2]!,
  log: { info: note, warn: note },
  settings: { fsync: 'off' },
});
process.stdout.write('up\n');
setInterval(() => undefined, 60_000);
