import fc from 'fast-check';
import { egressRules, judgeAddress, judgeUrl, PUBLIC_ONLY } from './address.js';

const judge = (url: string, rules = PUBLIC_ONLY) => judgeUrl(new URL(url), rules).allowed;

describe('the host of a URL, in every spelling', () => {
  it.each([
    'http://127.0.0.1/',
    'http://127.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://0x7f000001/',
    'http://017700000001/',
    'http://0177.0.0.1/',
    'http://127.0.0.1./',
    'http://①②⑦.⓪.⓪.①/',
    'http://127。0。0。1/',
    'http://0/',
    'http://[::1]/',
    'http://[::]/',
    'http://[::ffff:10.0.0.1]/',
    'http://[::ffff:a00:1]/',
    'http://[0:0:0:0:0:ffff:7f00:1]/',
    'http://[::127.0.0.1]/',
    'http://[64:ff9b::a00:1]/',
    'http://[2002:7f00:1::]/',
    'http://[fe80::1]/',
    'http://[fc00::1]/',
    'http://[4000::1]/',
    'http://public.example@127.0.0.1/',
    'http://public.example:pw@10.1.2.3/',
    'http:\\\\127.0.0.1/',
    'http://10.0.0.1/',
    'http://172.16.0.1/',
    'http://192.168.1.1/',
    'http://169.254.169.254/latest/meta-data',
    'http://100.64.0.1/',
    'http://198.18.0.1/',
    'http://192.0.2.1/',
    'http://224.0.0.1/',
    'http://240.0.0.1/',
    'http://255.255.255.255/',
  ])('%s is refused', (url) => expect(judge(url)).toBe(false));

  it.each(['http://8.8.8.8/', 'https://1.1.1.1:8443/', 'https://[2606:4700::1111]/', 'https://api.example.com/'])(
    '%s passes',
    (url) => expect(judge(url)).toBe(true),
  );

  it.each(['ftp://8.8.8.8/', 'file:///etc/passwd', 'gopher://8.8.8.8/'])('%s: only http and https', (url) =>
    expect(judge(url)).toBe(false),
  );

  it.each([22, 25, 5432, 6379, 11211])('port %i is on the deny list', (port) =>
    expect(judge(`http://api.example.com:${port}/`)).toBe(false),
  );
  it.each([80, 443, 3000, 8080, 49152])('port %i is not', (port) =>
    expect(judge(`http://api.example.com:${port}/`)).toBe(true),
  );
});

describe('what the operator opens', () => {
  const rules = egressRules(
    ['10.0.0.0/8', '192.168.1.7', '::1', 'printer.internal', '*.svc.local'],
    ['http://127.0.0.1:3000'],
  );

  it('networks and addresses', () => {
    expect(
      ['http://10.9.8.7/', 'http://192.168.1.7/', 'http://[::1]/', 'http://[::ffff:10.0.0.1]/'].map((url) =>
        judge(url, rules),
      ),
    ).toEqual(Array(4).fill(true));
    expect(['http://192.168.1.8/', 'http://127.0.0.1/', 'http://172.16.0.1/'].map((url) => judge(url, rules))).toEqual(
      Array(3).fill(false),
    );
    expect(judgeAddress('10.1.1.1', rules).allowed).toBe(true);
  });

  it('names, and names below one', () => {
    expect(judge('http://printer.internal:9100/', rules)).toBe(true);
    expect(judge('http://PRINTER.internal./', rules)).toBe(true);
    expect(judge('http://a.svc.local:6379/', rules)).toBe(true);
    expect(judge('http://svc.local:6379/', rules)).toBe(false);
  });

  it('the server’s own address, exactly', () => {
    expect(judge('http://127.0.0.1:3000/x', rules)).toBe(true);
    expect(judge('http://127.0.0.1:3001/x', rules)).toBe(false);
    expect(judge('https://127.0.0.1:3000/x', rules)).toBe(false);
  });
});

it('no private IPv4 address passes in any numeric spelling', () => {
  const octet = fc.integer({ min: 0, max: 255 });
  fc.assert(
    fc.property(fc.constantFrom(10, 127, 0), octet, octet, octet, fc.constantFrom(8, 10, 16), (a, b, c, d, base) => {
      const write = (n: number) => (base === 16 ? `0x${n.toString(16)}` : base === 8 ? `0${n.toString(8)}` : String(n));
      const whole = ((a * 256 + b) * 256 + c) * 256 + d;
      for (const host of [
        `${write(a)}.${write(b)}.${write(c)}.${write(d)}`,
        `${write(a)}.${write(b)}.${write(c * 256 + d)}`,
        write(whole),
      ]) {
        expect(judge(`http://${host}/`)).toBe(false);
      }
    }),
  );
});
