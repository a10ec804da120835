/**
 * Where webhooks may go: pure rules over parsed URLs and addresses. By default only public unicast addresses over http and
 * https, any port but a short list. The operator opens private ones on purpose (`ITINERA_EGRESS_ALLOW`), and the server's
 * own public address is opened exactly (contract/delivery.md, "Egress guard", "Self-webhooks").
 *
 * Every spelling of a host is judged after the URL parser has normalised it (WHATWG URL: `127.1`, `2130706433`, `0x7f.1`,
 * full-width digits and the like become dotted quads; user info is split off), so there is one spelling to judge.
 */
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

export interface EgressRules {
  readonly networks: readonly (readonly [Address, number])[];
  /** Exact names, and `*.example.com` for names below it. Lower case, without a trailing dot. */
  readonly names: readonly string[];
  /** Origins (`http://127.0.0.1:3000`) that are open as they stand. */
  readonly origins: readonly string[];
}

export const PUBLIC_ONLY: EgressRules = { networks: [], names: [], origins: [] };

export type Verdict = { readonly allowed: true } | { readonly allowed: false; readonly reason: string };

const ALLOWED: Verdict = { allowed: true };

/** Services that speak something else and have been steered by HTTP requests before: shells, mail, names, files, databases. */
const DENIED_PORTS: ReadonlySet<number> = new Set([
  0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 53, 69, 79, 110, 111, 119, 123, 135, 137, 138, 139, 143, 161, 179,
  389, 445, 465, 512, 513, 514, 515, 587, 636, 873, 993, 995, 1433, 1521, 2049, 2375, 2376, 2379, 3306, 3389, 5432,
  5672, 5900, 6379, 6667, 9042, 9092, 11211, 27017,
]);

/** IPv6 hands out global unicast addresses from here alone (RFC 4291, IANA registry). */
const GLOBAL_UNICAST_6 = ipaddr.parseCIDR('2000::/3') as [ipaddr.IPv6, number];

/** Reads `ITINERA_EGRESS_ALLOW` items (networks, single addresses, host names); `own`: origins that are open. Malformed items are left out. */
export function egressRules(items: readonly string[], own: readonly string[] = []): EgressRules {
  const networks: [Address, number][] = [];
  const names: string[] = [];
  for (const item of items) {
    if (ipaddr.isValidCIDR(item)) networks.push(ipaddr.parseCIDR(item));
    else if (ipaddr.isValid(item)) {
      const address = ipaddr.parse(item);
      networks.push([address, address.kind() === 'ipv4' ? 32 : 128]);
    } else if (/^[a-z0-9*._-]+$/i.test(item)) names.push(bareName(item));
  }
  const origins = own.filter((url) => URL.canParse(url)).map((url) => new URL(url).origin);
  return { networks, names, origins };
}

/** Judges scheme, port and host of a URL. A name passes here when it is open or still has to be looked up: see `isOpenName`. */
export function judgeUrl(url: URL, rules: EgressRules): Verdict {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return refused(`scheme ${url.protocol} is not allowed`);
  if (rules.origins.includes(url.origin)) return ALLOWED;
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  const literal = literalAddress(url.hostname);
  if (literal) {
    if (isInNetworks(literal, rules)) return ALLOWED;
    if (DENIED_PORTS.has(port)) return refused(`port ${port} is not allowed`);
    return judgeAddress(url.hostname.replace(/^\[|\]$/g, ''), rules);
  }
  if (isOpenName(url.hostname, rules)) return ALLOWED;
  return DENIED_PORTS.has(port) ? refused(`port ${port} is not allowed`) : ALLOWED;
}

/** Judges one address, as DNS gave it or as the URL spells it. */
export function judgeAddress(text: string, rules: EgressRules): Verdict {
  const address = ipaddr.isValid(text) ? unwrap(ipaddr.parse(text)) : null;
  if (!address) return refused(`${text} is not an address`);
  if (isInNetworks(address, rules)) return ALLOWED;
  const range = address.range();
  if (range !== 'unicast') return refused(`${text} is a ${range} address`);
  if (address.kind() === 'ipv6' && !(address as ipaddr.IPv6).match(GLOBAL_UNICAST_6))
    return refused(`${text} is not a global address`);
  return ALLOWED;
}

/** The operator opened the name: whatever it resolves to is meant. */
export function isOpenName(hostname: string, rules: EgressRules): boolean {
  const name = bareName(hostname);
  return rules.names.some((open) => (open.startsWith('*.') ? name.endsWith(open.slice(1)) : name === open));
}

function literalAddress(hostname: string): Address | null {
  const bare = hostname.replace(/^\[|\]$/g, '');
  return ipaddr.isValid(bare) ? unwrap(ipaddr.parse(bare)) : null;
}

/** An IPv4 address in IPv6 clothes (`::ffff:10.0.0.1`) is judged as what it is. */
function unwrap(address: Address): Address {
  return address.kind() === 'ipv6' && (address as ipaddr.IPv6).isIPv4MappedAddress()
    ? (address as ipaddr.IPv6).toIPv4Address()
    : address;
}

function isInNetworks(address: Address, rules: EgressRules): boolean {
  return rules.networks.some(
    ([network, bits]) =>
      network.kind() === address.kind() &&
      (address.kind() === 'ipv4'
        ? (address as ipaddr.IPv4).match(network, bits)
        : (address as ipaddr.IPv6).match(network, bits)),
  );
}

function bareName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

function refused(reason: string): Verdict {
  return { allowed: false, reason };
}
