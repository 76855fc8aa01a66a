// The list of an origin's objects below a prefix, page by page, over whichever route answers. Nobody signs it: whoever is
// on the way can leave out objects or invent them, but what is fetched afterwards is proven one by one.
import http from 'node:http';
import https from 'node:https';
import { setTimeout as pause } from 'node:timers/promises';
import { asHeddleError, exitCodeOf, HeddleError } from '../../protocol/errors.ts';
import type { ChannelTarget } from './channel-socket.ts';
import { plainAgent } from './plain-agent.ts';
import { refusalOf } from './refusal.ts';
import { systemWords } from '../../protocol/system-words.ts';

/** One line of the list. */
export type ListedObject = { readonly key: string; readonly bytes: number };

/** A route that can be asked. */
type Asked = ChannelTarget & { readonly name: string };

type Page = { readonly objects: readonly ListedObject[]; readonly next: string | undefined };

/** How long a route may take for a page, ms. */
const PAGE_MS = 15_000;
/** How long one route has before the next is asked as well, ms. */
const HEAD_START_MS = 1_000;
/** Longest page that is read, bytes: ten thousand of the longest keys. */
const MOST_PAGE_BYTES = 16_777_216;
/** Most objects of one list: each takes about a kilobyte of memory with its name and path. */
const MOST_OBJECTS = 250_000;

/**
 * All objects whose keys begin with `prefix`, in the origin's order. Throws what a server that answered refused it with,
 * `no-route` when none answered, `bad-request` for a list that makes no sense, `aborted`.
 */
export async function listObjects(
  routes: readonly Asked[],
  prefix: string,
  signal: AbortSignal,
): Promise<ListedObject[]> {
  const all: ListedObject[] = [];
  let order = routes;
  let after = '';
  for (;;) {
    const { page, route } = await anyPage(order, { prefix, after }, signal);
    // what works is asked first from now on
    order = [route, ...routes.filter((other) => other !== route)];
    all.push(...page.objects);
    const { next } = page;
    if (next === undefined) return all;
    if (next === after || page.objects.length === 0) throw nonsense(route, 'its pages do not end');
    if (all.length > MOST_OBJECTS) {
      throw new HeddleError('usage', `more than ${MOST_OBJECTS} objects begin with "${prefix}"; write a longer prefix`);
    }
    after = next;
  }
}

type Query = { readonly prefix: string; readonly after: string };

/** The page from the first route that gives it. */
async function anyPage(
  routes: readonly Asked[],
  query: Query,
  signal: AbortSignal,
): Promise<{ readonly page: Page; readonly route: Asked }> {
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  try {
    const attempts: Promise<{ readonly page: Page; readonly route: Asked }>[] = [];
    for (const [at, route] of routes.entries()) {
      const turn = attempts.length === 0 ? undefined : itsTurn(attempts.at(-1), at * HEAD_START_MS, either);
      attempts.push(askInTurn(turn, route, query, either));
    }
    return await Promise.any(attempts);
  } catch (error) {
    if (signal.aborted) throw new HeddleError('aborted');
    throw whyNone(
      routes,
      (error as AggregateError).errors.map((each) => asHeddleError(each)),
    );
  } finally {
    over.abort();
  }
}

async function askInTurn(
  turn: Promise<void> | undefined,
  route: Asked,
  query: Query,
  signal: AbortSignal,
): Promise<{ readonly page: Page; readonly route: Asked }> {
  await turn;
  return { page: await askPage(route, query, signal), route };
}

/** Settles when the route before has failed, or has taken its time; rejects when it need not be asked any more. */
async function itsTurn(before: Promise<unknown> | undefined, startMs: number, signal: AbortSignal): Promise<void> {
  const failed = before?.then(
    () => {
      throw new HeddleError('aborted');
    },
    () => undefined,
  );
  await Promise.race([pause(startMs, undefined, { signal }), failed]);
}

/** A server's refusal says more than that another one cannot be reached. */
function whyNone(routes: readonly Asked[], errors: readonly HeddleError[]): HeddleError {
  const wayFails = exitCodeOf('no-route');
  const refusal = errors.find(({ code }) => exitCodeOf(code) !== wayFails);
  if (refusal !== undefined) return refusal;
  const said = errors.map(({ message }, at) => `${routes[at]?.name}: ${message}`).join('; ');
  return new HeddleError('no-route', `no route gives the list of objects; ${said}`, { side: 'remote' });
}

async function askPage(route: Asked, { prefix, after }: Query, signal: AbortSignal): Promise<Page> {
  const { baseUrl, authorization } = route;
  const query = new URLSearchParams({ prefix, ...(after === '' ? {} : { after }) });
  const url = new URL(`${baseUrl.pathname.replace(/\/$/, '')}/v1/objects?${query.toString()}`, baseUrl);
  const late = AbortSignal.timeout(PAGE_MS);
  const { promise, resolve, reject } = Promise.withResolvers<Page>();
  const failed = (error: Error): void => {
    const code = late.aborted ? 'timeout' : 'unreachable';
    const reason = late.aborted ? 'no answer in time' : systemWords(error) || 'no connection';
    reject(asHeddleError(error instanceof HeddleError ? error : new HeddleError(code, reason, { cause: error })));
  };
  const request = (url.protocol === 'https:' ? https : http).get(url, {
    agent: plainAgent(route, {}),
    signal: AbortSignal.any([signal, late]),
    headers: authorization === undefined ? {} : { authorization },
  });
  request.on('error', failed).on('response', (response) => {
    const pieces: Buffer[] = [];
    let bytes = 0;
    response.on('data', (piece: Buffer) => {
      pieces.push(piece);
      bytes += piece.length;
      if (bytes > MOST_PAGE_BYTES) response.destroy(nonsense(route, 'a page of it is too long'));
    });
    response.on('error', failed).on('end', () => {
      try {
        const body = Buffer.concat(pieces).toString();
        if (response.statusCode === 200) resolve(pageOf(route, body, prefix));
        else reject(refused(response, body));
      } catch (error) {
        failed(error as Error);
      }
    });
  });
  return promise;
}

function refused({ statusCode = 0, headers }: http.IncomingMessage, body: string): HeddleError {
  const single = Object.entries(headers).map(([name, value]) => [name, String(value)] as const);
  const { code, text } = refusalOf({ status: statusCode, headers: new Map(single), bytes: 0 }, body);
  return new HeddleError(code, `the list of objects: ${text}`, { side: 'remote' });
}

function pageOf(route: Asked, body: string, prefix: string): Page {
  const { objects, next } = parsed(route, body);
  if (!Array.isArray(objects) || !(next === undefined || typeof next === 'string')) {
    throw nonsense(route, 'it is none');
  }
  return {
    objects: objects.map((entry: unknown) => {
      const { key, size } = (entry ?? {}) as { key?: unknown; size?: unknown };
      if (typeof key !== 'string' || !Number.isSafeInteger(size))
        throw nonsense(route, 'an entry has no key or no size');
      if (!key.startsWith(prefix)) throw nonsense(route, 'a key does not begin with what was asked for');
      return { key, bytes: size as number };
    }),
    next,
  };
}

function parsed(route: Asked, body: string): { readonly objects?: unknown; readonly next?: unknown } {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    throw nonsense(route, 'it is no JSON');
  }
}

function nonsense(route: Asked, why: string): HeddleError {
  return new HeddleError('handshake-failed', `the list of objects over ${route.name}: ${why}`, { side: 'remote' });
}
