import { nextLook, QUIET } from './claim.js';

it('an empty host is looked at again at growing intervals for a minute, then left quiet', () => {
  let now = 0;
  let look = nextLook(null, now);
  const waits = [look.wait];
  while (look.wait !== QUIET) {
    now += look.wait;
    look = nextLook(look, now);
    waits.push(look.wait);
  }
  expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, QUIET]);
  expect(now).toBeGreaterThanOrEqual(60_000);
});
