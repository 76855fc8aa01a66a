// One order from its start to its end: a session, and a fresh one when what it began with turns out not to be so (the
// object changed, a stranger had lied about it, an interrupted transfer was of another version). Bytes of two versions
// are never mixed: an output in order that has some of one gets none of another.
import { asHeddleError, HeddleError } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import type { Range } from '../../protocol/ranges.ts';
import type { Demand } from '../core/messages.ts';
import type { RouteTerms } from '../core/route-terms.ts';
import type { Pins } from './identity.ts';
import type { SessionOrder } from './order.ts';
import type { Inspection, SessionReport } from './report.ts';
import { Session } from './session.ts';
import { StartOver } from './start-over.ts';
import { told, watched } from './transfer-events.ts';
import { segmentsOf } from './wanted-bytes.ts';
import type { WantedBytes } from './wanted-bytes.ts';

/** What an interrupted transfer left with the sink, and of which object. */
export type Leftover = {
  readonly root: string;
  /** Bytes of the object. */
  readonly size: number;
  /** Segments. */
  readonly have: readonly Range[];
};

/** An order, and what may happen to it on the way. */
export type RetrievalOrder = SessionOrder & {
  readonly leftover?: Leftover | undefined;
  /** What to do when another version appears meanwhile. */
  readonly ifChanged: 'restart' | 'fail';
};

/** Sessions of one order: each that begins knows more than the one before, so that a few are enough. */
const MOST_SESSIONS = 8;
/** Raised ranges that a session is told of when it begins. */
const MOST_RAISED = 256;
/** How it shows that the object is another one. */
const CHANGED: readonly ErrorCode[] = ['object-changed', 'root-mismatch'];

/** Runs one order. */
export class Retrieval {
  readonly #order: RetrievalOrder;
  #firstByte: number;
  #leftover: Leftover | undefined;
  #session: Session;
  #raised: readonly WantedBytes[] = [];
  /** The newest demand of each kind, and for each route: what a session is told of when it begins. */
  readonly #demands = new Map<string, Demand>();
  #sought = 0;

  constructor(order: RetrievalOrder) {
    this.#order = order;
    this.#firstByte = order.firstByte;
    this.#leftover = order.leftover;
    this.#session = this.#begin(order.pins);
  }

  /** Runs to the end. Rejects with a HeddleError; the sink is committed or aborted by then. */
  run(signal?: AbortSignal): Promise<SessionReport> {
    return told(this, () => this.#run(signal));
  }

  async #run(signal?: AbortSignal): Promise<SessionReport> {
    for (let sessions = 1; ; sessions += 1) {
      try {
        const session = this.#session;
        return this.#whole(await watched(session, () => session.run(signal)));
      } catch (error) {
        const mayGoOn = sessions < MOST_SESSIONS && signal?.aborted !== true;
        const pins = mayGoOn ? this.#pinsAfter(error) : undefined;
        if (pins === undefined) throw await this.#givenUp(error);
        this.#session = this.#begin(pins);
        for (const demand of this.#demands.values()) this.#session.demand(demand);
        this.#tellRaised(this.#raised);
      }
    }
  }

  /** These bytes are wanted before all others, in this session and in those that may follow. */
  raise(ranges: readonly WantedBytes[]): void {
    this.#raised = [...ranges, ...this.#raised].slice(0, MOST_RAISED);
    this.#tellRaised(ranges);
  }

  /** A pause, a preference, a limit, for this session and those that may follow. */
  demand(demand: Exclude<Demand, { readonly type: 'raise' | 'join' }>): void {
    this.#demands.set(`${demand.type} ${'route' in demand ? demand.route : ''}`, demand);
    this.#session.demand(demand);
  }

  /** The order has another route, the last: it is used from now on. Sessions that follow have it from the beginning. */
  join(terms: RouteTerms): void {
    this.#session.demand({ type: 'join', terms });
  }

  /**
   * The output goes on at byte `first`. In order: the byte at which it breaks off before; the bytes between are given up.
   */
  seek(first: number): number {
    const brokenOff = this.#session.deliveredEnd ?? this.#firstByte;
    this.#sought = Math.max(this.#sought, first);
    this.#session.seek(first);
    return Math.min(first, brokenOff);
  }

  /** A picture of the running transfer. */
  report(): SessionReport {
    return this.#whole(this.#session.report());
  }

  /** Everything that is known of it. */
  inspect(): Inspection {
    const inspection = this.#session.inspect();
    return { ...inspection, report: this.#whole(inspection.report) };
  }

  #tellRaised(ranges: readonly WantedBytes[]): void {
    const { segmentBytes } = this.#order.core;
    if (ranges.length > 0) this.#session.demand({ type: 'raise', ranges: segmentsOf(ranges, segmentBytes) });
  }

  #begin(pins: Pins): Session {
    const leftover = this.#leftover;
    const known = leftover === undefined ? pins : { ...pins, root: leftover.root, size: leftover.size };
    return new Session({ ...this.#order, firstByte: this.#firstByte, pins: known, have: leftover?.have ?? [] });
  }

  /** What the next session demands; undefined when there is to be none. */
  #pinsAfter(error: unknown): Pins | undefined {
    const { pins, sink, ifChanged } = this.#order;
    const { deliveredEnd } = this.#session;
    if (error instanceof StartOver && error.sameBytes) {
      if (sink.order === 'order') this.#firstByte = Math.max(deliveredEnd ?? this.#firstByte, this.#sought);
      return error.pins;
    }
    const changed = error instanceof HeddleError && CHANGED.includes(error.code);
    if (!changed || (sink.order === 'order' && deliveredEnd !== undefined)) return undefined;
    const hadLeftover = this.#leftover !== undefined;
    this.#leftover = undefined;
    if (error instanceof StartOver) return error.pins;
    if (hadLeftover) return pins;
    return ifChanged === 'restart' && pins.root === undefined ? pins : undefined;
  }

  async #givenUp(cause: unknown): Promise<HeddleError> {
    const known = asHeddleError(cause);
    await this.#order.sink.abort(known).catch(() => undefined);
    return known;
  }

  /** A report of the whole order, whatever part of it the last session was about. */
  #whole(report: SessionReport): SessionReport {
    const before = this.#firstByte - this.#order.firstByte;
    return before === 0 || report.bytes === undefined ? report : { ...report, bytes: report.bytes + before };
  }
}
