// One upstream of the allow-list at run time: how it is dialled, its warm connections, its pool for plain requests
// and its totals. Owns their resources; who may use them is admission's business.
import type { Agent } from 'undici';
import type { Traffic } from './join.ts';
import type { LandingBuffers } from './landing-buffers.ts';
import type { RelayLimits, UpstreamTarget } from './options.ts';
import { dialUpstream, trustOf } from './upstream-socket.ts';
import type { UpstreamSocket } from './upstream-socket.ts';
import { WarmConnections } from './warm-connections.ts';

export type Upstream = {
  readonly target: UpstreamTarget;
  /** The pool for plain requests; made, and its library loaded, at the first. */
  agent(): Promise<Agent>;
  readonly warm: WarmConnections;
  readonly traffic: Traffic;
  dial(signal: AbortSignal): Promise<UpstreamSocket>;
  /** The next plain request is sent by a pool with the limits of now; those under way end by themselves. */
  renew(): void;
  /** Nobody new comes: what is idle is closed, what is under way ends by itself. */
  retire(): Promise<void>;
  close(): Promise<void>;
};

export function createUpstream(target: UpstreamTarget, buffers: LandingBuffers, limits: RelayLimits): Upstream {
  const dial = (signal: AbortSignal): Promise<UpstreamSocket> =>
    dialUpstream(target.endpoint, buffers, { timeoutMs: limits.connectTimeoutMs, signal });
  const warm = new WarmConnections(dial, limits);
  let agent: Promise<Agent> | undefined;
  return {
    target,
    agent: () => (agent ??= createAgent(target, limits)),
    warm,
    traffic: { toClient: 0, toUpstream: 0 },
    dial,
    renew: () => {
      void agent?.then((old) => old.close());
      agent = undefined;
    },
    retire: async () => {
      warm.close();
      await (await agent)?.close();
    },
    close: async () => {
      warm.close();
      await (await agent)?.destroy();
    },
  };
}

async function createAgent(target: UpstreamTarget, limits: RelayLimits): Promise<Agent> {
  const { Agent } = await import('undici');
  return new Agent({
    // HTTP/2 would put parallel requests of all clients into one TCP connection.
    allowH2: false,
    pipelining: 1,
    connections: limits.maxSessions,
    keepAliveTimeout: limits.warmIdleMs,
    keepAliveMaxTimeout: limits.warmIdleMs,
    headersTimeout: limits.answerTimeoutMs,
    // Runs only while the client takes bytes and the upstream sends none.
    bodyTimeout: limits.idleTimeoutMs,
    connect: { timeout: limits.connectTimeoutMs, ...trustOf(target.endpoint) },
  });
}
