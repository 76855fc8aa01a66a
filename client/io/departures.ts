// Asks the relays of each route, or a source without relays, whether they are about to stop, about once a second while the
// route carries something: a relay parses no frames and cannot say so on its channels. What stands behind all relays tells
// on its channels itself. A route that the user took away is one that leaves, whatever it says. Tells; what is done about it
// is the core's decision.
import type { IncomingMessage } from 'node:http';
import type Http from 'node:http';
import type { SessionRoute } from './order.ts';
import { plainAgent } from './plain-agent.ts';

/** ms between two questions: well within the notice that servers give. */
const ASK_MS = 1_000;
/** A route that carries nothing is asked in every tenth turn only: thousands of transfers may wait for their readers. */
const IDLE_TURNS = 10;
/** ms for an answer; none says nothing. */
const ANSWER_MS = 3_000;
/** Bytes of an answer that are looked at. */
const MOST_ANSWER_BYTES = 1_024;

/** What the asking needs to know and tells. */
export type DepartureEvents = {
  /** Bytes read on the route's channels that are open. */
  readBytes(route: number): number;
  /** A hop is about to stop, or none any more. Told again in each turn while it is. */
  leaving(route: number, isLeaving: boolean): void;
};

type Asked = {
  readonly route: SessionRoute;
  readonly index: number;
  agent: Http.Agent | undefined;
  readBytes: number;
  idleTurns: number;
  isAsking: boolean;
  isLeaving: boolean;
};

/**
 * Begins to ask; disposing ends it. `routes` may grow meanwhile. Mirrors are not asked: what they answer means nothing here.
 */
export function watchDepartures(routes: readonly SessionRoute[], events: DepartureEvents): Disposable {
  const all: Asked[] = [];
  const ended = new AbortController();
  const timer = setInterval(() => {
    for (let index = all.length; index < routes.length; index += 1) all.push(newlyAsked(routes, index));
    for (const asked of all) {
      if (asked.route.isWithdrawn === true) {
        asked.isLeaving = true;
        asked.agent?.destroy();
        asked.agent = undefined;
        events.leaving(asked.index, true);
      } else if (isDue(asked, events)) void ask(asked, events, ended.signal);
    }
  }, ASK_MS);
  timer.unref();
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      ended.abort();
      for (const { agent } of all) agent?.destroy();
    },
  };
}

function newlyAsked(routes: readonly SessionRoute[], index: number): Asked {
  const route = routes[index] as SessionRoute;
  return { route, index, agent: undefined, readBytes: 0, idleTurns: 0, isAsking: false, isLeaving: false };
}

function isDue(asked: Asked, { readBytes }: DepartureEvents): boolean {
  if (asked.route.mirror !== undefined || asked.route.connect !== undefined) return false;
  const bytes = readBytes(asked.index);
  const isIdle = bytes === asked.readBytes;
  asked.readBytes = bytes;
  asked.idleTurns = isIdle ? asked.idleTurns + 1 : 0;
  // who is about to stop is asked until he has stopped
  return !asked.isAsking && (asked.isLeaving || asked.idleTurns % IDLE_TURNS === 0);
}

async function ask(asked: Asked, { leaving }: DepartureEvents, ended: AbortSignal): Promise<void> {
  asked.isAsking = true;
  const before = asked.isLeaving;
  // who does not answer is none of our business: his channels tell
  asked.isLeaving = await anySaysSo(asked, ended).catch(() => false);
  asked.isAsking = false;
  if (!ended.aborted && (asked.isLeaving || before)) leaving(asked.index, asked.isLeaving);
}

/** One after the other, the nearest first: a hop is asked through those before it. */
async function anySaysSo(asked: Asked, ended: AbortSignal): Promise<boolean> {
  for (const path of readinessOf(asked.route.baseUrl)) if (await saysSo(asked, path, ended)) return true;
  return false;
}

/** True when the server answers 503 and calls itself draining, as relays and origins do; others may mean anything by 503. */
function saysSo(asked: Asked, path: string, ended: AbortSignal): Promise<boolean> {
  const { baseUrl, authorization } = asked.route;
  const headers = authorization === undefined ? {} : { authorization };
  // loaded by transfers that last longer than a second
  const { get } = process.getBuiltinModule(baseUrl.protocol === 'https:' ? 'node:https' : 'node:http');
  const agent: Http.Agent = (asked.agent ??= plainAgent(asked.route, { keepAlive: true, maxSockets: 1 }));
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const signal = AbortSignal.any([ended, AbortSignal.timeout(ANSWER_MS)]);
  const request = get(new URL(path, baseUrl), { agent, signal, headers }, (answer: IncomingMessage) => {
    let text = '';
    answer.setEncoding('utf8').on('error', reject);
    answer.on('data', (more: string) => (text.length < MOST_ANSWER_BYTES ? (text += more) : answer.destroy()));
    answer.on('end', () => resolve(answer.statusCode === 503 && text.includes('draining')));
    answer.on('close', () => resolve(false));
  });
  request.on('error', reject);
  request.on('socket', (socket) => socket.unref());
  return promise;
}

/** Paths of the readiness of each relay: beside its own /v1/via/; or below the base URL of a source without relays. */
function readinessOf({ pathname }: URL): string[] {
  const relays = [...pathname.matchAll(/\/v1\/via\//g)].map(({ index }) => pathname.slice(0, index));
  return (relays.length > 0 ? relays : [pathname]).map((base) => `${base.replace(/\/$/, '')}/readyz`);
}
