/**
 * `npm start`: prepare, then run the application in this very process, so that a signal has one place to go to and the
 * exit code is the application's.
 */
import module from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { prepare, root } from './prepare.mjs';

await prepare();
// From Node 22: compiled code is kept, and the next start is quicker.
module.enableCompileCache?.(join(root, '.build', 'compiled'));
process.setSourceMapsEnabled(true);
await import(pathToFileURL(join(root, 'dist/src/main.js')).href);
