// The open channels of one session, by number: dials them on their routes, hands the core's frames to them and what they
// say to the session, and tells the observer why they ended. What that means is the session's business.
import { randomBytes } from 'node:crypto';
import { HeddleError } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import type { ClientFrame, SegmentFrame, SourceFrame } from '../../protocol/frames.ts';
import type { Pattern } from '../../protocol/pattern.ts';
import type { Input } from '../core/messages.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { ChannelAdapter } from './channel-adapter.ts';
import { ChannelConnector } from './channel-connector.ts';
import type { SessionOrder, SessionRoute } from './order.ts';
import type { Copy } from './range-answer.ts';

/** What channels say. Routes are named by their place in the order. */
export type ChannelsEvents = {
  input(input: Input): void;
  frame(channel: number, frame: Exclude<SourceFrame, SegmentFrame>): void;
  copy(channel: number, route: number, copy: Copy): void;
  segment(channel: number, frame: SegmentFrame, buffer: Uint8Array<ArrayBuffer>): void;
  /** It ended by itself; the input follows. */
  gone(channel: number, route: number): void;
};

/** Channels by their numbers. */
export class Channels {
  readonly #order: SessionOrder;
  readonly #events: ChannelsEvents;
  readonly #connector: ChannelConnector;
  readonly #channels = new Map<number, { readonly adapter: ChannelAdapter; readonly route: SessionRoute }>();
  readonly #transferId: string = randomBytes(16).toString('hex');

  constructor(order: SessionOrder, pool: BufferPool, events: ChannelsEvents) {
    const { core, early, routes } = order;
    this.#order = order;
    this.#events = events;
    this.#connector = new ChannelConnector({
      pool,
      segmentBytes: core.segmentBytes,
      early,
      sources: routes.length,
    });
  }

  dial(channel: number, routeIndex: number): void {
    const route = this.#order.routes[routeIndex];
    if (route === undefined) return;
    const { input, frame, copy, segment } = this.#events;
    const adapter = this.#connector.connect(route, {
      connected: (connectMs) => input({ type: 'connected', channel, connectMs }),
      frame: (what) => frame(channel, what),
      copy: (what) => copy(channel, routeIndex, what),
      payload: (bytes) => input({ type: 'received', channel, bytes }),
      segment: (what, buffer) => segment(channel, what, buffer),
      closed: (error) => {
        this.#gone(channel, routeIndex, error);
        input({ type: 'closed', channel, code: error.code });
      },
      refused: ({ code, text, retryAfterMs }) => {
        this.#gone(channel, routeIndex, new HeddleError(code, text, { side: 'remote' }));
        input({ type: 'refused', channel, code, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
      },
    });
    this.#channels.set(channel, { adapter, route });
  }

  open(channel: number, pattern: Pattern, credit: number): void {
    const { key, core } = this.#order;
    const { segmentBytes, steer } = core;
    const opening = { key, transfer: this.#transferId, number: channel, segmentBytes, pattern, credit, steer };
    this.#channels.get(channel)?.adapter.open(opening);
  }

  write(channel: number, frame: ClientFrame): void {
    this.#channels.get(channel)?.adapter.write(frame);
  }

  close(channel: number, graceful: boolean): void {
    this.#channels.get(channel)?.adapter.close(graceful);
    this.#channels.delete(channel);
  }

  /** Name under which the key of the origin behind the channel is remembered. */
  originOf(channel: number): string {
    return this.#channels.get(channel)?.route.origin ?? '';
  }

  /** The source said in an ERROR frame that it will not go on. */
  refuses(channel: number, code: ErrorCode, text: string): void {
    this.#observe(this.#channels.get(channel)?.route, new HeddleError(code, text, { side: 'remote' }));
    this.#events.input({ type: 'refused', channel, code });
  }

  closeAll(): void {
    for (const { adapter } of this.#channels.values()) adapter.close(false);
    this.#channels.clear();
  }

  #gone(channel: number, route: number, error: HeddleError): void {
    this.#channels.delete(channel);
    this.#observe(this.#order.routes[route], error);
    this.#events.gone(channel, route);
  }

  #observe(route: SessionRoute | undefined, error: HeddleError): void {
    if (route !== undefined) this.#order.observer.channelClosed?.(route.name, error);
  }
}
