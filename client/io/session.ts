// The shell of one transfer: performs the core's effects with real sockets, the verifier and the sink, and tells the core
// what happened. Reads the clock once per turn, arms one timer; decides nothing and holds no bytes (segment-flow.ts does).
import { randomBytes } from 'node:crypto';
import { formatChannelHeaders } from '../../protocol/channel-request.ts';
import { asHeddleError, HeddleError } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import type { HelloFrame, ProofPage, SegmentFrame, SourceFrame } from '../../protocol/frames.ts';
import { HASH_BYTES } from '../../protocol/limits.ts';
import { levelOf } from '../../protocol/merkle.ts';
import { pathsOf } from '../../protocol/paths.ts';
import type { Effect, Input } from '../core/messages.ts';
import { Transfer } from '../core/transfer.ts';
import { ChannelSocket } from './channel-socket.ts';
import type { ChannelEvents } from './channel-socket.ts';
import { Greetings } from './greetings.ts';
import { SegmentFlow } from './segment-flow.ts';
import type { SessionOrder, SessionRoute } from './order.ts';
import type { SessionReport } from './report.ts';
import { reportOf } from './report.ts';

/** Most pattern elements in the upgrade request, so that proxies with 8 KiB header lines pass it; more follow the 101. */
const MOST_FIRST_ELEMENTS = 4_096;
/** Refusals that deserve to be told in their own words. */
const TRUST: readonly ErrorCode[] = ['key-mismatch', 'root-mismatch', 'bad-manifest'];

/** Runs one transfer; `run` settles when it is done or failed and everything is closed. */
export class Session {
  readonly #order: SessionOrder;
  readonly #transfer: Transfer;
  readonly #sockets = new Map<number, { socket: ChannelSocket; route: SessionRoute }>();
  readonly #greetings: Greetings;
  /** Why routes were not trusted, the first of each kind. */
  readonly #refusals = new Map<ErrorCode, string>();
  readonly #flow: SegmentFlow;
  readonly #transferId: string = randomBytes(16).toString('hex');
  readonly #startedAt: number = performance.now();
  readonly #result: PromiseWithResolvers<SessionReport> = Promise.withResolvers();
  #timer: NodeJS.Timeout | undefined;
  #firstByteAt: number | undefined;
  #draining = false;
  #ended = false;

