// The shell of one transfer: performs the core's effects with real sockets, the verifier and the sink, and tells the core
// what happened. Reads the clock once per turn, arms one timer; decides nothing and holds no bytes (segment-flow.ts does).
import { asHeddleError, HeddleError } from '../../protocol/errors.ts';
import type { HelloFrame, ProofPage, SegmentFrame, SourceFrame } from '../../protocol/frames.ts';
import { HASH_BYTES } from '../../protocol/limits.ts';
import { levelOf } from '../../protocol/merkle.ts';
import type { Demand, Effect, Input } from '../core/messages.ts';
import { Transfer } from '../core/transfer.ts';
import type { Slab } from './buffer-pool.ts';
import { Channels } from './channels.ts';
import { Greetings } from './greetings.ts';
import { Agreement } from './range-agreement.ts';
import { SegmentFlow } from './segment-flow.ts';
import type { SessionOrder } from './order.ts';
import type { Inspection, SessionReport } from './report.ts';
import { reportOf } from './report.ts';

/** Runs one transfer; `run` settles when it is done or failed and everything is closed. */
export class Session {
  readonly #order: SessionOrder;
  readonly #transfer: Transfer;
  readonly #channels: Channels;
  readonly #greetings: Greetings;
  readonly #agreement: Agreement;
  readonly #flow: SegmentFlow;
  readonly #startedAt: number = performance.now();
  readonly #result: PromiseWithResolvers<SessionReport> = Promise.withResolvers();
  #timer: NodeJS.Timeout | undefined;
  #firstByteAt: number | undefined;
  /** Effects are being performed, or cannot be yet. */
  #draining = true;
  #ended = false;

