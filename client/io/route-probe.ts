// One look at a route without a transfer: how long a connection takes, how long a full round trip to the source over it,
// and how many relays the answer passed. Any HTTP answer is one: it is the way that is measured.
import http from 'node:http';
import https from 'node:https';
import { HeddleError } from '../../protocol/errors.ts';
import type { ChannelTarget } from './channel-socket.ts';
import { plainAgent } from './plain-agent.ts';
import { systemWords } from '../../protocol/system-words.ts';

/** What one look showed; times in ms. */
export type RouteProbe = { readonly connectMs: number; readonly rttMs: number; readonly relays: number };

/** Round trips measured on the connection; the quickest counts: the first warms up whatever is on the way. */
const ROUND_TRIPS = 4;

/** Looks at `target`. Rejects with a HeddleError when it cannot be reached within `timeoutMs`. */
export async function probeRoute(target: ChannelTarget, timeoutMs: number): Promise<RouteProbe> {
  const agent = plainAgent(target, { keepAlive: true, maxSockets: 1 });
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const first = await ask(target, agent, signal);
    let { rttMs } = first;
    for (let trip = 1; trip < ROUND_TRIPS; trip += 1) rttMs = Math.min(rttMs, (await ask(target, agent, signal)).rttMs);
    return { connectMs: first.connectMs, rttMs, relays: first.relays };
  } finally {
    agent.destroy();
  }
}

/** One request and its answer; `connectMs` is 0 on a connection that stood already. */
function ask({ baseUrl, authorization }: ChannelTarget, agent: http.Agent, signal: AbortSignal): Promise<RouteProbe> {
  const { promise, resolve, reject } = Promise.withResolvers<RouteProbe>();
  const startedAt = performance.now();
  let connectedAt: number | undefined;
  const request = (baseUrl.protocol === 'https:' ? https : http).request(
    new URL(`${baseUrl.pathname.replace(/\/$/, '')}/v1/objects?prefix=.`, baseUrl),
    {
      agent,
      signal,
      headers: authorization === undefined ? {} : { authorization },
    },
  );
  request.on('socket', (socket) => {
    const onConnect = (): void => void (connectedAt = performance.now());
    if (socket.connecting) socket.once(baseUrl.protocol === 'https:' ? 'secureConnect' : 'connect', onConnect);
  });
  request.on('response', (response) => {
    const rttMs = performance.now() - (connectedAt ?? startedAt);
    const via = response.headers.via ?? '';
    const relays = via.split(',').filter((entry) => entry.trim() !== '').length;
    const connectMs = connectedAt === undefined ? 0 : connectedAt - startedAt;
    response.on('error', reject).on('end', () => resolve({ connectMs, rttMs, relays }));
    response.resume();
  });
  request.on('error', (error) => {
    const reason = signal.aborted ? 'no answer in time' : systemWords(error) || 'no connection';
    reject(new HeddleError(signal.aborted ? 'timeout' : 'unreachable', reason, { side: 'remote', cause: error }));
  });
  request.end();
  return promise;
}
