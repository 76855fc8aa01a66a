// What the control interface says of a request that no transfer brings. As stable as messages.ts, which tells of it.
import type { Fault } from './messages.ts';

/** Requests of which is told: the newest. */
export const MOST_REQUESTS_TOLD = 64;

/**
 * A request that the proxy does not split (it passes it on, or one route alone answers it), or a tunnel. Nothing can be
 * demanded of it.
 */
export type PlainRequest = {
  /** Unique among the requests of one process. */
  readonly id: string;
  readonly type: 'request' | 'tunnel';
  readonly method: string;
  /** URL without its query; HOST:PORT of a tunnel. */
  readonly target: string;
  readonly state: 'running' | 'done' | 'failed';
  /** Why it failed, or null. */
  readonly fault: Fault | null;
  /** HTTP status of the answer; null before its head, and for tunnels. */
  readonly status: number | null;
  /** Bytes of the answer's body; of a tunnel all that came back. */
  readonly receivedBytes: number;
  /** What a tunnel carried away; null for requests. */
  readonly sentBytes: number | null;
  /** When it began, ms since 1970. */
  readonly startedAt: number;
  /** ms since it began, or that it took. */
  readonly elapsedMs: number;
};
