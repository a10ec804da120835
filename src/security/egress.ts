/**
 * The egress guard as an undici connector. Two checks, because undici asks the lookup for names only: the literal host of
 * the target, and every address that DNS gives, inside the lookup whose result is connected to, so that there is no gap
 * between check and use. One bad address among several refuses the name: a mixed answer is what rebinding looks like.
 */
import { lookup as systemLookup, promises as dns, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { buildConnector } from 'undici';
import { AppError } from '../kernel/errors.js';
import { isOpenName, judgeAddress, judgeUrl, type EgressRules } from './address.js';

/** Name → addresses. Rejects with a DNS error code (`ENOTFOUND`, …). */
export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>;

/** Of an error the guard made: the connection was refused by us, not by the network. */
export const EGRESS_BLOCKED = 'egress_blocked';

export interface EgressOptions {
  /** Milliseconds; connect and TLS together. */
  readonly connectTimeout: number;
  readonly resolve?: Resolve;
}

export function egressConnector(rules: EgressRules, options: EgressOptions): buildConnector.connector {
  const connect = buildConnector({
    timeout: options.connectTimeout,
    lookup: guardedLookup(rules, options.resolve ?? resolveName),
    autoSelectFamily: true,
  });
  const open = buildConnector({
    timeout: options.connectTimeout,
    lookup: plainLookup(options.resolve ?? resolveName),
    autoSelectFamily: true,
  });
  return (target, callback) => {
    const host = isIP(target.hostname) === 6 ? `[${target.hostname}]` : target.hostname;
    const url = new URL(`${target.protocol}//${host}${target.port ? `:${target.port}` : ''}`);
    const verdict = judgeUrl(url, rules);
    if (!verdict.allowed) return callback(new AppError(EGRESS_BLOCKED, verdict.reason), null);
    const isOpen = rules.origins.includes(url.origin) || isOpenName(url.hostname, rules);
    return (isOpen ? open : connect)(target, callback);
  };
}

function guardedLookup(rules: EgressRules, resolve: Resolve): LookupFunction {
  return plainLookup(async (hostname) => {
    const addresses = await resolve(hostname);
    for (const { address } of addresses) {
      const verdict = judgeAddress(address, rules);
      if (!verdict.allowed) throw new AppError(EGRESS_BLOCKED, `${hostname}: ${verdict.reason}`);
    }
    return addresses;
  });
}

function plainLookup(resolve: Resolve): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname).then(
      (addresses) => {
        const wanted = options.family === 4 || options.family === 6 ? options.family : 0;
        const usable = wanted ? addresses.filter(({ family }) => family === wanted) : [...addresses];
        const first = usable[0];
        if (!first) callback(Object.assign(new Error(`${hostname} has no address`), { code: 'ENODATA' }), '', 0);
        else if (options.all) callback(null, usable);
        else callback(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, '', 0),
    );
  };
}

const resolver = new dns.Resolver({ timeout: 3000, tries: 2 });

/**
 * DNS without the thread pool: `dns.lookup` occupies one of four threads for as long as a dead name server takes, and a
 * few dead names would stop every other host. Names that DNS does not know may still be in the hosts file, which only
 * the system's look-up reads.
 */
export async function resolveName(hostname: string): Promise<readonly LookupAddress[]> {
  if (hostname.includes('.') && !hostname.endsWith('.local')) {
    const [four, six] = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
    const found: LookupAddress[] = [
      ...(four.status === 'fulfilled' ? four.value.map((address) => ({ address, family: 4 })) : []),
      ...(six.status === 'fulfilled' ? six.value.map((address) => ({ address, family: 6 })) : []),
    ];
    if (found.length > 0) return found;
    if (four.status === 'rejected' && (four.reason as NodeJS.ErrnoException).code === 'ETIMEOUT') throw four.reason;
  }
  return new Promise((resolve, reject) => {
    systemLookup(hostname, { all: true, verbatim: true }, (error, addresses) =>
      error ? reject(error) : resolve(addresses),
    );
  });
}
