// One channel as the core sees it: its state, its account (ledger), its rate, and when it was last heard. Decides
// nothing about other channels. States and their transitions are the table below.
import { ChannelLedger } from '../../protocol/channel-ledger.ts';
import type { Lane } from './dealer.ts';
import type { Holdings } from './holdings.ts';
import { FIRST_FLIGHT_BYTES, RateEstimator } from './rate-estimator.ts';
import { SegmentTimer } from './tally.ts';

/** A gap: so much of a round trip without a byte, in which the stream would have brought some packets. */
const LEAST_GAP_MS = 6;
const GAP_RTTS = 0.35;
/** What lasts longer is no fast repair but somebody who stood still: on a quick path all gaps are. */
const GAP_MOST_RTTS = 3;
const GAP_LEAST_BYTES = 6_000;
/** A credit is a frame: on quick lines it is raised only for the segments of so many ms. */
const CREDIT_STEP_MS = 2;

export type ChannelState = 'dialing' | 'opening' | 'open' | 'slow' | 'stalled' | 'draining' | 'closed';
export type ChannelEvent = 'connected' | 'hello' | 'lag' | 'silence' | 'bytes' | 'surplus' | 'ended';

/** state × event → state; an event with no entry changes nothing. ARCHITECTURE.md draws this table. */
export const CHANNEL_STATES: Readonly<Record<ChannelState, Partial<Record<ChannelEvent, ChannelState>>>> = {
  dialing: { connected: 'opening', ended: 'closed' },
  opening: { hello: 'open', silence: 'stalled', ended: 'closed' },
  open: { lag: 'slow', silence: 'stalled', surplus: 'draining', ended: 'closed' },
  slow: { bytes: 'open', silence: 'stalled', surplus: 'draining', ended: 'closed' },
  stalled: { hello: 'open', bytes: 'open', ended: 'closed' },
  draining: { silence: 'stalled', ended: 'closed' },
  closed: {},
};

/** One open connection on a route. */
export class Channel {
  readonly number: number;
  /** Place of the route in the route list. */
  readonly route: number;
  readonly ledger: ChannelLedger;
  readonly rate: RateEstimator;
  readonly timer: SegmentTimer = new SegmentTimer();
  /** When each granted segment was promised to be here (ms): what lateness is judged by. */
  readonly promises: Map<number, number> = new Map();
  readonly startedAt: number;
  readonly segmentBytes: number;
  state: ChannelState = 'dialing';
  helloSeen = false;
  /** What its source holds; undefined before its HELLO. */
  holdings: Holdings | undefined;
  /** When its upgrade was requested. */
  openedAt: number | undefined;
  /** Last time payload was read. */
  heardAt: number;
  /** Last time a PING was answered. */
  pongAt: number = Number.NEGATIVE_INFINITY;
  /** When the first answer to what is outstanding was due at the earliest. */
  dueFrom: number = Number.POSITIVE_INFINITY;
  stalledAt = 0;
  receivedBytes = 0;
  segments = 0;
  #partialBytes = 0;
  #unansweredBefore = Number.POSITIVE_INFINITY;

  /** `rememberedRate`: bytes per ms that it may be expected to carry before anything is measured. */
  constructor(number: number, route: number, segmentBytes: number, now: number, rememberedRate?: number) {
    this.number = number;
    this.route = route;
    this.ledger = new ChannelLedger(number);
    this.rate = new RateEstimator(rememberedRate);
    this.segmentBytes = segmentBytes;
    this.startedAt = now;
    this.heardAt = now;
  }

  /** True while patterns may deal it segments. */
  get usable(): boolean {
    return this.state === 'opening' || this.state === 'open';
  }

  /** True once its upgrade was requested: frames may follow. */
  get opened(): boolean {
    return this.openedAt !== undefined;
  }

  /** True while what it may send is expected from it: usable, late, or finishing what it was asked for. */
  get sound(): boolean {
    return this.usable || this.state === 'slow' || this.state === 'draining';
  }

  /** True while frames can be written to it. */
  get writable(): boolean {
    return this.sound || this.state === 'stalled';
  }

