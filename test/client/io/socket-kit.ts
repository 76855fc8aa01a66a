// A channel whose events are kept and can be waited for, and the server's end of its connection: for the tests of
// channel-socket.ts.
import { BufferPool } from '../../../client/io/buffer-pool.ts';
import { ChannelSocket } from '../../../client/io/channel-socket.ts';
import type { ChannelTarget } from '../../../client/io/channel-socket.ts';
import { RECEIVER_LEAST_BYTES } from '../../../client/io/receiver.ts';
import type { Refusal } from '../../../client/io/refusal.ts';
import type { HeddleError } from '../../../protocol/errors.ts';
import type { SegmentFrame, SourceFrame } from '../../../protocol/frames.ts';
import { objectBytes } from '../../support/object-bytes.ts';
import type { PeerServer, Peer } from './raw-peer.ts';

/** Bytes of a segment. */
export const SEGMENT = 32_768;
export const PING = { type: 'ping', nonce: 7 } as const;
export const PONG = { type: 'pong', nonce: 7, epoch: 1, queued: 0 } as const;

type Said =
  | { readonly type: 'connected'; readonly connectMs: number }
  | { readonly type: 'frame'; readonly frame: SourceFrame }
  | { readonly type: 'segment'; readonly frame: SegmentFrame }
  | { readonly type: 'closed'; readonly error: HeddleError }
  | { readonly type: 'refused'; readonly refusal: Refusal };

/** A channel whose events are kept, and can be waited for. */
export class SocketKit {
  readonly said: Said[] = [];
  readonly pool: BufferPool = new BufferPool(RECEIVER_LEAST_BYTES);
  readonly channel: ChannelSocket;
  payloadBytes = 0;
  /** Called for each segment, before anything else happens. */
  onSegment: () => void = () => {};
  /** Called when the upgrade has succeeded. */
  onPassed: () => void = () => {};
  #wake: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(baseUrl: URL, more: Partial<ChannelTarget> = {}) {
    const target = { baseUrl, localAddress: undefined, authorization: undefined, ...more };
    this.channel = new ChannelSocket(target, this.pool, SEGMENT, {
      connected: (connectMs) => this.#say({ type: 'connected', connectMs }),
      passed: () => this.onPassed(),
      frame: (frame) => this.#say({ type: 'frame', frame }),
      payload: (bytes) => {
        this.payloadBytes += bytes;
      },
      segment: (frame) => {
        this.onSegment();
        this.#say({ type: 'segment', frame });
      },
      closed: (error) => this.#say({ type: 'closed', error }),
      refused: (refusal) => this.#say({ type: 'refused', refusal }),
    });
  }

  /** Waits for the first event of a type. */
  async until<Type extends Said['type']>(type: Type): Promise<Extract<Said, { readonly type: Type }>> {
    for (;;) {
      const found = this.said.find((said) => said.type === type);
      if (found !== undefined) return found as Extract<Said, { readonly type: Type }>;
      await this.#wake.promise;
    }
  }

  /** Waits until `count` frames and segments have come. */
  async untilFrames(count: number): Promise<SourceFrame[]> {
    for (;;) {
      const frames = this.said.flatMap((said) => ('frame' in said ? [said.frame] : []));
      if (frames.length >= count) return frames;
      await this.#wake.promise;
    }
  }

  open(): void {
    this.channel.open('/v1/segments/a', [['Heddle-Channel', 'x']]);
  }

  #say(said: Said): void {
    this.said.push(said);
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }
}

/** A server, a channel connected to it, and the server's end, with the request read. */
export async function opened(
  server: PeerServer,
  more: Partial<ChannelTarget> = {},
): Promise<{ kit: SocketKit; peer: Peer; head: string }> {
  const kit = new SocketKit(server.url, more);
  const peer = await server.accept();
  await kit.until('connected');
  kit.open();
  const head = await peer.head();
  return { kit, peer, head };
}

export function segmentOf(index: number, length: number): SegmentFrame {
  const payload = objectBytes(length, index + 1);
  return { type: 'segment', index, epoch: 1, by: 'pattern', encoding: 'identity', payload };
}

export const turnOfTheLoop = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

/** A frame with its payload as text. */
export function comparable(frame: SourceFrame): unknown {
  return frame.type === 'segment' ? { ...frame, payload: Buffer.from(frame.payload).toString('base64') } : frame;
}
