import { GroupCommit, type GroupCommitOptions } from './group-commit.js';

type Run = { key: number; calls: readonly string[]; finish: () => void; fail: (error: Error) => void };

function setUp(options: Partial<GroupCommitOptions<string, string>> = {}): {
  group: GroupCommit<string, string>;
  runs: Run[];
  started: (n: number) => Promise<void>;
} {
  const runs: Run[] = [];
  const waiters: { n: number; resolve: () => void }[] = [];
  const group = new GroupCommit<string, string>({
    run: (key, calls) =>
      new Promise((resolve, reject) => {
        runs.push({ key, calls, finish: () => resolve(calls.map((call) => `${call} done`)), fail: reject });
        for (const { n, resolve: tell } of waiters) if (runs.length >= n) tell();
      }),
    weigh: (call) => call.length,
    fullWeight: 4,
    maxInFlight: 2,
    lingerMs: 1,
    maxWaiting: 20,
    isOutage: (error) => (error as Error).message === 'outage',
    ...options,
  });
  const started = (n: number): Promise<void> =>
    runs.length >= n ? Promise.resolve() : new Promise((resolve) => waiters.push({ n, resolve }));
  return { group, runs, started };
}

describe('GroupCommit', () => {
  it('runs calls of one turn together and answers each', async () => {
    const { group, runs, started } = setUp();
    const both = Promise.all([group.add(1, 'a'), group.add(1, 'b')]);
    await started(1);
    runs[0]!.finish();
    expect(await both).toEqual(['a done', 'b done']);
    expect(runs.map(({ calls }) => calls)).toEqual([['a', 'b']]);
  });

  it('keeps keys apart, groups at most full weight, and never has more than two in flight', async () => {
    const { group, runs, started } = setUp();
    const all = Promise.all([
      group.add(1, 'aa'),
      group.add(2, 'b'),
      group.add(1, 'cc'),
      group.add(1, 'dd'),
      group.add(1, 'toolong'),
    ]);
    await started(2);
    expect(runs.map(({ key, calls }) => [key, calls])).toEqual([
      [1, ['aa', 'cc']],
      [2, ['b']],
    ]);
    runs[0]!.finish();
    await started(3);
    runs[1]!.finish();
    await started(4);
    expect(runs.slice(2).map(({ calls }) => calls)).toEqual([['dd'], ['toolong']]);
    runs[2]!.finish();
    runs[3]!.finish();
    expect(await all).toHaveLength(5);
  });

  it('runs the calls of a failed group one by one', async () => {
    const { group, runs, started } = setUp();
    const outcomes = Promise.allSettled([group.add(1, 'a'), group.add(1, 'b')]);
    await started(1);
    runs[0]!.fail(new Error('poison'));
    await started(2);
    runs[1]!.fail(new Error('poison'));
    await started(3);
    runs[2]!.finish();
    expect(await outcomes).toMatchObject([
      { status: 'rejected', reason: { message: 'poison' } },
      { status: 'fulfilled', value: 'b done' },
    ]);
  });

  it('does not try again when the database is away', async () => {
    const { group, runs, started } = setUp();
    const outcomes = Promise.allSettled([group.add(1, 'a'), group.add(1, 'b')]);
    await started(1);
    runs[0]!.fail(new Error('outage'));
    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(runs).toHaveLength(1);
  });

  it('refuses what is too much, and drains', async () => {
    const { group, runs, started } = setUp({ maxWaiting: 3 });
    const first = group.add(1, 'aaa');
    await expect(group.add(1, 'b')).rejects.toMatchObject({ code: 'ingest_overloaded' });
    const drained = group.drain();
    await started(1);
    runs[0]!.finish();
    await drained;
    expect(await first).toBe('aaa done');
  });
});
