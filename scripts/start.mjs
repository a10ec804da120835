/**
 * `npm start`: prepare, then run the application in this very process, so that a signal has one place to go to and the
 * exit code is the application's.
 */
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { prepare, root } from './prepare.mjs';

await prepare();
process.setSourceMapsEnabled(true);
await import(pathToFileURL(join(root, 'dist/src/main.js')).href);
