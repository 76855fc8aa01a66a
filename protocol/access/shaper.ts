// Bytes per second, shared fairly: in all and per account, each session that wants more gets the same as the others unless
// its account's limit is lower (max-min fairness, filled in turns). Counts what was read and says when to read on; the
// reading is the sessions' business. Without limits it only counts.
import type { Account } from './accounts.ts';

/** Rates in bytes per second; 0 is no limit. Read again at every turn. */
export type ShaperLimits = { readonly maxBytesPerSecond: number; readonly maxBytesPerSecondPerToken: number };

/** How often what may be read is dealt out, ms. */
const TURN_MS = 20;
/** What is not used is kept for this long, ms. */
const BURST_MS = 100;

/** One session or plain request. */
export class Share {
  readonly account: Account;
  readonly #shaper: Shaper;
  #onRoom: () => void = () => {};
  #onSpent: () => void = () => {};
  /** Bytes that may be read before the next turn; below 0 after a large read. */
  #room = 0;
  #isStarved = false;

  constructor(shaper: Shaper, account: Account) {
    this.#shaper = shaper;
    this.account = account;
  }

  /** Nothing may be read until onRoom. */
  get isStarved(): boolean {
    return this.#isStarved;
  }

  /** Says who is to be told when reading may go on, and when the account has used up its bytes. */
  listen(onRoom: () => void, onSpent: () => void): void {
    this.#onRoom = onRoom;
    this.#onSpent = onSpent;
  }

  /** Counts `bytes` that were read; false when no more may be read until onRoom. */
  took(bytes: number): boolean {
    const { account } = this;
    account.usedBytes += bytes;
    if (account.usedBytes >= account.maxBytes) this.#onSpent();
    if (!this.#shaper.limits(account)) return true;
    this.#room -= bytes;
    if (this.#room > 0) return true;
    this.#isStarved = true;
    this.#shaper.starved(this);
    return false;
  }

  /** Gives room, at a turn; Infinity when no limit holds any more. True when reading may go on: goOn() says so. */
  feed(bytes: number): boolean {
    this.#room = bytes === Number.POSITIVE_INFINITY ? 0 : this.#room + bytes;
    return bytes === Number.POSITIVE_INFINITY || this.#room > 0;
  }

  /** May read, and so starve again, before it returns. */
  goOn(): void {
    this.#isStarved = false;
    this.#onRoom();
  }

  /** The session is over. */
  end(): void {
    this.#onRoom = () => {};
    this.#onSpent = () => {};
    this.#shaper.leave(this);
  }
}

type Bucket = { bytes: number; at: number };

export class Shaper {
  readonly #limits: ShaperLimits;
  readonly #clock: () => number;
  readonly #starving = new Set<Share>();
  readonly #all: Bucket = { bytes: 0, at: 0 };
  readonly #perAccount = new WeakMap<Account, Bucket>();
  #armed = false;
  /** Time waited by all together until #countedAt, ms. */
  #waitedMs = 0;
  #countedAt = 0;

  constructor(limits: ShaperLimits, clock: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** The share of a new session. */
  open(account: Account): Share {
    return new Share(this, account);
  }

  /** True when a rate holds for the account. */
  limits(account: Account): boolean {
    return this.#limits.maxBytesPerSecond > 0 || this.#rateOf(account) < Number.POSITIVE_INFINITY;
  }

  /** How many wait for room now. */
  get waiting(): number {
    return this.#starving.size;
  }

  /** How long all together have waited for room since the start, ms. */
  waitedMs(): number {
    this.#count(this.#clock());
    return this.#waitedMs;
  }

  /** `share` has read all it may; it is dealt more at the next turn. */
  starved(share: Share): void {
    this.#count(this.#clock());
    this.#starving.add(share);
    this.#arm();
  }

  leave(share: Share): void {
    if (!this.#starving.has(share)) return;
    this.#count(this.#clock());
    this.#starving.delete(share);
  }

  /** Deals what has become free since the last turn to those who wait. `now` is monotonic ms. */
  turn(now: number): void {
    this.#count(now);
    const groups = Map.groupBy(this.#starving, ({ account }) => account);
    let waiting = this.#starving.size;
    let rest = poured(this.#all, this.#limits.maxBytesPerSecond || Number.POSITIVE_INFINITY, now);
    // who may have least per session first: what an account cannot take is left to the others
    const accounts = [...groups].map(([account, shares]) => {
      const bucket = this.#bucketOf(account);
      return { shares, bucket, each: poured(bucket, this.#rateOf(account), now) / shares.length };
    });
    for (const { shares, bucket, each } of accounts.toSorted((a, b) => a.each - b.each)) {
      const bytes = Math.min(each, rest / waiting);
      waiting -= shares.length;
      if (bytes < Number.POSITIVE_INFINITY) {
        rest -= bytes * shares.length;
        bucket.bytes -= bytes * shares.length;
      }
      for (const share of shares) {
        if (!share.feed(bytes)) continue;
        this.#starving.delete(share);
        share.goOn();
      }
    }
    this.#all.bytes = Number.isFinite(rest) ? rest : 0;
    if (this.#starving.size > 0) this.#arm();
  }

  /** To be called before the number of those who wait changes. */
  #count(now: number): void {
    this.#waitedMs += this.#starving.size * Math.max(0, now - this.#countedAt);
    this.#countedAt = now;
  }

  #arm(): void {
    if (this.#armed) return;
    this.#armed = true;
    const turn = setTimeout(() => {
      this.#armed = false;
      this.turn(this.#clock());
    }, TURN_MS);
    turn.unref();
  }

  #rateOf({ maxBytesPerSecond }: Account): number {
    const perToken = this.#limits.maxBytesPerSecondPerToken || Number.POSITIVE_INFINITY;
    return Math.min(maxBytesPerSecond ?? Number.POSITIVE_INFINITY, perToken);
  }

  #bucketOf(account: Account): Bucket {
    let bucket = this.#perAccount.get(account);
    if (bucket === undefined) this.#perAccount.set(account, (bucket = { bytes: 0, at: 0 }));
    return bucket;
  }
}

/** What is in the bucket now. */
function poured(bucket: Bucket, rate: number, now: number): number {
  const passedMs = Math.min(BURST_MS, now - bucket.at);
  bucket.at = now;
  if (rate === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY;
  bucket.bytes = Math.min((rate * BURST_MS) / 1_000, bucket.bytes + (rate * passedMs) / 1_000);
  return bucket.bytes;
}
