// What one channel of an origin is made of. A type only; segment-sender.ts works with it, upgrade.ts puts it together.
import type { Socket } from 'node:net';
import type { Share } from '../protocol/access/shaper.ts';
import type { ChannelRequest } from '../protocol/channel-request.ts';
import type { OpenObject } from './block-cache.ts';
import type { PublishedObject } from './catalog.ts';
import type { Encoder } from './encoder.ts';
import type { OriginMetrics } from './metrics.ts';
import type { OriginTuning } from './options.ts';
import type { ProofPages } from './proof-pages.ts';
import type { Steering } from './steer.ts';

/** What a channel works on. */
export type ChannelParts = {
  readonly socket: Socket;
  readonly request: ChannelRequest;
  readonly object: PublishedObject;
  /** Closed by the channel. */
  readonly file: OpenObject;
  readonly pages: ProofPages;
  readonly metrics: OriginMetrics;
  /** Left out: STEER is ignored. */
  readonly steering?: Steering;
  /** What its payload counts against; left out: nothing. Closed by whoever opened it. */
  readonly share?: Share;
  /** Left out: ENCODE is ignored. */
  readonly encoder?: Encoder;
  readonly tuning: OriginTuning;
};
