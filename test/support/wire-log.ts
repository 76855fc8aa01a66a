// What went over the wire, frame by frame, on all connections of a test, in the order and at the times in which the taps
// (wire-tap.ts) saw it. Keeps facts only; what they must be is for the tests to say.
import type { ChannelRequest } from '../../protocol/channel-request.ts';
import type { ClientFrame, SegmentFrame, SourceFrame } from '../../protocol/frames.ts';

/** A frame as it is kept: segments without their payload. */
export type SeenFrame = ClientFrame | Exclude<SourceFrame, SegmentFrame> | SeenSegment;
export type SeenSegment = Omit<SegmentFrame, 'payload'> & { readonly payloadBytes: number };

/** One frame at a tap. `up` goes to the source. */
export type WireEvent = {
  readonly at: number;
  readonly line: WireLine;
  readonly way: 'up' | 'down';
  readonly frame: SeenFrame;
};

/** One connection through a tap. */
export type WireLine = {
  readonly tap: string;
  readonly openedAt: number;
  /** Where it came from. */
  readonly localAddress: string;
  /** Undefined until (and unless) it asked to be a channel. */
  channel: ChannelRequest | undefined;
  /** Target of the request. */
  path: string | undefined;
  /** Status of the answer; undefined while there is none. */
  status: number | undefined;
  upBytes: number;
  downBytes: number;
  /** What was no frame where one was expected. */
  fault: string | undefined;
  closedAt: number | undefined;
};

/** The log of one or more taps. */
export class WireLog {
  readonly events: WireEvent[] = [];
  readonly lines: WireLine[] = [];
  readonly #watchers = new Set<(event: WireEvent) => void>();

  add(event: WireEvent): void {
    this.events.push(event);
    for (const watch of this.#watchers) watch(event);
  }

  /** Begins anew: what was seen so far is forgotten, but for connections that were made ahead of their use. */
  clear(): void {
    const unused = this.lines.filter(({ channel, closedAt }) => channel === undefined && closedAt === undefined);
    this.events.length = 0;
    this.lines.splice(0, this.lines.length, ...unused);
  }

  /** Settles at the first event from now on for which `isIt` is true. */
  until(isIt: (event: WireEvent) => boolean): Promise<WireEvent> {
    const { promise, resolve } = Promise.withResolvers<WireEvent>();
    const watch = (event: WireEvent): void => {
      if (!isIt(event)) return;
      this.#watchers.delete(watch);
      resolve(event);
    };
    this.#watchers.add(watch);
    return promise;
  }

  /** Settles when `count` segments have come through `tap` (through any, if undefined) from now on. */
  segmentsFrom(tap: string | undefined, count: number): Promise<WireEvent> {
    return this.framesAt('segment', tap, count);
  }

  /** The same for frames of any type, whichever way they go. */
  framesAt(type: SeenFrame['type'], tap: string | undefined, count: number): Promise<WireEvent> {
    let left = count;
    return this.until(({ frame, line }) => {
      if (frame.type === type && (tap === undefined || line.tap === tap)) left -= 1;
      return left <= 0;
    });
  }

  /** Longest time between two frames of one direction, on whichever line, ms. */
  longestPause(way: 'up' | 'down'): number {
    const times = this.events.filter((event) => event.way === way).map(({ at }) => at);
    return Math.max(0, ...times.map((at, place) => at - (times[place - 1] ?? at)));
  }

  /** The channels, in the order of their numbers. */
  channels(tap?: string): WireLine[] {
    return this.lines
      .filter((line) => line.channel !== undefined && (tap === undefined || line.tap === tap))
      .sort((a, b) => numberOf(a) - numberOf(b));
  }

  /** The frames of one type on `line` (on all lines, if undefined), with their events. */
  frames<Type extends SeenFrame['type']>(
    type: Type,
    line?: WireLine,
  ): (WireEvent & { readonly frame: Extract<SeenFrame, { type: Type }> })[] {
    const found = this.events.filter(
      (event) => event.frame.type === type && (line === undefined || event.line === line),
    );
    return found as (WireEvent & { readonly frame: Extract<SeenFrame, { type: Type }> })[];
  }
}

/** Number of a line's channel, 0 when it is none. */
export function numberOf(line: WireLine): number {
  return line.channel?.number ?? 0;
}
