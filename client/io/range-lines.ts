// The connections of one channel to a mirror, and which run is asked for on which: all on one, one behind another, where
// the server answers so; one on each of several where it closes behind its answers. What was asked on a connection that
// ends is asked again on another. What an answer means is the channel's business.
import type { HeddleError } from '../../protocol/errors.ts';
import type { ResponseHead } from '../../protocol/http-head.ts';
import type { Dial } from './dial.ts';
import type { ByteSpan } from './range-answer.ts';
import { RangeConnection } from './range-connection.ts';
import type { Mirror } from './range-mirror.ts';
import type { RangeRequest } from './range-run.ts';

/** Where a mirror is dialled from. */
export type MirrorTarget = {
  readonly mirror: Mirror;
  readonly localAddress: string | undefined;
  /** The proxy on the way to a URL: where it redirects to may be reached otherwise. */
  readonly proxyFor?: ((url: URL) => URL | undefined) | undefined;
};

/** What happens. After `closed`, or `end`, nothing else follows. */
export type LineEvents = {
  /** The first connection stands. */
  connected(connectMs: number): void;
  /** `run` was asked for. */
  asked(run: RangeRequest): void;
  /** The answer to `run` begins: what its body holds, or undefined when it is thrown away. */
  head(run: RangeRequest, head: ResponseHead): ByteSpan | undefined;
  /** Where the next bytes of `run` go, none beyond byte `last`. */
  space(run: RangeRequest, last: number): Uint8Array;
  /** False: read no further until `resume`. */
  filled(run: RangeRequest, bytes: number): boolean;
  /** The answer to `run` is over; `span` is what it held. */
  done(run: RangeRequest, span: ByteSpan | undefined): void;
  /** An answer came that nobody asked for. */
  unasked(): void;
  closed(error: HeddleError): void;
};

/** One connection and the runs asked for on it, in the order of their answers. */
type Line = {
  connection: RangeConnection;
  readonly runs: RangeRequest[];
  /** What the present answer's body holds. */
  span: ByteSpan | undefined;
  /** Answers that were over. */
  answers: number;
  /** The present answer is the last of the connection. */
  isLast: boolean;
  /** Runs out when the server has forgotten what was asked behind an answer. */
  patience: NodeJS.Timeout | undefined;
};

/** Connections that may be lost one after another before the mirror counts as gone. */
const MOST_LOSSES = 4;

/** Connections of one channel. */
export class RangeLines {
  readonly #mirror: Mirror;
  readonly #localAddress: string | undefined;
  readonly #proxyFor: MirrorTarget['proxyFor'];
  readonly #events: LineEvents;
  readonly #lines: Line[] = [];
  /** Runs that wait for a connection with room. */
  readonly #waiting: RangeRequest[] = [];
  /** Connections lost since the last answer was over. */
  #losses = 0;
  #ended = false;

  /** Takes over `dial`, or dials. */
  constructor({ mirror, localAddress, proxyFor }: MirrorTarget, events: LineEvents, dial?: Dial) {
    this.#mirror = mirror;
    this.#localAddress = localAddress;
    this.#proxyFor = proxyFor;
    this.#events = events;
    // beside a channel that reads the whole no other can help: it stays silent, as one that is still dialling
    if (!mirror.streaming) this.#add((connectMs) => events.connected(connectMs), dial);
    else dial?.socket.destroy();
  }

  /** True when a run would be asked for at once. */
  get hasRoom(): boolean {
    return this.#waiting.length === 0;
  }

  /** Runs whose answers are under way. */
  get runs(): readonly RangeRequest[] {
    return this.#lines.flatMap((line) => line.runs);
  }

