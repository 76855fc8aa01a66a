// A whole transfer of the core, played by hand on a virtual clock: inputs are fed one by one, effects are collected, and
// each channel has a source (the wire's own segment set) that decides when it is told to. Nothing happens by itself but
// the shell's part: verdicts, deliveries and proof pages come back at once unless a test withholds them.
// Every effect is checked against what must hold always; breaches are collected in `faults`.
import type { Effect, Input } from '../../../client/core/messages.ts';
import type { CoreOptions } from '../../../client/core/options.ts';
import type { RouteTerms } from '../../../client/core/route-terms.ts';
import type { RouteSnapshot, Snapshot } from '../../../client/core/snapshot.ts';
import { Transfer } from '../../../client/core/transfer.ts';
import { checkPattern } from '../../../protocol/pattern.ts';
import type { Pattern } from '../../../protocol/pattern.ts';
import { indexesOf, rangesHave } from '../../../protocol/ranges.ts';
import type { Range } from '../../../protocol/ranges.ts';
import { SegmentSet } from '../../../protocol/segment-set.ts';
import type { Answer } from '../../../protocol/segment-set.ts';
import { optionsWith } from './core-state.ts';

export type PlayOrder = {
  readonly routes?: number;
  readonly segments?: number;
  /** Bytes of the object; `segments` whole ones unless given. */
  readonly size?: number;
  readonly options?: Partial<CoreOptions>;
  readonly firstByte?: number;
  readonly endByte?: number;
  /** What every source holds; everything unless given. */
  readonly held?: readonly Range[];
  /** What an earlier transfer left with the sink. */
  readonly have?: readonly Range[];
  /** What the source of each route holds, where it differs. */
  readonly heldBy?: readonly (readonly Range[])[];
  /** The terms of each route. */
  readonly terms?: readonly RouteTerms[];
  readonly isMapped?: boolean;
};

type ToSource = Parameters<SegmentSet['handle']>[0];
type Source = { readonly set: SegmentSet; readonly up: ToSource[]; credit: number };
type WriteEffect = Extract<Effect, { readonly type: 'pattern' | 'credit' | 'send' | 'ping' | 'prove' }>;

/** A transfer and its sources. Channels are named by number; the first dial of route n has number n + 1. */
export class PlayedTransfer {
  readonly transfer: Transfer;
  readonly segments: number;
  readonly size: number;
  readonly options: CoreOptions;
  now = 0;
  /** Every effect so far. */
  readonly effects: Effect[] = [];
  /** What was broken that must always hold. */
  readonly faults: string[] = [];
  /** Segments handed to the sink, in order. */
  readonly delivered: number[] = [];
  /** Segments that arrived and that the sink has not taken. */
  readonly held: Set<number> = new Set();
  /** Segments that arrived, each as often as it did. */
  readonly arrivals: number[] = [];
  /** Route of every channel dialled. */
  readonly routes: Map<number, number> = new Map();
  /** Sources by channel, from the upgrade on until the channel is closed. */
  readonly sources: Map<number, Source> = new Map();
  /** Channels that said HELLO. */
  readonly greeted: Set<number> = new Set();
  /** Pings not answered yet. */
  readonly pings: { channel: number; nonce: number }[] = [];
  /** Segments whose next verdict is "bad". */
  readonly bad: Set<number> = new Set();
  /** False: the sink keeps what it was given until `take`. */
  sinkTakes = true;
  verifies = true;
  proves = true;
  readonly #held: readonly Range[];
  readonly #heldBy: readonly (readonly Range[])[];
  readonly #closed = new Set<number>();
  readonly #patterns = new Map<number, Pattern>();
  readonly #back: Input[] = [];
  #busy = false;
  #sought = false;
  #sends = 0;
  #outcome: string | undefined;

  constructor(order: PlayOrder = {}) {
    const { routes = 1, segments = 100, firstByte, endByte } = order;
    this.options = optionsWith(order.options);
    this.size = order.size ?? segments * this.options.segmentBytes;
    this.segments = Math.ceil(this.size / this.options.segmentBytes);
    this.#heldBy = order.heldBy ?? [];
    this.#held = order.held ?? [{ first: 0, length: Math.max(1, this.segments) }];
    this.transfer = new Transfer(
      {
        routes: Array.from({ length: routes }, (_, route) => order.terms?.[route] ?? {}),
        options: this.options,
        ...(firstByte === undefined ? {} : { firstByte }),
        endByte,
        have: order.have ?? [],
        isMapped: order.isMapped ?? false,
      },
      0,
    );
    this.#drain();
  }

  get snapshot(): Snapshot {
    return this.transfer.snapshot(this.now);
  }

  /** How it ended: 'done', the code of the failure, or undefined while it runs. */
  get outcome(): string | undefined {
    return this.#outcome;
  }

