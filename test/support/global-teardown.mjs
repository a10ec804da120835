import { removeRun } from './run-directory.mjs';

export default async function teardown() {
  await removeRun(process.env['TEST_RUN_DIRECTORY']);
}
