// Routes that an origin publishes: fetches its signed list over a base URL, which may lead through relays, and takes it
// only with the signature of the key that is pinned or was remembered for that origin, and while it holds.
import http from 'node:http';
import https from 'node:https';
import { HeddleError } from '../../protocol/errors.ts';
import { MAX_ROUTE_LIST_BYTES, parseRouteList, ROUTE_LIST_PATH, ROUTE_LIST_TYPE } from '../../protocol/route-list.ts';
import type { ClientTls } from './client-tls.ts';
import type { FoundRoutes } from './dns-routes.ts';
import { openSigned } from './identity.ts';
import { plainAgent } from './plain-agent.ts';
import { systemReason } from '../../protocol/system-words.ts';

/** Whose list is taken. */
export type ListTrust = {
  /** The key that must have signed it, the `x` of its JWK; undefined: the first one seen counts from then on. */
  keyOf(): string | undefined;
  /** A list signed with this key was taken. */
  took(key: string): void;
};

/** How the list is asked for. */
type Asking = {
  readonly timeoutMs: number;
  /** Value of an Authorization header. */
  readonly authorization?: string;
  readonly tls?: ClientTls | undefined;
  /** The proxy on the way. */
  readonly proxyFor?: ((url: URL) => URL | undefined) | undefined;
};

/** How far the clocks of an origin and of a client may be apart, ms. */
const CLOCK_SKEW_MS = 300_000;

/**
 * The list that the origin behind `baseUrl` publishes at `now`, ms since 1970. Throws `key-mismatch`, `bad-manifest`
 * (malformed, expired), `object-not-found` when it publishes none, `refused`, `unreachable`, `timeout`.
 */
export async function askOrigin(
  baseUrl: URL,
  trust: ListTrust,
  { now, ...asking }: Asking & { readonly now: number },
): Promise<FoundRoutes> {
  const url = new URL(`${baseUrl.pathname.replace(/\/$/, '')}${ROUTE_LIST_PATH}`, baseUrl);
  const { payload, signer } = openSigned((await fetchText(url, asking)).trim(), ROUTE_LIST_TYPE);
  const expected = trust.keyOf();
  if (expected !== undefined && expected !== signer) {
    const text = `the route list of ${url.host} is signed with key ${signer}, not with ${expected}`;
    throw new HeddleError('key-mismatch', text, { side: 'remote' });
  }
  const { routes, issued, expires } = parseRouteList(payload);
  if (expires <= now) throw outdated(url, `it expired at ${new Date(expires).toISOString()}`);
  if (issued > now + CLOCK_SKEW_MS) throw outdated(url, 'it is from the future; look at the clocks');
  trust.took(signer);
  // asked for again well before it ends
  return { routes, holdsMs: (expires - now) / 2 };
}

async function fetchText(url: URL, { timeoutMs, authorization, tls, proxyFor }: Asking): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const signal = AbortSignal.timeout(timeoutMs);
  const failed = (error: Error): void =>
    reject(
      error instanceof HeddleError
        ? error
        : new HeddleError(
            signal.aborted ? 'timeout' : 'unreachable',
            `the route list of ${url.host} cannot be fetched: ${signal.aborted ? 'no answer in time' : systemReason(error)}`,
            { side: 'remote', cause: error },
          ),
    );
  const headers = authorization === undefined ? {} : { authorization };
  const request = (url.protocol === 'https:' ? https : http).get(url, {
    signal,
    headers,
    agent: plainAgent({ baseUrl: url, localAddress: undefined, tls, proxy: proxyFor?.(url) }, {}),
  });
  request.on('error', failed);
  request.on('response', (response) => {
    const { statusCode = 0 } = response;
    if (statusCode !== 200) {
      response.destroy();
      const code =
        statusCode === 404 ? 'object-not-found' : statusCode === 401 || statusCode === 403 ? 'refused' : 'unreachable';
      return failed(
        new HeddleError(code, `the route list of ${url.host}: it answered ${statusCode}`, { side: 'remote' }),
      );
    }
    const pieces: Buffer[] = [];
    let bytes = 0;
    response.on('data', (piece: Buffer) => {
      pieces.push(piece);
      bytes += piece.length;
      if (bytes > MAX_ROUTE_LIST_BYTES) {
        response.destroy(
          new HeddleError('bad-manifest', `the route list of ${url.host} is too long`, { side: 'remote' }),
        );
      }
    });
    response.on('error', failed).on('end', () => resolve(Buffer.concat(pieces).toString('latin1')));
  });
  return promise;
}

function outdated(url: URL, why: string): HeddleError {
  return new HeddleError('bad-manifest', `the route list of ${url.host} does not hold: ${why}`, { side: 'remote' });
}
