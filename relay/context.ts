// What the parts of one running relay share. Built once by main.ts; holds no behaviour.
import type { Socket } from 'node:net';
import type { Admission } from './admission.ts';
import type { LandingBuffers } from './landing-buffers.ts';
import type { RelayMetrics } from './metrics.ts';
import type { RelayLimits } from './options.ts';
import type { Sessions } from './sessions.ts';
import type { Upstream } from './upstream.ts';

export type RelayContext = {
  /** The relay's name in Via and Proxy-Status: random, so that it says nothing about the machine. */
  readonly pseudonym: string;
  readonly limits: RelayLimits;
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly admission: Admission<Upstream>;
  readonly sessions: Sessions;
  /** Client sockets taken over from the HTTP server, which no longer closes them itself. */
  readonly upgradedSockets: Set<Socket>;
  readonly buffers: LandingBuffers;
  readonly metrics: RelayMetrics;
  /** Takes a line about each session, where somebody wants to know. */
  readonly debug: ((line: string) => void) | undefined;
  /** False from the first word of a shutdown. */
  isReady(): boolean;
};
