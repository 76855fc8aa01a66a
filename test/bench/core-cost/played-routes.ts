// Sources and lines as simple as they can be, so that a bench of the core measures the core: every channel sends what its
// segment set owes at a rate that sways (or shares would never move), one segment after another; nothing is lost, nothing
// queues, proofs come at once.
// The time that the core itself takes is counted apart from everything else.
import { Transfer } from '../../../client/core/transfer.ts';
import type { Effect, Input } from '../../../client/core/messages.ts';
import type { CoreOptions } from '../../../client/core/options.ts';
import { SegmentSet } from '../../../protocol/segment-set.ts';
import { Agenda } from '../../simulation/agenda.ts';
import type { Entry } from '../../simulation/agenda.ts';

export type PlayedOrder = {
  readonly segments: number;
  readonly options: CoreOptions;
  /** One per route: bytes per ms of every connection, round trip in ms. */
  readonly routes: readonly { readonly rate: number; readonly rttMs: number }[];
};

/** What one transfer cost the core. */
export type CoreCost = {
  /** Processor time, ms. */
  readonly coreMs: number;
  readonly inputs: number;
  readonly effects: number;
  /** Of the virtual transfer. */
  readonly virtualMs: number;
  readonly patterns: number;
};

type ToSource = Parameters<SegmentSet['handle']>[0];
type Channel = {
  readonly rate: number;
  readonly rttMs: number;
  set: SegmentSet | undefined;
  isBusy: boolean;
  /** When the newest of what is under way arrives: nothing overtakes on a connection. */
  arrivesAt: number;
};

/** A route's rate is that of its connection: a second one would double it. */
const ONE_CONNECTION = Object.freeze({ maxConnections: 1 });
/** Reads of one segment, as a socket with buffers of half a segment has them. */
const READS = 2;
/** Rates sway by so much, in waves of so many ms. */
const SWAY = 0.3;
const WAVE_MS = 4_000;
const LIMITS = { steps: 500_000_000, ms: 86_400_000 };

/** Plays one transfer to its end. */
export function playTransfer(order: PlayedOrder): CoreCost {
  return new PlayedRoutes(order).run();
}

class PlayedRoutes {
  readonly #order: PlayedOrder;
  readonly #agenda = new Agenda(LIMITS);
  readonly #channels = new Map<number, Channel>();
  readonly #transfer: Transfer;
  /** Inputs that follow from effects at once. */
  readonly #soon: Input[] = [];
  #timer: Entry | undefined;
  #coreMs = 0;
  #inputs = 0;
  #effects = 0;
  #isDone = false;

  constructor(order: PlayedOrder) {
    this.#order = order;
    const began = performance.now();
    this.#transfer = new Transfer({ routes: order.routes.map(() => ONE_CONNECTION), options: order.options }, 0);
    this.#coreMs += performance.now() - began;
  }

  run(): CoreCost {
    const cpu = process.threadCpuUsage();
    const began = performance.now();
    this.#act();
    this.#agenda.run(
      () => this.#isDone,
      () => 'core bench',
    );
    // Others use the machine too: of the time that passed, this thread had only a part.
    const { user, system } = process.threadCpuUsage(cpu);
    const had = Math.min(1, (user + system) / 1_000 / (performance.now() - began));
    const { patterns } = this.#transfer.snapshot(this.#agenda.now).counters;
    const virtualMs = this.#agenda.now;
    return { coreMs: had * this.#coreMs, inputs: this.#inputs, effects: this.#effects, virtualMs, patterns };
  }

