import type { Send } from './claim.js';
import { Holdings } from './holdings.js';
import { HostQueue } from './host-queue.js';

const send = (id: string, host = 1): Send => ({ delivery: { id, host_id: host } }) as unknown as Send;
const T = 1_000_000;

describe('what is held of one host', () => {
  it('goes out in order, at most 64 at once', () => {
    const queue = new HostQueue(1, T);
    for (let i = 0; i < 100; i++) queue.add(send(`d${i}`));
    const out: string[] = [];
    for (let next = queue.next(); next; next = queue.next()) {
      queue.active++;
      out.push(next.delivery.id);
    }
    expect(out).toEqual(Array.from({ length: 64 }, (_, i) => `d${i}`));
    expect(queue.waitingCount).toBe(36);
    queue.active--;
    expect(queue.next()?.delivery.id).toBe('d64');
  });

  it('gives back all but the first few of those that wait', () => {
    const queue = new HostQueue(1, T);
    for (let i = 0; i < 10; i++) queue.add(send(`d${i}`));
    expect(queue.takeBeyond(Infinity)).toEqual([]);
    expect(queue.takeBeyond(3).map(({ delivery }) => delivery.id)).toEqual(['d3', 'd4', 'd5', 'd6', 'd7', 'd8', 'd9']);
    expect(queue.waitingCount).toBe(3);
    queue.remove(new Set(['d1']));
    expect(queue.list().map(({ delivery }) => delivery.id)).toEqual(['d0', 'd2']);
  });

  it('a host that hangs holds two rounds of connections, a quick one a quarter of a second of work', () => {
    const queue = new HostQueue(1, T);
    expect(queue.budget(T + 60_000)).toBe(128);
    let now = T + 60_000;
    for (let i = 0; i < 10; i++) {
      for (let n = 0; n < 400; n++) queue.finish(now);
      now += 100;
      queue.budget(now);
    }
    expect(queue.budget(now)).toBeGreaterThan(128 + 900);
    expect(queue.budget(now)).toBeLessThanOrEqual(128 + 1000);
  });
});

describe('what is held of all hosts', () => {
  it('leaves room for another host, however many hang', () => {
    const holdings = new Holdings(8192);
    for (let host = 1; host <= 2000; host++) {
      const room = holdings.roomFor(host, T);
      holdings.add(
        Array.from({ length: room }, (_, i) => send(`${host}-${i}`, host)),
        T,
      );
      expect(room).toBeGreaterThan(0);
      if (holdings.free === 0) break;
    }
    expect(holdings.count).toBeLessThanOrEqual(8192);
    expect(holdings.roomFor(1, T)).toBe(0);
    expect(holdings.fullHosts(T)).toContain(1);
    expect(holdings.roomFor(999_999, T)).toBeGreaterThan(0);
  });

  it('remembers for two seconds what it has just found empty', () => {
    const holdings = new Holdings(100);
    holdings.rememberIdle([1, 2], T);
    holdings.rememberIdle([3], T + 1500);
    expect(holdings.recentlyIdle(T + 2000)).toEqual([1, 2, 3]);
    expect(holdings.recentlyIdle(T + 2001)).toEqual([3]);
  });
});
