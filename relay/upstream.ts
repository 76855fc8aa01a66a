// One upstream of the allow-list at run time: how it is dialled, its warm connections and its totals. Owns their
// resources; who may use them is admission's business.
import type { Traffic } from './join.ts';
import type { LandingBuffers } from './landing-buffers.ts';
import type { RelayLimits, UpstreamTarget } from './options.ts';
import { dialUpstream } from './upstream-socket.ts';
import type { UpstreamSocket } from './upstream-socket.ts';
import { WarmConnections } from './warm-connections.ts';

export type Upstream = {
  readonly target: UpstreamTarget;
  readonly warm: WarmConnections;
  readonly traffic: Traffic;
  dial(signal: AbortSignal): Promise<UpstreamSocket>;
  /** Nobody new comes: what is idle is closed, what is under way ends by itself. */
  close(): void;
};

export function createUpstream(target: UpstreamTarget, buffers: LandingBuffers, limits: RelayLimits): Upstream {
  const dial = (signal: AbortSignal): Promise<UpstreamSocket> =>
    dialUpstream(target.endpoint, buffers, { timeoutMs: limits.connectTimeoutMs, signal });
  const warm = new WarmConnections(dial, limits);
  return { target, warm, traffic: { toClient: 0, toUpstream: 0 }, dial, close: () => warm.close() };
}