  constructor(order: SessionOrder) {
    this.#order = order;
    const { core, firstByte, endByte, routes } = order;
    this.#greetings = new Greetings(order, {
      prove: (channel, first) => this.#write(channel, { type: 'prove', level: 0, first, count: 1 }),
      welcome: (channel, hello, isFirst) => this.#welcome(channel, hello, isFirst),
      page: (channel, page) => this.#page(channel, page),
      refuse: (channel, error) => this.#refuse(channel, error),
      bad: (channel, index) => this.#input({ type: 'verified', channel, index, ok: false }),
      fail: (error) => this.#fail(error),
    });
    const { segmentBytes } = core;
    this.#flow = new SegmentFlow(
      { key: order.key, segmentBytes, firstByte, endByte, sink: order.sink },
      {
        verified: (channel, index, ok) => {
          if (ok || !this.#greetings.isUndecided(channel, index)) this.#input({ type: 'verified', channel, index, ok });
        },
        resized: (size) => this.#greetings.correctSize(size),
        taken: (index) => this.#input({ type: 'taken', index }),
        failed: (error) => this.#fail(asHeddleError(error, 'local-io')),
      },
    );
    this.#transfer = new Transfer(
      { routes: routes.map(({ terms }) => terms), options: core, firstByte, endByte, have: order.have ?? [] },
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
    this.#drain();
    try {
      return await this.#result.promise;
    } finally {
      signal?.removeEventListener('abort', abort);
      await this.#flow[Symbol.asyncDispose]();
    }
  }

  /** A picture of the running transfer. */
  report(): SessionReport {
    const now = performance.now();
    const firstByteMs = this.#firstByteAt === undefined ? undefined : this.#firstByteAt - this.#startedAt;
    return reportOf(
      this.#order,
      this.#transfer.snapshot(now),
      this.#greetings.manifest,
      now - this.#startedAt,
      firstByteMs,
    );
  }

  #input(input: Input): void {
    if (this.#ended) return;
    this.#guarded(() => this.#transfer.handle(input, performance.now()));
    this.#drain();
  }

  /** A broken invariant ends the transfer with its error; it is not the peer's fault, nor the end of the process. */
  #guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#fail(asHeddleError(error));
    }
  }

  /** Performs all waiting effects. Effects may cause inputs at once; those only queue more effects, and none after the end. */
  #drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    while (!this.#ended) {
      const effect = this.#transfer.poll();
      if (effect === undefined) break;
      this.#guarded(() => this.#perform(effect));
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
        return this.#dial(effect.channel, effect.route);
      case 'open':
        return this.#open(effect);
      case 'pattern':
        this.#order.observer.pattern?.(effect.channel, effect.pattern);
        return this.#write(effect.channel, effect);
      case 'credit':
      case 'send':
      case 'ping':
        return this.#write(effect.channel, effect);
      case 'prove': {
        const { first, count } = effect;
        return this.#write(effect.channel, {
          type: 'prove',
          level: levelOf(this.#order.core.segmentBytes),
          first,
          count,
        });
      }
      case 'close':
        this.#greetings.forget(effect.channel);
        this.#sockets.get(effect.channel)?.socket.close(effect.graceful);
        this.#sockets.delete(effect.channel);
        return;
      case 'verify':
        return this.#flow.verify(effect.index);
      case 'discard':
        return this.#flow.discard();
      case 'deliver':
        this.#firstByteAt ??= performance.now();
        return this.#flow.deliver(effect.index);
      case 'done':
        return this.#finish();
      case 'fail':
        return this.#fail(new HeddleError(effect.code, this.#explained(effect), { side: 'remote' }));
      default:
        effect satisfies never;
    }
  }

  #dial(number: number, routeIndex: number): void {
    const route = this.#order.routes[routeIndex];
    if (route === undefined) return;
    const events: ChannelEvents = {
      connected: (connectMs) => this.#input({ type: 'connected', channel: number, connectMs }),
      frame: (frame) => this.#frame(number, frame),
      payload: (bytes) => this.#input({ type: 'received', channel: number, bytes }),
      segment: (frame, buffer) => this.#segment(number, frame, buffer),
      closed: (error) => {
        this.#greetings.forget(number);
        this.#sockets.delete(number);
        this.#order.observer.channelClosed?.(route.name, error);
        this.#input({ type: 'closed', channel: number, code: error.code });
      },
      refused: ({ code, text, retryAfterMs }) => {
        this.#sockets.delete(number);
        this.#order.observer.channelClosed?.(route.name, new HeddleError(code, text, { side: 'remote' }));
        this.#input({
          type: 'refused',
          channel: number,
          code,
          ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
        });
      },
    };
    const { core, early } = this.#order;
    const socket = new ChannelSocket(route, this.#flow.pool, core.segmentBytes, events, early?.take(route));
    this.#sockets.set(number, { socket, route });
  }

  #open(effect: Extract<Effect, { type: 'open' }>): void {
    const { channel: number, pattern, credit } = effect;
    this.#order.observer.pattern?.(number, pattern);
    const socket = this.#sockets.get(number)?.socket;
    const request = { transfer: this.#transferId, number, segmentBytes: this.#order.core.segmentBytes };
    const frames = [
      { type: 'pattern', pattern },
      { type: 'credit', total: credit },
    ] as const;
    const fits = pattern.lead.length + pattern.cycle.length < MOST_FIRST_ELEMENTS;
    const headers = formatChannelHeaders({ ...request, first: fits ? frames : [] });
    socket?.open(pathsOf(this.#order.key).segments, headers);
    if (!fits) for (const frame of frames) socket?.write(frame);
  }

  #write(channel: number, frame: Parameters<ChannelSocket['write']>[0]): void {
    this.#sockets.get(channel)?.socket.write(frame);
  }

  #frame(channel: number, frame: Exclude<SourceFrame, SegmentFrame>): void {
    switch (frame.type) {
      case 'hello':
        return this.#greetings.hello(channel, frame, this.#sockets.get(channel)?.route.origin ?? '');
      case 'proof':
        if (!this.#greetings.page(channel, frame.page)) this.#page(channel, frame.page);
        return;
      case 'dropped':
      case 'idle':
      case 'pong':
        return this.#input({ ...frame, channel });
      case 'error': {
        const route = this.#sockets.get(channel)?.route;
        const error = new HeddleError(frame.code, frame.text, { side: 'remote' });
        if (route !== undefined) this.#order.observer.channelClosed?.(route.name, error);
        return this.#input({ type: 'refused', channel, code: frame.code });
      }
      case 'dealt':
        return;
      default:
        frame satisfies never;
    }
  }

  #page(channel: number, page: ProofPage): void {
    const ok = this.#flow.addPage(page);
    this.#input({ type: 'proof', channel, first: page.first, count: page.nodes.length / HASH_BYTES, ok });
  }

  #welcome(channel: number, { size, root, held }: HelloFrame, isFirst: boolean): void {
    const { firstByte } = this.#order;
    if (isFirst && firstByte > 0 && firstByte >= size) {
      return this.#fail(new HeddleError('range-not-satisfiable', `the object has ${size} bytes`));
    }
    if (isFirst) this.#flow.begin(size, root);
    this.#input({ type: 'hello', channel, size, held });
  }

  #refuse(channel: number, { code, message }: HeddleError): void {
    if (!this.#refusals.has(code)) this.#refusals.set(code, message);
    this.#input({ type: 'refused', channel, code });
  }

  #segment(channel: number, frame: SegmentFrame, buffer: Uint8Array<ArrayBuffer>): void {
    this.#flow.arrive(channel, frame, buffer);
    this.#order.observer.segment?.(channel, frame);
    const { index, epoch, by } = frame;
    this.#input({ type: 'segment', channel, index, epoch, by });
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
    for (const { socket } of this.#sockets.values()) socket.close(false);
    this.#sockets.clear();
    this.#flow.end();
  }

  /** The core's words with the names of the routes, which it knows by number only, and why one is not trusted. */
  #explained({ code, message }: { readonly code: ErrorCode; readonly message: string }): string {
    const named = message.replaceAll(
      /\{route (\d+)\}/g,
      (_, index: string) => this.#order.routes[Number(index)]?.name ?? index,
    );
    const why = TRUST.includes(code) ? this.#refusals.get(code) : undefined;
    return why === undefined ? named : `${named} (${why})`;
  }
}
