// The client's shell in the simulated world: performs the core's effects and tells it what happened, step for step as
// client/io/session.ts does with sockets, verifier and sink. One timer. Observers see every effect, input and turn.
import type { Demand, Effect, Input } from '../../../client/core/messages.ts';
import type { CoreOptions } from '../../../client/core/options.ts';
import type { Snapshot } from '../../../client/core/snapshot.ts';
import { Transfer } from '../../../client/core/transfer.ts';
import type { ErrorCode } from '../../../protocol/errors.ts';
import type { Range } from '../../../protocol/ranges.ts';
import type { Agenda, Entry } from '../agenda.ts';
import type { Random } from '../random.ts';
import { Connection } from './connection.ts';
import type { Path } from './path.ts';
import type { Downstream, Upstream } from './source.ts';

/** Bytes proven on the spot before a thread takes over, and what a round trip to that thread takes. */
const INLINE_PROOF_BYTES = 16_777_216;
const PROOF_MS = 0.1;
/** The sink's answer when nothing holds it up. */
const SINK_MS = 0.1;

/** How a transfer ended. */
export type Outcome =
  | { readonly type: 'done' }
  | { readonly type: 'fail'; readonly code: ErrorCode; readonly message: string };

/** Sees everything that passes between the core and the world. */
export type Observer = {
  /** An input is about to be handled. */
  input?(input: Input, now: number): void;
  /** An input was handled, effects are about to be performed; `snapshot` takes a fresh picture whenever it is called. */
  turn?(snapshot: () => Snapshot, now: number): void;
  effect?(effect: Effect, now: number): void;
};

export type ShellOrder = {
  readonly size: number;
  readonly core: CoreOptions;
  readonly paths: readonly Path[];
  /** Bytes per ms that the sink takes. */
  readonly sinkRate: number;
  /** Ask by SEND alone: every segment is raised as soon as the first source has said HELLO. */
  readonly sendsOnly: boolean;
  readonly observers: readonly Observer[];
  /** The transfer has ended: `outcome` tells how. */
  readonly ended: () => void;
};

type Arrived = { readonly channel: number; readonly isCorrupt: boolean };

/** One transfer in the world. */
export class Shell {
  readonly #agenda: Agenda;
  readonly #random: Random;
  readonly #order: ShellOrder;
  readonly #transfer: Transfer;
  readonly #connections = new Map<number, { readonly connection: Connection; readonly path: Path }>();
  readonly #pages = new Set<number>();
  readonly #unproven = new Map<number, Arrived>();
  #arrived: Arrived | undefined;
  #inlineLeft = INLINE_PROOF_BYTES;
  #sinkFreeAt = 0;
  #timer: Entry | undefined;
  #isRaised = false;
  #draining = false;
  #outcome: Outcome | undefined;

