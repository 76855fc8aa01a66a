// The open channels of one session, by number: dials them on their routes, hands the core's frames to them and what they
// say to the session, and tells the observer why they ended. What that means is the session's business.
import { randomBytes } from 'node:crypto';
import { ERROR_CODES, HeddleError } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import type { ClientFrame, SegmentFrame, SourceFrame } from '../../protocol/frames.ts';
import type { Pattern } from '../../protocol/pattern.ts';
import type { Input } from '../core/messages.ts';
import type { BufferPool, Slab } from './buffer-pool.ts';
import type { ChannelAdapter } from './channel-adapter.ts';
import { ChannelConnector } from './channel-connector.ts';
import { watchDepartures } from './departures.ts';
import type { SessionOrder, SessionRoute } from './order.ts';
import type { ByteSpan, Copy } from './range-answer.ts';
import { Renewals } from './renewals.ts';
import { tellTransfer } from './transfer-events.ts';

/** What channels say. Routes are named by their place in the order. */
export type ChannelsEvents = {
  input(input: Input): void;
  frame(channel: number, frame: Exclude<SourceFrame, SegmentFrame>): void;
  copy(channel: number, route: number, copy: Copy): void;
  segment(channel: number, frame: SegmentFrame, slab: Slab): void;
  /** It ended by itself; the input follows. */
  gone(channel: number, route: number): void;
};

/** Refusals that deserve to be told in their own words. */
const TRUST: readonly ErrorCode[] = ['key-mismatch', 'root-mismatch', 'bad-manifest'];

/** Channels by their numbers. */
export class Channels {
  readonly #order: SessionOrder;
  readonly #events: ChannelsEvents;
  readonly #connector: ChannelConnector;
  readonly #channels = new Map<number, { readonly adapter: ChannelAdapter; readonly route: SessionRoute }>();
  /** Why the last channel of a route ended or was refused, in words. */
  readonly #why = new Map<SessionRoute, string>();
  /** What encoding saved, by the route's place in the order, bytes. */
  readonly #savedBytes: number[] = [];
  /** Why routes were not trusted, the first of each kind. */
  readonly #refusals = new Map<ErrorCode, string>();
  readonly #transferId: string = randomBytes(16).toString('hex');
  #departures: Disposable | undefined;
  readonly #renewals = new Renewals((channel) => this.#events.input({ type: 'renew', channel }));

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

