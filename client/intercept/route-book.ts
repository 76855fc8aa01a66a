// The routes of a site as plain HTTP sees them: a pool of connections for each, and how long it lately took until a head
// came. Says which route to ask first and when to ask the next one as well. What transfers do is the core's business.
import { buildConnector, Pool } from 'undici';
import type { SessionRoute } from '../io/order.ts';
import { tlsOptionsOf } from '../io/client-tls.ts';
import { localOptions } from '../io/local-address.ts';
import { pinnedLookup } from '../io/pinned-address.ts';
import { connectThrough } from '../io/plain-agent.ts';

/** A route to ask plainly. */
export type PlainRoute = {
  readonly name: string;
  readonly pool: Pool;
  /** What paths of heddle/1 are appended to. */
  readonly basePath: string;
  readonly authorization: string | undefined;
  /** Name under which the key of its origin is remembered. */
  readonly origin: string;
  /** ms until a head came, smoothed; undefined while nothing is known. */
  headMs: number | undefined;
  /** ms that a block of a lead took, smoothed; undefined while nothing is known. */
  blockMs: number | undefined;
  /** Grows with failures, shrinks with answers; a lead that came whole clears it. */
  failures: number;
  /** Bytes that a lead over it may have. */
  leadBytes: number;
};

/** Connections of one route's pool: as many plain requests run at a time. */
const POOL_CONNECTIONS = 64;
/** ms until a connection that does not come about is given up. */
const CONNECT_TIMEOUT_MS = 5_000;
/** Weight of the newest measurement. */
const SMOOTHING = 0.3;
/** ms added to a route's rank for each failure that counts. */
const FAILURE_PENALTY_MS = 2_000;
/** What a failure counts, and one that was a lie; an answer makes one good. */
const FAILURE = 2;
const LIE = 8;
const MOST_FAILURES = 10;
/** Bounds of the wait before the next route is asked as well, ms, and the one for a route that nothing is known of. */
const LEAST_PATIENCE_MS = 100;
const MOST_PATIENCE_MS = 3_000;
const FIRST_PATIENCE_MS = 300;

/** Bounds of a lead, bytes. It grows while it comes as fast as its head, so that nothing waits for a transfer to begin. */
const LEAST_LEAD_BYTES = 65_536;
export const MOST_LEAD_BYTES = 1_048_576;
/** A lead's body that took less than this many times its head may be longer, */
const QUICK_FACTOR = 2;
/** and one that took longer than this many times shall be shorter. */
const SLOW_FACTOR = 6;

/** The routes of one site. */
export class RouteBook {
  readonly routes: readonly PlainRoute[];

  constructor(routes: readonly SessionRoute[]) {
    this.routes = routes.map((route) => ({
      name: route.name,
      pool: new Pool(route.baseUrl.origin, {
        connections: POOL_CONNECTIONS,
        pipelining: 1,
        allowH2: false,
        connect: connectionTo(route),
      }),
      basePath: route.baseUrl.pathname.replace(/\/$/, ''),
      get authorization() {
        return route.authorization;
      },
      origin: route.origin,
      headMs: undefined,
      blockMs: undefined,
      failures: 0,
      leadBytes: LEAST_LEAD_BYTES,
    }));
  }

  /** The best first. Those that nothing is known of come before those that fail, in the order of the configuration. */
  ranked(): PlainRoute[] {
    return [...this.routes].sort((one, other) => rankOf(one) - rankOf(other));
  }

  /** How many routes to ask at once: all of them while nothing is known of any. */
  width(): number {
    return this.routes.every(({ headMs, failures }) => headMs === undefined && failures === 0) ? this.routes.length : 1;
  }

  /** A head came after `ms`. */
  answered(route: PlainRoute, ms: number): void {
    route.headMs = smoothed(route.headMs, ms);
    route.failures = Math.max(0, route.failures - 1);
  }

  /** No head came within `ms`: it takes longer than that. */
  overtaken(route: PlainRoute, ms: number): void {
    if (route.headMs === undefined || route.headMs < ms) route.headMs = smoothed(route.headMs, ms);
  }

  /** A lead of `bytes` was whole `ms` after its head. */
  brought(route: PlainRoute, bytes: number, ms: number): void {
    const { headMs = ms } = route;
    route.failures = 0;
    route.blockMs = smoothed(route.blockMs, (ms * LEAST_LEAD_BYTES) / Math.max(LEAST_LEAD_BYTES, bytes));
    if (ms > SLOW_FACTOR * headMs) route.leadBytes = Math.max(LEAST_LEAD_BYTES, route.leadBytes / 2);
    else if (ms < QUICK_FACTOR * headMs && bytes >= route.leadBytes) {
      route.leadBytes = Math.min(MOST_LEAD_BYTES, route.leadBytes * 2);
    }
  }

  /** A lead was given up `ms` after its head: a block takes at least as long. */
  dawdled(route: PlainRoute, ms: number): void {
    route.blockMs = Math.max(route.blockMs ?? 0, ms);
    route.leadBytes = LEAST_LEAD_BYTES;
  }

  failed(route: PlainRoute): void {
    route.failures = Math.min(MOST_FAILURES, route.failures + FAILURE);
  }

  /** It brought what is not the object's. */
  lied(route: PlainRoute): void {
    route.failures = Math.min(MOST_FAILURES, route.failures + LIE);
  }

  /** What a transfer found out about the round trip: a beginning, for it was measured under load. */
  measured(name: string, rttMs: number): void {
    const route = this.routes.find((candidate) => candidate.name === name);
    if (route !== undefined && rttMs > 0) route.headMs ??= rttMs;
  }

  async close(): Promise<void> {
    await Promise.all(this.routes.map(({ pool }) => pool.close()));
  }

  /** Requests that run end with `reason`. */
  async destroy(reason: Error | null): Promise<void> {
    await Promise.all(this.routes.map(({ pool }) => pool.destroy(reason)));
  }
}

/** ms to wait for a head from `route` before another one is asked as well. */
export function patienceOf(route: PlainRoute): number {
  if (route.headMs === undefined) return FIRST_PATIENCE_MS;
  return Math.min(MOST_PATIENCE_MS, Math.max(LEAST_PATIENCE_MS, 3 * route.headMs));
}

/** ms until the first block would be here. */
function rankOf({ headMs, blockMs = 0, failures }: PlainRoute): number {
  return (headMs ?? MOST_PATIENCE_MS) + blockMs + failures * FAILURE_PENALTY_MS;
}

function smoothed(before: number | undefined, ms: number): number {
  return before === undefined ? ms : before + SMOOTHING * (ms - before);
}

/** How the pool of a route connects. */
function connectionTo(route: SessionRoute): NonNullable<Pool.Options['connect']> {
  const { baseUrl, localAddress, address, proxy } = route;
  if (proxy !== undefined) {
    return (_options, connected) =>
      connectThrough({ ...route, proxy }, (error, socket) => {
        if (error === null && socket !== undefined) connected(null, socket);
        else connected(error ?? new Error('no connection'), null);
      });
  }
  const local = localOptions(localAddress, baseUrl.hostname);
  const options = { timeout: CONNECT_TIMEOUT_MS, ...local, ...pinnedLookup(address) };
  if (baseUrl.protocol === 'http:') return options;
  let tls = route.tls;
  const connectorOf = (): buildConnector.connector =>
    buildConnector({ ...options, ...tlsOptionsOf(tls), allowH2: false });
  let connect = connectorOf();
  return (target, connected) => {
    // certificates are renewed
    if (tls !== route.tls) {
      tls = route.tls;
      connect = connectorOf();
    }
    connect(target, connected);
  };
}