  /** Bytes asked for and not yet read. */
  get outBytes(): number {
    return Math.max(0, this.ledger.outstanding * this.segmentBytes - this.#partialBytes);
  }

  /** Bytes that all credit given may still bring: outBytes, and credit that waits for the next pattern. */
  get creditBytes(): number {
    return Math.max(0, this.ledger.unanswered * this.segmentBytes - this.#partialBytes);
  }

  /** Bytes of a segment that has not come as a whole. */
  get partialBytes(): number {
    return Math.min(this.#partialBytes, this.segmentBytes);
  }

  /** What it may bring, in the order in which it was asked. */
  asked(): number[] {
    const may = this.ledger.maySend();
    const known = [...this.promises.keys()].filter((index) => may.delete(index));
    return [...known, ...may];
  }

  /** It got another pattern: what that makes it owe is promised for `finishMs` from now, what it may not send any more is not. */
  promise(finishMs: number, now: number): void {
    const may = this.ledger.maySend();
    for (const index of this.promises.keys()) if (!may.has(index)) this.promises.delete(index);
    for (const index of this.ledger.expected) if (!this.promises.has(index)) this.promises.set(index, now + finishMs);
  }

  /** True when enough came since its credit was raised. */
  get isWorthCredit(): boolean {
    const { unanswered } = this.ledger;
    const came = this.#unansweredBefore - unanswered;
    return came >= unanswered || (came + 1) * this.segmentBytes > CREDIT_STEP_MS * this.rate.measured;
  }

  /** Its credit was raised as far as it may be. */
  raised(): void {
    this.#unansweredBefore = this.ledger.unanswered;
  }

  /** Applies an event; true when the state changed. */
  apply(event: ChannelEvent): boolean {
    const next = CHANNEL_STATES[this.state][event];
    if (next === undefined || next === this.state) return false;
    this.state = next;
    return true;
  }

  /** Bytes were read; the ms of the gap they end when it is one such as the repair of a loss makes, else 0. */
  hear(bytes: number, rttMs: number, now: number): number {
    const gap = now - Math.max(this.heardAt, Math.min(this.dueFrom, now));
    const expected = this.rate.measured * gap;
    const isPause = gap > Math.max(LEAST_GAP_MS, GAP_RTTS * rttMs) && gap < GAP_MOST_RTTS * rttMs;
    const isGap = isPause && expected > GAP_LEAST_BYTES && this.receivedBytes > 0;
    this.heardAt = now;
    this.receivedBytes += bytes;
    this.#partialBytes += bytes;
    this.rate.add(bytes, now);
    return isGap ? gap : 0;
  }

  /** An answer was taken into the ledger. */
  answered(): void {
    this.#partialBytes = Math.max(0, this.#partialBytes - this.segmentBytes);
  }

  /** Something was asked, answered or withdrawn: is anything due, and since when (`rttMs` from now at the earliest)? */
  settle(rttMs: number, now: number): void {
    if (this.ledger.outstanding === 0) {
      this.#partialBytes = 0;
      this.dueFrom = Number.POSITIVE_INFINITY;
      this.rate.becomesIdle();
    } else if (this.dueFrom === Number.POSITIVE_INFINITY) {
      this.dueFrom = now + rttMs;
      this.rate.becomesBusy(now + rttMs);
    }
  }

  /** ms without a byte although something was due. */
  silence(now: number): number {
    if (this.ledger.outstanding === 0 || this.dueFrom > now) return 0;
    return now - Math.max(this.heardAt, this.dueFrom);
  }

  /** How the dealer sees it; `slowStart`: its route's window still grows. */
  lane(rttMs: number, slowStart: boolean): Lane {
    const isRamping = slowStart && this.rate.doubling;
    const flight = isRamping ? Math.max(FIRST_FLIGHT_BYTES, this.rate.flight) : undefined;
    const { remembered: ceiling } = this.rate;
    return { channel: this.number, rate: this.rate.rateOr(rttMs), rttMs, outBytes: this.outBytes, flight, ceiling };
  }
}