  /** Loads what the routes' channels need; before the first is dialled. */
  load(): Promise<void> {
    const { routes } = this.#order;
    this.#departures = watchDepartures(routes, {
      readBytes: (route) => this.#readBytesOf(routes[route]),
      leaving: (route, isLeaving) => this.#events.input({ type: 'leave', route, isLeaving }),
    });
    return this.#connector.load(routes);
  }

  dial(channel: number, routeIndex: number): void {
    const route = this.#order.routes[routeIndex];
    if (route === undefined) return;
    const { input, frame, copy, segment } = this.#events;
    const adapter = this.#connector.connect(route, {
      connected: (connectMs) => input({ type: 'connected', channel, connectMs }),
      passed: (relays) => input({ type: 'passed', channel, relays }),
      frame: (what) => frame(channel, what),
      copy: (what) => copy(channel, routeIndex, what),
      payload: (bytes) => input({ type: 'received', channel, bytes }),
      segment: (what, slab) => segment(channel, what, slab),
      closed: (error) => {
        this.#gone(channel, routeIndex, error);
        input({ type: 'closed', channel, code: error.code });
      },
      refused: ({ code, text, retryAfterMs }) => {
        if (this.#isOutdated(channel, route, code))
          return this.#again(channel, routeIndex, new HeddleError(code, text));
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
    const opened = this.#channels.get(channel);
    if (opened?.route.mirror === undefined && opened !== undefined) this.#renewals.opened(channel, opened.route);
    opened?.adapter.open(opening);
  }

  write(channel: number, frame: ClientFrame): void {
    this.#channels.get(channel)?.adapter.write(frame);
  }

  /** Asks a mirror's channel for bytes of its copy. */
  sample(channel: number, spans: readonly ByteSpan[], done: (bytes: readonly Uint8Array[]) => void): void {
    this.#channels.get(channel)?.adapter.sample?.(spans, done);
  }

  close(channel: number, graceful: boolean): void {
    this.#channels.get(channel)?.adapter.close(graceful);
    this.#channels.delete(channel);
    this.#renewals.closed(channel);
  }

  /** Name under which the key of the origin behind the channel is remembered. */
  originOf(channel: number): string {
    return this.#channels.get(channel)?.route.origin ?? '';
  }

  /** The source said in an ERROR frame that it will not go on. */
  refuses(channel: number, code: ErrorCode, text: string): void {
    const route = this.#channels.get(channel)?.route;
    const error = new HeddleError(code, text, { side: 'remote' });
    if (route !== undefined && this.#isOutdated(channel, route, code)) {
      this.close(channel, false);
      return this.#again(channel, this.#order.routes.indexOf(route), error);
    }
    this.#observe(route, error);
    this.#events.input({ type: 'refused', channel, code });
  }

  /** What the channel said of the object cannot be accepted. */
  refuse(channel: number, { code, message }: HeddleError): void {
    const route = this.#channels.get(channel)?.route;
    if (route !== undefined) this.#why.set(route, message);
    if (!this.#refusals.has(code)) this.#refusals.set(code, message);
    this.#events.input({ type: 'refused', channel, code });
  }

  /** Why a route (its place in the order) is out of use, in words, if anybody said. */
  whyOf(route: number): string | undefined {
    const known = this.#order.routes[route];
    return known === undefined ? undefined : this.#why.get(known);
  }

  /** A segment that was encoded is plain and proven: so many bytes of it did not have to travel. */
  decoded(route: number | undefined, savedBytes: number): void {
    if (route !== undefined) this.#savedBytes[route] = this.savedBytesOf(route) + savedBytes;
  }

  /** Payload bytes that encoding saved on a route (its place in the order). */
  savedBytesOf(route: number): number {
    return this.#savedBytes[route] ?? 0;
  }

  /** The core's words with the names of the routes, which it knows by number only, and what is known of each. */
  explain(code: ErrorCode, message: string): string {
    const named = message.replaceAll(/\{route (\d+)\}(?:: ([a-z-]+))?/g, (_, index: string, reason?: string) => {
      const route = this.#order.routes[Number(index)];
      if (reason === undefined) return route?.name ?? index;
      return `${route?.name ?? index}: ${route === undefined ? reason : this.#inWords(code, route, reason)}`;
    });
    const why = TRUST.includes(code) ? this.#refusals.get(code) : undefined;
    return why === undefined ? named : `${named} (${why})`;
  }

  closeAll(): void {
    this.#departures?.[Symbol.dispose]();
    this.#renewals[Symbol.dispose]();
    for (const { adapter } of this.#channels.values()) adapter.close(false);
    this.#channels.clear();
  }

  /** What a code leaves open, such as the address that refuses, or the token that is missing. */
  #inWords(code: ErrorCode, route: SessionRoute, reason: string): string {
    const words = this.#why.get(route)?.replaceAll(/\p{C}/gu, '?');
    // why one is not trusted is said at the end; what is no code is the core's own sentence
    if (words === undefined || !Object.hasOwn(ERROR_CODES, reason) || TRUST.some((each) => each === reason))
      return reason;
    // the code of a mirror, or of a proxy on the way, says less than its own words; that of all stands behind the line
    const isTold = route.mirror !== undefined || route.proxy !== undefined || reason === code;
    return isTold ? words : `${reason}: ${words}`;
  }

  #readBytesOf(route: SessionRoute | undefined): number {
    return this.#channels.values().reduce((sum, { adapter, route: own }) => {
      return sum + (own === route ? (adapter.readBytes ?? 0) : 0);
    }, 0);
  }

  /** The server did not take the token, and there is a newer one by now. */
  #isOutdated(channel: number, route: SessionRoute, code: ErrorCode): boolean {
    return code === 'refused' && this.#renewals.isOutdated(channel, route);
  }

  /** The channel is over, and the route is as good as before. */
  #again(channel: number, route: number, error: HeddleError): void {
    this.#gone(channel, route, error);
    this.#events.input({ type: 'closed', channel, code: error.code });
  }

  #gone(channel: number, route: number, error: HeddleError): void {
    this.#channels.delete(channel);
    this.#renewals.closed(channel);
    this.#observe(this.#order.routes[route], error);
    this.#events.gone(channel, route);
  }

  #observe(route: SessionRoute | undefined, error: HeddleError): void {
    if (route === undefined) return;
    this.#why.set(route, error.message);
    tellTransfer(() => ({ type: 'channel-closed', route: route.name, code: error.code }));
    this.#order.observer.channelClosed?.(route.name, error);
  }
}