  constructor(agenda: Agenda, random: Random, order: ShellOrder) {
    this.#agenda = agenda;
    this.#random = random.fork('shell');
    this.#order = order;
    this.#transfer = new Transfer(
      { routes: order.paths.map(({ route }) => route.terms ?? {}), options: order.core },
      agenda.now,
    );
    this.#drain();
  }

  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  snapshot(): Snapshot {
    return this.#transfer.snapshot(this.#agenda.now);
  }

  /** The user says something. */
  demand(demand: Demand): void {
    this.#input(demand);
  }

  #input(input: Input): void {
    if (this.#outcome !== undefined) return;
    const { now } = this.#agenda;
    for (const observer of this.#order.observers) observer.input?.(input, now);
    this.#transfer.handle(input, now);
    this.#drain();
  }

  /** Performs all waiting effects. Effects may cause inputs at once; those only queue more effects. */
  #drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    const { now } = this.#agenda;
    const snapshot = (): Snapshot => this.snapshot();
    for (const observer of this.#order.observers) observer.turn?.(snapshot, now);
    for (let effect = this.#transfer.poll(); effect !== undefined; effect = this.#transfer.poll()) {
      for (const observer of this.#order.observers) observer.effect?.(effect, now);
      this.#perform(effect);
    }
    this.#draining = false;
    this.#arm();
  }

  #arm(): void {
    const deadline = this.#transfer.deadline();
    if (this.#timer !== undefined || this.#outcome !== undefined || !Number.isFinite(deadline)) return;
    this.#timer = this.#agenda.at(Math.max(this.#agenda.now + 1, deadline), () => {
      this.#timer = undefined;
      this.#input({ type: 'tick' });
      this.#arm();
    });
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case 'dial':
        return this.#dial(effect.channel, effect.route);
      case 'open':
        return this.#open(effect);
      case 'pattern':
        return this.#write(effect.channel, { type: 'pattern', pattern: effect.pattern });
      case 'credit':
        return this.#write(effect.channel, { type: 'credit', total: effect.total });
      case 'send':
        return this.#write(effect.channel, { type: 'send', ranges: effect.ranges, again: effect.again });
      case 'ping':
        return this.#write(effect.channel, { type: 'ping', nonce: effect.nonce });
      case 'prove':
        return this.#write(effect.channel, { type: 'prove', first: effect.first, count: effect.count });
      case 'close':
        this.#connections.get(effect.channel)?.connection.close();
        this.#connections.delete(effect.channel);
        return;
      case 'verify':
        return this.#verify(effect.index);
      case 'discard':
        this.#arrived = undefined;
        return;
      case 'release':
        this.#unproven.delete(effect.index);
        return;
      case 'deliver':
        return this.#deliver(effect.index);
      case 'encode':
        return; // the simulated sources do not know it
      case 'done':
      case 'fail':
        return this.#end(effect);
      default:
        effect satisfies never;
    }
  }

  #dial(channel: number, route: number): void {
    const path = this.#order.paths[route];
    if (path === undefined) throw new Error(`channel ${channel} was dialled on route ${route}, which does not exist`);
    const connection = new Connection(this.#agenda, path, {
      connected: (connectMs) => this.#input({ type: 'connected', channel, connectMs }),
      payload: (bytes) => this.#input({ type: 'received', channel, bytes }),
      frame: (frame) => this.#frame(channel, frame),
      closed: (code) => this.#input({ type: 'closed', channel, code }),
      refused: ({ code, retryAfterMs }) =>
        this.#input({ type: 'refused', channel, code, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }),
    });
    this.#connections.set(channel, { connection, path });
  }

  #open({ channel, pattern, credit }: Extract<Effect, { type: 'open' }>): void {
    const { size, core } = this.#order;
    const found = this.#connections.get(channel);
    if (found === undefined) return;
    const { holds, claims = holds, terms } = found.path.route;
    const order = {
      channel,
      size,
      segmentBytes: core.segmentBytes,
      held: this.#ranges(holds),
      claims: this.#ranges(claims),
      proves: terms?.proves ?? true,
    };
    found.connection.open(order, [
      { type: 'pattern', pattern },
      { type: 'credit', total: credit },
    ]);
  }

  #write(channel: number, frame: Upstream): void {
    this.#connections.get(channel)?.connection.write(frame);
  }

  #frame(channel: number, frame: Downstream): void {
    switch (frame.type) {
      case 'greeting':
        if (this.#order.sendsOnly && !this.#isRaised) {
          this.#isRaised = true;
          this.#input({ type: 'raise', ranges: this.#ranges([[0, 1]]) });
        }
        return this.#input({ type: 'hello', channel, size: this.#order.size, held: frame.held });
      case 'proof':
        for (let index = frame.first; index < frame.first + frame.count; index += 1) this.#pages.add(index);
        this.#input({ type: 'proof', channel, first: frame.first, count: frame.count, ok: true });
        for (const index of this.#unproven.keys()) this.#prove(index);
        return;
      case 'segment': {
        const corrupt = this.#connections.get(channel)?.path.corrupt ?? 0;
        this.#arrived = { channel, isCorrupt: this.#random.chance(corrupt) };
        return this.#input({ type: 'segment', channel, index: frame.index, epoch: frame.epoch, by: frame.by });
      }
      case 'dropped':
      case 'idle':
      case 'pong':
        return this.#input({ ...frame, channel });
      default:
        frame satisfies never;
    }
  }

  #verify(index: number): void {
    if (this.#arrived === undefined) return;
    this.#unproven.set(index, this.#arrived);
    this.#arrived = undefined;
    this.#prove(index);
  }

  #prove(index: number): void {
    const held = this.#unproven.get(index);
    if (held === undefined || !this.#pages.has(index)) return;
    this.#unproven.delete(index);
    const verdict = (): void => {
      this.#input({ type: 'verified', channel: held.channel, index, ok: !held.isCorrupt });
    };
    this.#inlineLeft -= this.#length(index);
    if (this.#inlineLeft > 0) verdict();
    else this.#agenda.after(PROOF_MS, verdict);
  }

  #deliver(index: number): void {
    const { now } = this.#agenda;
    this.#sinkFreeAt = Math.max(now, this.#sinkFreeAt) + this.#length(index) / this.#order.sinkRate;
    this.#agenda.at(Math.max(now + SINK_MS, this.#sinkFreeAt), () => this.#input({ type: 'taken', index }));
  }

  #end(outcome: Outcome): void {
    this.#outcome = outcome;
    this.#timer?.cancel();
    for (const { connection } of this.#connections.values()) connection.close();
    this.#connections.clear();
    this.#order.ended();
  }

  #length(index: number): number {
    const { size, core } = this.#order;
    return Math.min(core.segmentBytes, size - index * core.segmentBytes);
  }

  #ranges(parts: readonly (readonly [number, number])[]): Range[] {
    const segments = Math.ceil(this.#order.size / this.#order.core.segmentBytes);
    return parts.map(([from, to]) => {
      const first = Math.round(from * segments);
      return { first, length: Math.round(to * segments) - first };
    });
  }
}
