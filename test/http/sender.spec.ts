import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { Sender, type SendRequest } from '../../src/delivery/sender.js';
import { egressRules, PUBLIC_ONLY } from '../../src/security/address.js';
import { egressConnector, type Resolve } from '../../src/security/egress.js';
import { Receiver } from '../support/receiver.js';

const LOOPBACK = egressRules(['127.0.0.0/8']);

describe('one request', () => {
  let sender: Sender;
  const closers: (() => Promise<unknown>)[] = [];

  beforeEach(() => {
    sender = senderFor(LOOPBACK);
  });
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
  });

  function senderFor(rules: typeof LOOPBACK, resolve?: Resolve): Sender {
    const made = new Sender(egressConnector(rules, { connectTimeout: 500, ...(resolve ? { resolve } : {}) }));
    closers.push(() => made.close());
    return made;
  }

  async function receive(...args: Parameters<typeof Receiver.start>): Promise<Receiver> {
    const receiver = await Receiver.start(...args);
    closers.unshift(() => receiver.close());
    return receiver;
  }

  async function raw(serve: Parameters<typeof createServer>[1]): Promise<string> {
    const sockets = new Set<{ destroy(): void }>();
    const server: Server = createServer({}, (socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      serve?.(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.unshift(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  const request = (url: string, over: Partial<SendRequest> = {}): SendRequest => ({
    pool: '1',
    url,
    method: 'POST',
    headers: { 'Content-Type': 'text/plain' },
    body: Buffer.from('hello'),
    timeout: 2000,
    keep: 1024,
    ...over,
  });

  it('brings method, path, headers and bytes over, and the answer back', async () => {
    const receiver = await receive((_request, response) => response.writeHead(201, { 'X-A': '1' }).end('answer'));
    const result = await sender.send(
      request(`${receiver.origin}/a?b=c`, {
        headers: { 'Content-Type': 'text/plain', 'Content-Length': '99', Connection: 'upgrade' },
      }),
    );
    expect(result.answer).toMatchObject({ kind: 'response', status: 201, headers: { 'x-a': '1' } });
    expect(Buffer.from(result.body).toString()).toBe('answer');
    expect(receiver.received).toMatchObject([
      { method: 'POST', path: '/a?b=c', body: 'hello', headers: { 'content-length': '5' } },
    ]);
  });

  it('keeps the connection for the next', async () => {
    const ports = new Set<number | undefined>();
    const receiver = await receive((_request, response, socket) => {
      ports.add(socket.remotePort);
      response.end('x');
    });
    for (let i = 0; i < 20; i++) await sender.send(request(receiver.origin));
    // A second one may be opened while the first is still being put back.
    expect(ports.size).toBeLessThanOrEqual(2);
  });

  it('opens at most 64 connections to a host', async () => {
    const held: (() => void)[] = [];
    const receiver = await receive((_request, response) => held.push(() => response.end('x')));
    const sends = Array.from({ length: 100 }, () => sender.send(request(receiver.origin, { timeout: 10_000 })));
    await receiver.count(64);
    expect(receiver.open).toBe(64);
    while (receiver.received.length < 100 || held.length > 0) {
      for (const answer of held.splice(0)) answer();
      await receiver.count(Math.min(100, receiver.received.length + 1));
    }
    await Promise.all(sends);
    expect(receiver.mostOpen).toBe(64);
  });

  it('follows no redirect', async () => {
    const target = await receive();
    const receiver = await receive((_request, response) =>
      response.writeHead(302, { Location: `${target.origin}/stolen` }).end(),
    );
    const { answer } = await sender.send(request(receiver.origin));
    expect(answer).toMatchObject({ kind: 'response', status: 302 });
    expect(target.received).toEqual([]);
  });

  it('gives up a whole request after its time, headers or not', async () => {
    const silent = await receive(() => undefined);
    expect((await sender.send(request(silent.origin, { timeout: 50 }))).answer).toMatchObject({
      kind: 'error',
      cause: 'timed_out',
    });
    const dripping = await receive((_request, response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write('.'), 5);
      response.on('close', () => clearInterval(drip));
    });
    expect((await sender.send(request(dripping.origin, { timeout: 100 }))).answer).toMatchObject({
      kind: 'error',
      cause: 'timed_out',
    });
  });

  it('does not send later what it has given up while it waited for a connection', async () => {
    let connected = 0;
    const bodies: string[] = [];
    const origin = await raw((socket) => {
      connected++;
      socket.on('data', (chunk) => bodies.push(String(chunk)));
    });
    const first = Array.from({ length: 64 }, () => sender.send(request(origin, { timeout: 300 })));
    const late = sender.send(request(origin, { timeout: 50, body: Buffer.from('late') }));
    expect((await late).answer).toMatchObject({ cause: 'timed_out' });
    await Promise.all(first);
    expect((await sender.send(request(origin, { timeout: 100 }))).answer).toMatchObject({ cause: 'timed_out' });
    expect(connected).toBeGreaterThan(0);
    expect(bodies.some((body) => body.includes('late'))).toBe(false);
  });

  it('a connection that is accepted and goes half-open times out', async () => {
    const origin = await raw((socket) => socket.pause());
    expect((await sender.send(request(origin, { timeout: 100 }))).answer).toMatchObject({
      kind: 'error',
      cause: 'timed_out',
    });
  });

  it('reads at most 1 MiB of an answer without end', async () => {
    let written = 0;
    const receiver = await receive((_request, response) => {
      const chunk = Buffer.alloc(64 * 1024, 'x');
      const more = (): void => {
        if (response.destroyed) return;
        written += chunk.length;
        if (response.write(chunk)) setImmediate(more);
        else response.once('drain', more);
      };
      more();
    });
    const result = await sender.send(request(receiver.origin, { keep: 16 * 1024 }));
    expect(result.answer).toMatchObject({ kind: 'response', status: 200 });
    expect(result.body.byteLength).toBe(16 * 1024);
    expect(result.truncated).toBe(true);
    expect(written).toBeLessThan(32 * 1024 * 1024);
  });

  it.each([
    [
      'reset before an answer',
      'reset',
      (socket: { resetAndDestroy(): void; on(event: 'data', f: () => void): void }) =>
        socket.on('data', () => socket.resetAndDestroy()),
    ],
    [
      'closed before an answer',
      'reset',
      (socket: { end(): void; on(event: 'data', f: () => void): void }) => socket.on('data', () => socket.end()),
    ],
    [
      'reset in the middle of a body',
      'reset',
      (socket: {
        write(text: string, f: () => void): void;
        resetAndDestroy(): void;
        on(event: 'data', f: () => void): void;
      }) =>
        socket.on('data', () =>
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf', () => socket.resetAndDestroy()),
        ),
    ],
    [
      'no HTTP at all',
      'protocol_error',
      (socket: { end(text: string): void; on(event: 'data', f: () => void): void }) =>
        socket.on('data', () => socket.end('SSH-2.0-OpenSSH\r\n\r\n')),
    ],
  ])('%s', async (_name, cause, serve) => {
    const origin = await raw(serve);
    expect((await sender.send(request(origin))).answer).toMatchObject({ kind: 'error', cause });
  });

  it('a port where nobody listens', async () => {
    const receiver = await receive();
    await receiver.close();
    closers.shift();
    expect((await sender.send(request(receiver.origin))).answer).toMatchObject({
      kind: 'error',
      cause: 'connect_refused',
    });
  });

  it('TLS to a server without it', async () => {
    const origin = await raw((socket) => socket.on('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
    expect((await sender.send(request(origin.replace('http:', 'https:')))).answer).toMatchObject({
      kind: 'error',
      cause: 'tls_failed',
    });
  });

  describe('the egress guard', () => {
    it.each(['127.0.0.1', '127.1', '2130706433', '0x7f.1', '[::ffff:127.0.0.1]', 'user@127.0.0.1'])(
      'refuses %s, and no connection is made',
      async (host) => {
        const receiver = await receive();
        const port = new URL(receiver.origin).port;
        const { answer } = await senderFor(PUBLIC_ONLY).send(request(`http://${host}:${port}/`));
        expect(answer).toMatchObject({ kind: 'blocked' });
        expect(receiver.received).toEqual([]);
      },
    );

    it('refuses a name that DNS answers with a private address, alone or among public ones', async () => {
      const receiver = await receive();
      const port = new URL(receiver.origin).port;
      for (const answers of [['127.0.0.1'], ['93.184.216.34', '127.0.0.1'], ['::1']]) {
        const asked: string[] = [];
        const guarded = senderFor(PUBLIC_ONLY, (name) => {
          asked.push(name);
          return Promise.resolve(answers.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })));
        });
        const { answer } = await guarded.send(request(`http://rebind.example:${port}/`));
        expect(answer).toMatchObject({ kind: 'blocked' });
        expect(asked).toEqual(['rebind.example']);
      }
      expect(receiver.received).toEqual([]);
    });

    it('lets through a name that the operator opened', async () => {
      const receiver = await receive();
      const port = new URL(receiver.origin).port;
      const opened = senderFor(egressRules(['hook.internal']), () =>
        Promise.resolve([{ address: '127.0.0.1', family: 4 }]),
      );
      expect((await opened.send(request(`http://hook.internal:${port}/`))).answer).toMatchObject({
        kind: 'response',
        status: 200,
      });
    });

    it('a name that does not exist is a DNS error', async () => {
      const broken = senderFor(PUBLIC_ONLY, () =>
        Promise.reject(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })),
      );
      expect((await broken.send(request('http://nowhere.example/'))).answer).toMatchObject({
        kind: 'error',
        cause: 'dns_failed',
      });
    });
  });
});
