// Routes that the DNS knows: one for each address of a host name, or one for each target of a service (SRV, RFC 2782).
// Asks name servers itself, with the times to live that they say; which routes are kept is route-set.ts.
import { createHash } from 'node:crypto';
import { NODATA, NOTFOUND, Resolver } from 'node:dns/promises';
import { HeddleError } from '../../protocol/errors.ts';
import { systemReason } from '../../protocol/system-words.ts';

/** A name to ask for. */
export type DnsQuestion =
  /** Each address of the host of this base URL is a route. */
  | { readonly type: 'addresses'; readonly name: string; readonly url: string }
  /** Each target of this service is a route. */
  | {
      readonly type: 'service';
      readonly name: string;
      readonly service: string;
      readonly scheme: 'http' | 'https';
      /** What follows the target's host and port in its base URL. */
      readonly path: string;
    };

/** A route that was found. */
export type FoundRoute = {
  readonly name: string;
  readonly url: string;
  /** Where to connect, instead of looking the host of the URL up. */
  readonly address?: string;
  readonly rank?: number;
  readonly hops?: number;
  readonly places?: readonly string[];
  readonly costPerGigabyte?: number;
};

/** What a source of routes said, and how long it holds; ms, undefined when it does not say. */
export type FoundRoutes = { readonly routes: readonly FoundRoute[]; readonly holdsMs: number | undefined };

/** What is needed of a resolver. */
export type DnsResolver = Pick<Resolver, 'resolve4' | 'resolve6' | 'resolveSrv'>;

/** The name servers of the system, or those at `servers` (ADDRESS or ADDRESS:PORT). */
export function openResolver(servers: readonly string[] | undefined, timeoutMs: number): DnsResolver {
  const resolver = new Resolver({ timeout: timeoutMs, tries: 2 });
  if (servers !== undefined) resolver.setServers(servers);
  return resolver;
}

/** Asks; no routes when the name has no such records. Throws `unreachable` when nobody answers. */
export async function askDns(question: DnsQuestion, resolver: DnsResolver): Promise<FoundRoutes> {
  return question.type === 'addresses' ? addressesOf(question, resolver) : targetsOf(question, resolver);
}

async function addressesOf(
  { name, url }: DnsQuestion & { readonly type: 'addresses' },
  resolver: DnsResolver,
): Promise<FoundRoutes> {
  const host = new URL(url).hostname;
  const [four, six] = await Promise.allSettled([
    resolver.resolve4(host, { ttl: true }),
    resolver.resolve6(host, { ttl: true }),
  ]);
  const found = [four, six].flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  const failure = [four, six].find((answer) => answer.status === 'rejected' && !isAbsent(answer.reason));
  // half an answer with something in it is one; without anything the other half may know more
  if (found.length === 0 && failure?.status === 'rejected') throw unreachable(host, failure.reason as Error);
  const routes = found.map(({ address }) => ({ name: `${name}-${address.replaceAll(':', '-')}`, url, address }));
  const holds = found.map(({ ttl }) => ttl * 1_000);
  return { routes: sorted(routes), holdsMs: holds.length === 0 ? undefined : Math.min(...holds) };
}

async function targetsOf(
  { name, service, scheme, path }: DnsQuestion & { readonly type: 'service' },
  resolver: DnsResolver,
): Promise<FoundRoutes> {
  let records: Awaited<ReturnType<DnsResolver['resolveSrv']>>;
  try {
    records = await resolver.resolveSrv(service);
  } catch (error) {
    if (isAbsent(error)) return { routes: [], holdsMs: undefined };
    throw unreachable(service, error as Error);
  }
  const priorities = [...new Set(records.map(({ priority }) => priority))].sort((one, other) => one - other);
  const routes = records
    // a target of "." says that there is no such service
    .filter(({ name: target }) => target !== '' && target !== '.')
    .map(({ name: target, port, priority }) => ({
      name: `${name}-${shortened(`${target.replace(/\.$/, '')}-${port}`)}`,
      url: `${scheme}://${target.replace(/\.$/, '')}:${port}${path}`,
      // the lower the priority's number the better, whatever the numbers are
      rank: 1 / (1 + priorities.indexOf(priority)),
    }));
  return { routes: sorted(routes), holdsMs: undefined };
}

/** Longest part of a route's name that a target may be. */
const MOST_TARGET_LENGTH = 40;

/** Long names keep their beginning, and what tells them apart. */
function shortened(target: string): string {
  const plain = target.replaceAll(/[^A-Za-z0-9._-]/g, '_');
  if (plain.length <= MOST_TARGET_LENGTH) return plain;
  return `${plain.slice(0, MOST_TARGET_LENGTH - 9)}-${createHash('sha256').update(target).digest('hex').slice(0, 8)}`;
}

function sorted<Route extends { readonly name: string }>(routes: readonly Route[]): Route[] {
  const byName = new Map(routes.map((route) => [route.name, route]));
  return [...byName.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
}

function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === NODATA || code === NOTFOUND;
}

function unreachable(name: string, cause: Error): HeddleError {
  const reason = systemReason(cause);
  return new HeddleError('unreachable', `the DNS does not answer for ${name} (${reason})`, { side: 'remote', cause });
}