  /** Channels that are dialled and not closed. */
  get channels(): number[] {
    return [...this.routes.keys()].filter((channel) => !this.#closed.has(channel));
  }

  route(index: number): RouteSnapshot {
    const route = this.snapshot.routes[index];
    if (route === undefined) throw new Error(`there is no route ${index}`);
    return route;
  }

  /** Feeds inputs after `ms` have passed; the effects they had. */
  feed(inputs: Input | readonly Input[], ms = 0): Effect[] {
    const before = this.effects.length;
    this.now += ms;
    for (const input of [inputs].flat()) this.#handle(input);
    return this.effects.slice(before);
  }

  /** Time passes in the shell's steps. */
  pass(ms: number): Effect[] {
    const before = this.effects.length;
    for (const end = this.now + ms; this.now < end && this.outcome === undefined; ) {
      this.now = Math.min(end, Math.max(this.now, this.transfer.deadline()));
      this.#handle({ type: 'tick' });
    }
    return this.effects.slice(before);
  }

  /** A channel connects and greets, `rttMs` after one another. */
  open(channel: number, rttMs = 20): void {
    this.feed({ type: 'connected', channel, connectMs: rttMs }, rttMs);
    this.hello(channel, rttMs);
  }

  hello(channel: number, ms = 0): Effect[] {
    this.greeted.add(channel);
    return this.feed({ type: 'hello', channel, size: this.size, held: this.heldBy(channel) }, ms);
  }

  /** What the source of a channel holds. */
  heldBy(channel: number): readonly Range[] {
    return this.#heldBy[this.routes.get(channel) ?? 0] ?? this.#held;
  }

  /** The next `count` frames of a channel reach its source. */
  up(channel: number, count: number = Number.POSITIVE_INFINITY): void {
    const source = this.sources.get(channel);
    for (const frame of source?.up.splice(0, count) ?? []) source?.set.handle(frame);
  }

  /** A channel's source makes up to `count` decisions, and they arrive; what arrived. */
  down(channel: number, count: number = Number.POSITIVE_INFINITY): Answer[] {
    const answers: Answer[] = [];
    for (let at = 0; at < count; at += 1) {
      const answer = this.sources.get(channel)?.set.next();
      if (answer === undefined) break;
      answers.push(answer);
      this.answer(channel, answer);
    }
    return answers;
  }

  /** One answer arrives. */
  answer(channel: number, answer: Answer): void {
    if (answer.type === 'segment') {
      const { index } = answer;
      this.arrivals[index] = (this.arrivals[index] ?? 0) + 1;
      this.feed([
        { type: 'received', channel, bytes: this.lengthOf(index) },
        { ...answer, channel },
      ]);
    } else this.feed({ ...answer, channel });
  }

  /** A channel ends by itself. */
  end(channel: number, code: Extract<Input, { type: 'closed' }>['code'] = 'connection-lost'): Effect[] {
    this.#close(channel);
    return this.feed({ type: 'closed', channel, code });
  }

  /** The sink is done with a segment. */
  take(index: number): Effect[] {
    return this.feed({ type: 'taken', index });
  }

  /** Everything asked for arrives, again and again, until the transfer ends or nothing more happens. */
  finish(rounds = 10_000): string | undefined {
    for (let round = 0; round < rounds && this.outcome === undefined; round += 1) {
      for (const channel of this.channels) if (!this.sources.has(channel)) this.open(channel, 1);
      for (const channel of [...this.sources.keys()]) {
        this.up(channel);
        this.down(channel);
      }
      this.pass(5);
    }
    return this.outcome;
  }

  lengthOf(index: number): number {
    return Math.max(0, Math.min(this.options.segmentBytes, this.size - index * this.options.segmentBytes));
  }

  #handle(input: Input): void {
    if (input.type === 'taken') this.held.delete(input.index);
    if (input.type === 'seek') this.#sought = true;
    const credits = new Map([...this.sources].map(([channel, { credit }]) => [channel, credit]));
    const sends = this.#sends;
    this.transfer.handle(input, this.now);
    this.#drain();
    if (this.#sends === sends) this.#checkWindows(credits);
    this.#checkMemory();
  }

  #drain(): void {
    if (this.#busy) return;
    this.#busy = true;
    for (;;) {
      const effect = this.transfer.poll();
      if (effect !== undefined) this.#perform(effect);
      const input = effect === undefined ? this.#back.shift() : undefined;
      if (input?.type === 'taken' || (input?.type === 'verified' && !input.ok)) this.held.delete(input.index);
      if (input !== undefined) this.transfer.handle(input, this.now);
      if (effect === undefined && input === undefined) break;
    }
    this.#busy = false;
  }

  #perform(effect: Effect): void {
    if (this.outcome !== undefined) this.#fault(`${effect.type} after the end`);
    this.effects.push(effect);
    switch (effect.type) {
      case 'dial':
        if (this.routes.has(effect.channel)) this.#fault(`channel ${effect.channel} dialled twice`);
        this.routes.set(effect.channel, effect.route);
        return;
      case 'open':
        return this.#open(effect);
      case 'pattern':
      case 'credit':
      case 'send':
      case 'ping':
      case 'prove':
        return this.#write(effect);
      case 'close':
        return this.#close(effect.channel);
      case 'verify':
        this.held.add(effect.index);
        if (this.verifies) this.#back.push({ ...effect, type: 'verified', ok: !this.bad.delete(effect.index) });
        return;
      case 'deliver':
        this.delivered.push(effect.index);
        if (this.sinkTakes) this.#back.push({ type: 'taken', index: effect.index });
        return;
      case 'discard':
      case 'encode':
        return;
      case 'release':
        if (!this.held.delete(effect.index)) this.#fault(`segment ${effect.index} is released and was not held`);
        return;
      case 'done':
        this.#outcome = 'done';
        return;
      case 'fail':
        this.#outcome = effect.code;
        return;
      default:
        effect satisfies never;
    }
  }