  /** Those, and the ones that wait. */
  get allRuns(): readonly RangeRequest[] {
    return [...this.runs, ...this.#waiting];
  }

  /** Asks for what is missing of `run`, as soon as a connection has room. */
  ask(run: RangeRequest): void {
    this.#waiting.push(run);
    this.#askWaiting();
  }

  /** As `ask`, before all others. */
  askFirst(run: RangeRequest): void {
    this.#waiting.unshift(run);
    this.#askWaiting();
  }

  /** The mirror is somewhere else now: everything is asked there. */
  move(): void {
    for (const line of this.#lines.splice(0)) {
      this.#close(line);
      this.#waiting.push(...line.runs.splice(0));
    }
    this.#askWaiting();
  }

  /** Takes back every run but those being answered. */
  release(): RangeRequest[] {
    return [...this.#lines.flatMap((line) => line.runs.splice(1)), ...this.#waiting.splice(0)];
  }

  resume(): void {
    for (const { connection } of this.#lines) connection.resume();
  }

  /** Closes everything at once. */
  end(): void {
    this.#ended = true;
    for (const line of this.#lines.splice(0)) this.#close(line);
  }

  #askWaiting(): void {
    for (let run = this.#waiting[0]; run !== undefined && !this.#ended; run = this.#waiting[0]) {
      const line = this.#lineWithRoom();
      if (line === undefined) return;
      this.#waiting.shift();
      const { first, last } = run.missing;
      const { pathname, search } = this.#mirror.url;
      line.runs.push(run);
      line.connection.ask(pathname + search, this.#mirror.headersFor(first, last));
      this.#events.asked(run);
    }
  }

  #lineWithRoom(): Line | undefined {
    const { depth, lines } = this.#mirror;
    const able = this.#lines.filter(({ isLast }) => !isLast);
    const least = able.toSorted((a, b) => a.runs.length - b.runs.length)[0];
    if (least !== undefined && least.runs.length < (able.length < lines ? 1 : depth)) return least;
    return able.length < lines ? this.#add() : undefined;
  }

  #add(connected: (connectMs: number) => void = () => {}, dial?: Dial): Line {
    const mirror = this.#mirror;
    const way = { localAddress: this.#localAddress, proxy: this.#proxyFor?.(mirror.url) };
    const target = { baseUrl: mirror.url, ...way, mayReach: mirror.mayReach };
    const state = { runs: [], span: undefined, answers: 0, isLast: false, patience: undefined };
    const line: Line = Object.assign(state as Omit<Line, 'connection'>, {
      connection: new RangeConnection(
        target,
        {
          connected: (connectMs) => {
            mirror.met(line.connection.remoteAddress);
            connected(connectMs);
          },
          head: (head, isLast) => this.#head(line, head, isLast),
          space: () => this.#space(line),
          filled: (bytes) => this.#filled(line, bytes),
          done: () => this.#done(line),
          ended: (error) => this.#lost(line, error),
        },
        dial,
      ),
    });
    this.#lines.push(line);
    return line;
  }

  #head(line: Line, head: ResponseHead, isLast: boolean): boolean {
    const [run] = line.runs;
    if (run === undefined) {
      this.#events.unasked();
      return false;
    }
    if (line.patience !== undefined) this.#mirror.pipelines = true;
    clearTimeout(line.patience);
    line.span = this.#events.head(run, head);
    if (isLast && !this.#ended && line.runs[0] === run) {
      if (line.answers === 0) this.#mirror.answersOnce();
      line.isLast = true;
      this.#waiting.unshift(...line.runs.splice(1));
      this.#askWaiting();
    }
    return line.span !== undefined;
  }

  #space({ runs, span }: Line): Uint8Array {
    const [run] = runs;
    return run === undefined || span === undefined ? new Uint8Array(0) : this.#events.space(run, span.last);
  }

  #filled({ runs, connection }: Line, bytes: number): void {
    const [run] = runs;
    if (run !== undefined && !this.#events.filled(run, bytes)) connection.pause();
  }

  #done(line: Line): void {
    const run = line.runs.shift();
    const { span } = line;
    line.answers += 1;
    this.#losses = 0;
    line.span = undefined;
    if (line.isLast) this.#remove(line);
    else if (line.runs.length > 0 && !this.#mirror.pipelines) this.#watch(line);
    if (run !== undefined) this.#events.done(run, span);
    if (!this.#ended) this.#askWaiting();
  }

  /** What was asked behind an answer may have been thrown away with the packet it came in. */
  #watch(line: Line): void {
    clearTimeout(line.patience);
    line.patience = setTimeout(() => {
      this.#mirror.answersOnce();
      this.#remove(line);
      this.#waiting.unshift(...line.runs.splice(0));
      this.#askWaiting();
    }, this.#mirror.patienceMs);
  }

  #close(line: Line): void {
    clearTimeout(line.patience);
    line.connection.close();
  }

  #remove(line: Line): void {
    this.#close(line);
    const at = this.#lines.indexOf(line);
    if (at >= 0) this.#lines.splice(at, 1);
  }

  #lost(line: Line, error: HeddleError): void {
    if (this.#ended) return;
    this.#remove(line);
    if (line.runs.length === 0 && line.answers > 0) return;
    const isOrderly = line.answers > 0 && line.span === undefined;
    // a server that hangs up behind its first answer is asked for one thing at a time
    if (isOrderly && line.answers === 1) this.#mirror.answersOnce();
    // one that closes while requests come in resets the connection, and its last answer may be lost with that
    const isReset = line.isLast || (line.runs.length > 1 && !this.#mirror.pipelines && this.#mirror.depth > 1);
    if (isReset) this.#mirror.answersOnce();
    this.#losses += 1;
    if ((!isOrderly && !isReset && this.#lines.length === 0) || this.#losses > MOST_LOSSES) {
      this.end();
      this.#events.closed(error);
      return;
    }
    this.#waiting.unshift(...line.runs.splice(0));
    this.#askWaiting();
  }
}