  constructor(order: SessionOrder) {
    this.#order = order;
    const { key, core, firstByte, endByte, routes, sink, have = [], isMapped = false } = order;
    this.#greetings = new Greetings(order, {
      prove: (channel, first) => this.#channels.write(channel, { type: 'prove', level: 0, first, count: 1 }),
      welcome: (channel, hello, isFirst) => this.#welcome(channel, hello, isFirst),
      page: (channel, page) => this.#page(channel, page),
      refuse: (channel, error) => this.#channels.refuse(channel, error),
      bad: (channel, index) => this.#input({ type: 'verified', channel, index, ok: false }),
      fail: (error) => this.#fail(error),
    });
    this.#flow = new SegmentFlow(
      { key, segmentBytes: core.segmentBytes, firstByte, endByte, sink },
      {
        verified: (channel, index, ok) => {
          if (ok || !this.#greetings.isUndecided(channel, index)) this.#input({ type: 'verified', channel, index, ok });
        },
        trusts: (channel) => this.#agreement.trusts(channel),
        decoded: (channel, savedBytes) => this.#channels.decoded(this.#transfer.routeOfChannel(channel), savedBytes),
        resized: (size) => this.#greetings.correctSize(size),
        taken: (index) => this.#input({ type: 'taken', index }),
        failed: (error) => this.#fail(asHeddleError(error, 'local-io')),
      },
    );
    this.#agreement = new Agreement(order, {
      welcome: (channel, greeting, isFirst) => this.#admit(channel, greeting, isFirst),
      sample: (channel, spans, done) => this.#channels.sample(channel, spans, done),
      changed: () => this.#flow.reconsider(),
      refuse: (channel, error) => this.#channels.refuse(channel, error),
      fail: (error) => this.#fail(error),
    });
    this.#channels = new Channels(order, this.#flow.pool, {
      input: (input) => this.#input(input),
      frame: (channel, frame) => this.#frame(channel, frame),
      copy: (channel, route, copy) => this.#agreement.vote(channel, route, copy),
      segment: (channel, frame, slab) => this.#segment(channel, frame, slab),
      gone: (channel, route) => {
        this.#forget(channel);
        this.#agreement.leave(route);
      },
    });
    this.#transfer = new Transfer(
      { routes: routes.map(({ terms }) => terms), options: core, firstByte, endByte, have, isMapped },
      this.#startedAt,
    );
  }

  /** Exclusive end of the bytes that an output in order got; undefined when it has none. */
  get deliveredEnd(): number | undefined {
    return this.#flow.deliveredEnd;
  }

  /** Runs to the end. Rejects with a HeddleError; the sink is committed when it does not, and left alone when it does. */
  async run(signal?: AbortSignal): Promise<SessionReport> {
    const abort = (): void => this.#fail(new HeddleError('aborted', undefined, { cause: signal?.reason }));
    if (signal?.aborted === true) abort();
    signal?.addEventListener('abort', abort, { once: true });
    if (!this.#ended) await this.#channels.load();
    this.#draining = false;
    this.#drain();
    void this.#order.ranks?.then((ranks) => ranks && this.#input({ type: 'ranks', ranks }));
    try {
      return await this.#result.promise;
    } finally {
      signal?.removeEventListener('abort', abort);
      await this.#flow[Symbol.asyncDispose]();
    }
  }

  /** What the user says of it while it runs. */
  demand(demand: Demand): void {
    this.#input(demand);
  }

  /** The output goes on at this byte; in order, what lies before it and did not go out is given up. */
  seek(firstByte: number): void {
    if (this.#order.sink.order === 'order') this.#flow.seek(firstByte);
    this.#input({ type: 'seek', index: Math.floor(firstByte / this.#order.core.segmentBytes) });
  }

  /** A picture of the running transfer. */
  report(): SessionReport {
    return this.inspect().report;
  }

  /** Everything that is known of it. */
  inspect(): Inspection {
    const now = performance.now();
    const firstByteMs = this.#firstByteAt === undefined ? undefined : this.#firstByteAt - this.#startedAt;
    const snapshot = this.#transfer.snapshot(now);
    const times = { elapsedMs: now - this.#startedAt, firstByteMs };
    const report = reportOf(this.#order, snapshot, this.#greetings.manifest, this.#agreement, this.#channels, times);
    return { report, snapshot, transfer: this.#transfer };
  }

  /** A broken invariant ends the transfer with its error; it is not the peer's fault, nor the end of the process. */
  #input(input: Input): void {
    if (this.#ended) return;
    try {
      this.#transfer.handle(input, performance.now());
    } catch (error) {
      this.#fail(asHeddleError(error));
    }
    this.#drain();
  }

  /** Performs all waiting effects. Effects may cause inputs at once; those only queue more effects, and none after the end. */
  #drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    for (let effect = this.#transfer.poll(); effect !== undefined && !this.#ended; effect = this.#transfer.poll()) {
      try {
        this.#perform(effect);
      } catch (error) {
        this.#fail(asHeddleError(error));
      }
    }
    this.#draining = false;
    this.#arm();
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#ended) return;
    const wait = Math.max(1, this.#transfer.deadline() - performance.now());
    if (!Number.isFinite(wait)) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#input({ type: 'tick' });
      this.#arm();
    }, wait);
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case 'dial':
        return this.#channels.dial(effect.channel, effect.route);
      case 'open':
        this.#order.observer.pattern?.(effect.channel, effect.pattern);
        return this.#channels.open(effect.channel, effect.pattern, effect.credit);
      case 'pattern':
        this.#order.observer.pattern?.(effect.channel, effect.pattern);
        return this.#channels.write(effect.channel, effect);
      case 'credit':
      case 'send':
      case 'ping':
      case 'encode':
        return this.#channels.write(effect.channel, effect);
      case 'prove': {
        const { first, count } = effect;
        return this.#channels.write(effect.channel, {
          type: 'prove',
          level: levelOf(this.#order.core.segmentBytes),
          first,
          count,
        });
      }
      case 'close':
        this.#forget(effect.channel);
        return this.#channels.close(effect.channel, effect.graceful);
      case 'verify':
        return this.#flow.verify(effect.index);
      case 'discard':
        return this.#flow.discard();
      case 'release':
        return this.#flow.release(effect.index);
      case 'deliver':
        this.#firstByteAt ??= performance.now();
        return this.#flow.deliver(effect.index);
      case 'done':
        return this.#finish();
      case 'fail':
        return this.#fail(
          new HeddleError(effect.code, this.#channels.explain(effect.code, effect.message), { side: 'remote' }),
        );
      default:
        effect satisfies never;
    }
  }

  #frame(channel: number, frame: Exclude<SourceFrame, SegmentFrame>): void {
    switch (frame.type) {
      case 'hello':
        return this.#greetings.hello(channel, frame, this.#channels.originOf(channel));
      case 'proof':
        if (!this.#greetings.page(channel, frame.page)) this.#page(channel, frame.page);
        return;
      case 'dropped':
      case 'idle':
      case 'pong':
      case 'dealt':
        return this.#input({ ...frame, channel });
      case 'error':
        return this.#channels.refuses(channel, frame.code, frame.text);
      default:
        frame satisfies never;
    }
  }

  #page(channel: number, page: ProofPage): void {
    const ok = this.#flow.addPage(page);
    this.#input({ type: 'proof', channel, first: page.first, count: page.nodes.length / HASH_BYTES, ok });
  }

  #forget(channel: number): void {
    this.#greetings.forget(channel);
    this.#agreement.forget(channel);
  }

  #welcome(channel: number, hello: HelloFrame, isFirst: boolean): void {
    this.#admit(channel, hello, isFirst);
    this.#agreement.settle(hello.size);
  }

  /** The channel belongs to the transfer; without a root its bytes are taken as they come. */
  #admit(
    channel: number,
    { size, root, held }: Pick<HelloFrame, 'size' | 'held'> & { root?: Uint8Array },
    isFirst: boolean,
  ): void {
    const { firstByte } = this.#order;
    if (isFirst && firstByte > 0 && firstByte >= size) {
      return this.#fail(new HeddleError('range-not-satisfiable', `the object has ${size} bytes`));
    }
    if (isFirst) this.#flow.begin(size, root);
    this.#input({ type: 'hello', channel, size, held });
  }

  #segment(channel: number, frame: SegmentFrame, slab: Slab): void {
    this.#flow.arrive(channel, frame, slab);
    this.#order.observer.segment?.(channel, frame);
    this.#input({ type: 'segment', channel, index: frame.index, epoch: frame.epoch, by: frame.by });
  }

  #finish(): void {
    if (this.#ended) return;
    const report = this.report();
    this.#end();
    this.#commit().then(
      () => this.#result.resolve(report),
      (error: unknown) => this.#result.reject(asHeddleError(error, 'local-io')),
    );
  }

  async #commit(): Promise<void> {
    const { sink, observer } = this.#order;
    await sink.commit();
    // the object is there, whether its origin can be remembered or not
    await this.#greetings.remember().catch((error: unknown) => observer.warning?.(asHeddleError(error, 'local-io')));
  }

  #fail(error: HeddleError): void {
    if (this.#ended) return;
    this.#end();
    this.#result.reject(error);
  }

  #end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#greetings.end();
    this.#agreement.end();
    this.#channels.closeAll();
    this.#flow.end();
  }
}