  #open({ channel, pattern, credit }: Extract<Effect, { type: 'open' }>): void {
    if (this.sources.has(channel)) this.#fault(`channel ${channel} opened twice`);
    if (this.#closed.has(channel) || !this.routes.has(channel))
      this.#fault(`open on channel ${channel}, which is not there`);
    const set = new SegmentSet(channel, this.segments, this.heldBy(channel));
    this.sources.set(channel, {
      set,
      up: [
        { type: 'pattern', pattern },
        { type: 'credit', total: credit },
      ],
      credit,
    });
    this.#checkPattern(pattern);
  }

  #write(effect: WriteEffect): void {
    const source = this.sources.get(effect.channel);
    if (source === undefined) return this.#fault(`${effect.type} on channel ${effect.channel}, which is not open`);
    if (effect.type === 'ping') this.pings.push({ channel: effect.channel, nonce: effect.nonce });
    else if (effect.type === 'prove') {
      if (this.proves) this.#back.push({ ...effect, type: 'proof', ok: true });
    } else source.up.push(effect);
    if (effect.type === 'pattern') this.#checkPattern(effect.pattern);
    if (effect.type === 'send') {
      this.#sends += 1;
      this.#checkHeld(effect.channel, effect.ranges);
    }
    if (effect.type !== 'credit') return;
    if (effect.total <= source.credit) this.#fault(`credit of channel ${effect.channel} not raised`);
    source.credit = effect.total;
  }

  #close(channel: number): void {
    this.#closed.add(channel);
    this.sources.delete(channel);
  }

  /** One pattern per epoch, the same for all; it keeps to the wire, and never begins earlier than one before. */
  #checkPattern(pattern: Pattern): void {
    checkPattern(pattern);
    const same = this.#patterns.get(pattern.epoch);
    if (same !== undefined && same !== pattern) this.#fault(`two patterns of epoch ${pattern.epoch}`);
    const before = this.#patterns.get(pattern.epoch - 1);
    if (before !== undefined && before.from > pattern.from) this.#fault(`epoch ${pattern.epoch} begins earlier`);
    this.#patterns.set(pattern.epoch, pattern);
  }

  /** Nobody is sent for what he said he does not hold. */
  #checkHeld(channel: number, ranges: readonly Range[]): void {
    if (!this.greeted.has(channel)) return;
    for (const index of indexesOf(ranges)) {
      if (!rangesHave(this.heldBy(channel), index)) this.#fault(`channel ${channel} has no ${index} to send`);
    }
  }

  /** No credit was raised that takes a route beyond its window + one segment. */
  #checkWindows(before: ReadonlyMap<number, number>): void {
    const raised = [...this.sources].filter(([channel, { credit }]) => credit > (before.get(channel) ?? 0));
    for (const route of new Set(raised.map(([channel]) => this.routes.get(channel)))) {
      const { outBytes, windowBytes } = this.route(route ?? 0);
      if (outBytes > windowBytes + this.options.segmentBytes) {
        this.#fault(`route ${route}: ${outBytes} bytes asked for, window ${windowBytes}`);
      }
    }
  }

  /**
   * What arrived and was not taken fits the reorder window, and a segment for each channel. In any order, and after a
   * seek (credit cannot be taken back), what was asked for meanwhile comes on top.
   */
  #checkMemory(): void {
    const { output, reorderBytes, segmentBytes } = this.options;
    if (this.held.size <= reorderBytes / segmentBytes) return;
    const windows =
      output === 'any' || this.#sought
        ? this.snapshot.routes.reduce((sum, { windowBytes }) => sum + windowBytes, 0)
        : 0;
    const most = (reorderBytes + windows) / segmentBytes + this.channels.length;
    if (this.held.size > most) this.#fault(`${this.held.size} segments are held, at most ${most} may be`);
  }

  #fault(text: string): void {
    this.faults.push(`${this.now} ms: ${text}`);
  }
}