  #input(input: Input): void {
    this.#soon.push(input);
    this.#act();
  }

  /** Feeds what waits and performs what follows until both are empty; only the core is on the clock. */
  #act(): void {
    const { now } = this.#agenda;
    const transfer = this.#transfer;
    for (let isMore = true; isMore; ) {
      const effects: Effect[] = [];
      const inputs = this.#soon.splice(0);
      const began = performance.now();
      for (const input of inputs) transfer.handle(input, now);
      for (let effect = transfer.poll(); effect !== undefined; effect = transfer.poll()) effects.push(effect);
      this.#coreMs += performance.now() - began;
      this.#inputs += inputs.length;
      this.#effects += effects.length;
      for (const effect of effects) this.#perform(effect);
      isMore = this.#soon.length > 0;
    }
    this.#arm();
  }

  #arm(): void {
    const deadline = this.#transfer.deadline();
    if (this.#timer !== undefined || this.#isDone || !Number.isFinite(deadline)) return;
    this.#timer = this.#agenda.at(Math.max(this.#agenda.now + 1, deadline), () => {
      this.#timer = undefined;
      this.#input({ type: 'tick' });
    });
  }

  #perform(effect: Effect): void {
    if (effect.type === 'dial') return this.#dial(effect.channel, effect.route);
    if (effect.type === 'deliver') return void this.#soon.push({ type: 'taken', index: effect.index });
    if (effect.type === 'done' || effect.type === 'fail') {
      if (effect.type === 'fail') throw new Error(effect.message);
      this.#isDone = true;
      return;
    }
    if (effect.type === 'verify') {
      return void this.#soon.push({ type: 'verified', channel: effect.channel, index: effect.index, ok: true });
    }
    if (effect.type === 'release') return;
    const channel = this.#channels.get(effect.channel);
    if (channel === undefined) return;
    if (effect.type === 'open') this.#open(effect, channel);
    else if (effect.type === 'close') this.#channels.delete(effect.channel);
    else if (effect.type === 'pattern') this.#write(effect.channel, channel, effect);
    else if (effect.type === 'credit') this.#write(effect.channel, channel, effect);
    else if (effect.type === 'send') this.#write(effect.channel, channel, effect);
    else if (effect.type === 'ping') this.#pong(effect.channel, channel, effect.nonce);
    else if (effect.type === 'prove') this.#proof(effect.channel, channel, effect.first, effect.count);
  }

  #dial(number: number, route: number): void {
    const { rate, rttMs } = this.#order.routes[route] ?? { rate: 1, rttMs: 1 };
    this.#channels.set(number, { rate, rttMs, set: undefined, isBusy: false, arrivesAt: 0 });
    this.#agenda.after(rttMs, () => this.#input({ type: 'connected', channel: number, connectMs: rttMs }));
  }

  #open(effect: Extract<Effect, { type: 'open' }>, channel: Channel): void {
    const number = effect.channel;
    const whole = [{ first: 0, length: this.#order.segments }];
    this.#agenda.after(channel.rttMs / 2, () => {
      const set = new SegmentSet(number, this.#order.segments, whole);
      set.handle({ type: 'pattern', pattern: effect.pattern });
      set.handle({ type: 'credit', total: effect.credit });
      channel.set = set;
      this.#agenda.after(channel.rttMs / 2, () => {
        const size = this.#order.segments * this.#order.options.segmentBytes;
        this.#input({ type: 'hello', channel: number, size, held: whole });
      });
      this.#send(number, channel);
    });
  }

  #write(number: number, channel: Channel, frame: ToSource): void {
    this.#agenda.after(channel.rttMs / 2, () => {
      channel.set?.handle(frame);
      this.#send(number, channel);
    });
  }

  #pong(number: number, channel: Channel, nonce: number): void {
    this.#agenda.after(channel.rttMs / 2, () => {
      const epoch = channel.set?.epoch ?? 0;
      this.#arrive(channel, 0, () => this.#input({ type: 'pong', channel: number, nonce, epoch, queued: 0 }));
    });
  }

  #proof(channel: number, { rttMs }: Channel, first: number, count: number): void {
    this.#agenda.after(rttMs, () => this.#input({ type: 'proof', channel, first, count, ok: true }));
  }

  /** Something that is sent whole in `ms` arrives half a round trip later, behind all that was sent before. */
  #arrive(channel: Channel, ms: number, action: () => void): void {
    channel.arrivesAt = Math.max(channel.arrivesAt, this.#agenda.now + ms + channel.rttMs / 2);
    this.#agenda.at(channel.arrivesAt, action);
  }

  /** One segment after another leaves at the channel's rate. */
  #send(number: number, channel: Channel): void {
    if (channel.isBusy || !this.#channels.has(number)) return;
    const answer = channel.set?.next();
    if (answer === undefined) return;
    if (answer.type !== 'segment') {
      this.#arrive(channel, 0, () => this.#input({ ...answer, channel: number }));
      return this.#send(number, channel);
    }
    channel.isBusy = true;
    const { segmentBytes } = this.#order.options;
    const rate = channel.rate * (1 + SWAY * Math.sin((2 * Math.PI * this.#agenda.now) / WAVE_MS + number));
    for (let read = 1; read <= READS; read += 1) {
      this.#arrive(channel, (read * segmentBytes) / READS / rate, () => {
        if (!this.#channels.has(number)) return;
        this.#soon.push({ type: 'received', channel: number, bytes: segmentBytes / READS });
        const { index, epoch, by } = answer;
        if (read === READS) this.#soon.push({ type: 'segment', channel: number, index, epoch, by });
        this.#act();
      });
    }
    this.#agenda.after(segmentBytes / rate, () => {
      channel.isBusy = false;
      this.#send(number, channel);
    });
  }
}
