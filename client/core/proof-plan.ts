// Which proof pages are needed, whom to ask for them and when to ask somebody else. A page holds the nodes of the
// segments' level for a run of segments; nothing is delivered before its page is proven.
import type { Channel } from './channel.ts';
import { canProve } from './route-terms.ts';
import { routeOf, usableChannels } from './state.ts';
import type { TransferState } from './state.ts';

const LEAST_PATIENCE_MS = 500;
const PATIENCE_RTTS = 4;
/** Each time a page is asked for again its answer may take twice as long, up to this factor: late is not lost. */
const MOST_PATIENCE = 8;

/** Pages asked for beyond the one that holds the highest segment asked for. */
const PAGES_AHEAD = 1;
/** The same when mirrors send segments, whose proofs must be here before the few that can give them are gone. */
const MIRROR_PAGES_AHEAD = 16;

/** `false` and `silent`: routes that lied about the page, and those that did not answer in time. */
type Asked = {
  readonly channel: number;
  readonly at: number;
  /** When it was asked for the first time. */
  readonly since: number;
  readonly times: number;
  readonly false: Set<number>;
  readonly silent: Set<number>;
};

/** Keeps the proof pages ahead of the segments. */
export class ProofPlan {
  readonly #state: TransferState;
  /** Pages that are here, from the first that is missing on. */
  readonly #have = new Set<number>();
  readonly #asked = new Map<number, Asked>();
  /** Whether there is anybody to ask, and whether somebody else sends segments as well. */
  readonly #canProve: boolean;
  readonly #hasMirrors: boolean;
  /** Pages below this one are all here. */
  #complete: number;

  constructor(state: TransferState) {
    this.#state = state;
    this.#canProve = state.routes.some(canProve);
    this.#hasMirrors = !state.routes.every(canProve);
    this.#complete = Math.floor(state.table.lowestMissing / state.options.proofNodes);
  }

  /** True while pages are missing that some route should bring. */
  get areMissing(): boolean {
    return this.#canProve && (this.#state.size === undefined || this.#complete <= this.#lastPage());
  }

  /** How long the page that was asked for first is not here, ms; 0 when none is waited for. */
  waitMs(now: number): number {
    const waiting = [...this.#asked].filter(([page]) => page >= this.#complete).map(([, { since }]) => since);
    return Math.max(0, now - Math.min(...waiting));
  }

  /** A proven page with the nodes [first, first + count) came. */
  proven(first: number, count: number): void {
    const { options } = this.#state;
    const page = Math.floor(first / options.proofNodes);
    const whole = Math.min(options.proofNodes, this.#nodes() - page * options.proofNodes);
    if (first !== page * options.proofNodes || count < whole) return;
    this.#asked.delete(page);
    if (page < this.#complete) return;
    this.#have.add(page);
    this.#moveOn();
  }

  /** Segments before `index` need no proof any more. */
  skip(index: number): void {
    const page = Math.floor(index / this.#state.options.proofNodes);
    for (const skipped of this.#have) if (skipped < page) this.#have.delete(skipped);
    this.#complete = Math.max(this.#complete, page);
    this.#moveOn();
  }

  /** A channel answered with a page that proves nothing: ask another route. */
  refuted(first: number, route: number): void {
    const page = Math.floor(first / this.#state.options.proofNodes);
    const asked = this.#asked.get(page) ?? unasked();
    asked.false.add(route);
    this.#asked.set(page, { ...asked, channel: -1, at: Number.NEGATIVE_INFINITY });
  }

  /**
   * Asks for every page that the segments up to `highest`, what patterns reached, and the next ones need, and for those of
   * `others`, asked for besides.
   */
  turn(highest: number, now: number, others: Iterable<number> = []): void {
    const { options, size } = this.#state;
    if (size === undefined || size === 0 || !this.#canProve) return;
    const ahead = this.#hasMirrors ? MIRROR_PAGES_AHEAD : PAGES_AHEAD;
    const last = Math.min(Math.floor(highest / options.proofNodes) + ahead, this.#lastPage());
    for (let page = this.#complete; page <= last; page += 1) this.#want(page, now);
    for (const index of others) if (index > highest) this.#want(Math.floor(index / options.proofNodes), now);
  }

  #moveOn(): void {
    while (this.#have.delete(this.#complete)) this.#complete += 1;
  }

  #want(page: number, now: number): void {
    if (page >= this.#complete && !this.#have.has(page) && this.#isOpen(page, now)) this.#ask(page, now);
  }

  #isOpen(page: number, now: number): boolean {
    const asked = this.#asked.get(page);
    if (asked === undefined) return true;
    const channel = this.#state.channels.get(asked.channel);
    if (channel === undefined || !channel.usable) return true;
    const patience = Math.max(LEAST_PATIENCE_MS, PATIENCE_RTTS * routeOf(this.#state, channel).rttMs);
    return now - asked.at > patience * Math.min(MOST_PATIENCE, 2 ** (asked.times - 1));
  }

  #ask(page: number, now: number): void {
    const { options, effects } = this.#state;
    const before = this.#asked.get(page) ?? unasked();
    const { silent, false: lied } = before;
    const silentRoute = this.#state.routeOfChannel.get(before.channel);
    if (silentRoute !== undefined) silent.add(silentRoute);
    const able = usableChannels(this.#state).filter((channel) => {
      return channel.helloSeen && canProve(routeOf(this.#state, channel));
    });
    const honest = able.filter((channel) => !lied.has(channel.route));
    const ready = honest.length > 0 ? honest : able;
    // every route once before any of them again: two that keep proofs to themselves must not be asked in turn for ever
    const unheard = ready.filter((channel) => !silent.has(channel.route));
    if (unheard.length === 0) silent.clear();
    const others = ready.filter((channel) => channel.number !== before.channel);
    const target = this.#soonest(unheard) ?? this.#soonest(others) ?? ready[0];
    if (target === undefined) return;
    const { times, since } = before;
    this.#asked.set(page, {
      ...before,
      channel: target.number,
      at: now,
      since: Math.min(since, now),
      times: times + 1,
    });
    const first = page * options.proofNodes;
    const count = Math.min(options.proofNodes, this.#nodes() - first);
    effects.push({ type: 'prove', channel: target.number, first, count });
  }

  #soonest(channels: readonly Channel[]): Channel | undefined {
    const wait = (channel: Channel): number => {
      const { rttMs } = routeOf(this.#state, channel);
      return Math.max(rttMs, channel.outBytes / channel.rate.rateOr(rttMs));
    };
    return channels.toSorted((a, b) => wait(a) - wait(b))[0];
  }

  #nodes(): number {
    return Math.ceil((this.#state.size ?? 0) / this.#state.options.segmentBytes);
  }

  #lastPage(): number {
    return Math.floor((Math.min(this.#nodes(), this.#state.table.to) - 1) / this.#state.options.proofNodes);
  }
}

function unasked(): Asked {
  const never = { at: Number.NEGATIVE_INFINITY, since: Number.POSITIVE_INFINITY };
  return { ...never, channel: -1, times: 0, false: new Set(), silent: new Set() };
}
