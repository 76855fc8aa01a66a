// What a HELLO leads to: its channel is welcome, refused, or has to prove first how large the object is. Owns the
// identity of the object and the claims that are open; what came of them the session tells the core.
import { asHeddleError, HeddleError } from '../../protocol/errors.ts';
import type { HelloFrame, ProofPage } from '../../protocol/frames.ts';
import { MAX_SEGMENTS } from '../../protocol/limits.ts';
import type { Manifest } from '../../protocol/manifest.ts';
import { leafCountOf, segmentCountOf } from '../../protocol/merkle.ts';
import { Identity } from './identity.ts';
import type { Checked } from './identity.ts';
import type { SessionOrder } from './order.ts';
import { SizeClaims } from './size-claims.ts';
import type { ClaimVerdict } from './size-claims.ts';
import { StartOver } from './start-over.ts';

/** How long bad segments may wait for the proof that would excuse them, ms: a round trip over two satellites. */
const UNDECIDED_MS = 1_500;

/** What the session has to do about a channel that greeted. */
export type GreetingEvents = {
  /** Ask the channel for the page of this leaf alone. */
  prove(channel: number, leaf: number): void;
  /** The channel belongs to the transfer; the first of all says which object it is about. */
  welcome(channel: number, hello: HelloFrame, isFirst: boolean): void;
  /** A page that came before its channel was welcome. */
  page(channel: number, page: ProofPage): void;
  refuse(channel: number, error: HeddleError): void;
  /** A verdict held back by `isUndecided` counts after all. */
  bad(channel: number, index: number): void;
  fail(error: HeddleError): void;
};

/** HELLOs of one session. */
export class Greetings {
  readonly #order: SessionOrder;
  readonly #events: GreetingEvents;
  readonly #identity: Identity;
  readonly #claims = new SizeClaims();
  /** Bad segments of channels whose claim is open: perhaps not they are wrong but the size that is accepted. */
  readonly #undecided = new Map<number, { readonly indexes: number[]; readonly timer: NodeJS.Timeout }>();

  constructor(order: SessionOrder, events: GreetingEvents) {
    this.#order = order;
    this.#events = events;
    this.#identity = new Identity(order.key, order.pins, order.known);
  }

  /** The object; undefined before the first welcome. */
  get manifest(): Manifest | undefined {
    return this.#identity.manifest;
  }

  /** A HELLO came over a channel of a route to `origin`. */
  hello(channel: number, hello: HelloFrame, origin: string): void {
    try {
      const checked = this.#identity.check(hello, origin);
      if (segmentCountOf(hello.size, this.#order.core.segmentBytes) > MAX_SEGMENTS) {
        throw new HeddleError('bad-manifest', `an object of ${hello.size} bytes has too many segments`, {
          side: 'remote',
        });
      }
      if (!this.#identity.needsSizeProof) return this.#welcome(channel, hello, checked, origin);
      const { ask, verdicts } = this.#claims.claim(channel, { hello, checked, origin });
      for (const leaf of ask) this.#events.prove(channel, leaf);
      this.#judge(verdicts);
    } catch (error) {
      const fault = asHeddleError(error, 'bad-manifest');
      if (fault.code === 'root-mismatch' && !this.#identity.settled) this.#events.fail(fault);
      else this.#events.refuse(channel, fault);
    }
  }

  /** Takes a page that came while the channel's claim is open; false when it is not. */
  page(channel: number, page: ProofPage): boolean {
    if (!this.#claims.isOpen(channel)) return false;
    this.#judge(this.#claims.page(channel, page));
    return true;
  }

  /** True when a bad segment of the channel is not to be counted yet; `bad` follows, unless everything starts over. */
  isUndecided(channel: number, index: number): boolean {
    if (!this.#claims.isOpen(channel)) return false;
    const undecided = this.#undecided.get(channel);
    if (undecided !== undefined) undecided.indexes.push(index);
    else {
      const timer = setTimeout(() => this.#giveUp(channel), UNDECIDED_MS).unref();
      this.#undecided.set(channel, { indexes: [index], timer });
    }
    return true;
  }

  /** The channel is gone, and its claim with it. */
  forget(channel: number): void {
    this.#claims.forget(channel);
    const { indexes, timer } = this.#undecided.get(channel) ?? { indexes: [] };
    clearTimeout(timer);
    this.#undecided.delete(channel);
    for (const index of indexes) this.#events.bad(channel, index);
  }

  /** Nothing more is decided. */
  end(): void {
    for (const { timer } of this.#undecided.values()) clearTimeout(timer);
    this.#undecided.clear();
  }

  /** The last segment proved how many bytes the object has. */
  correctSize(size: number): void {
    this.#identity.correctSize(size);
  }

  /** The transfer is done and proven: new keys are remembered. Throws `local-io`. */
  remember(): Promise<void> {
    return this.#identity.remember();
  }

  /** It had time enough to prove a size that would excuse what it sent. */
  #giveUp(channel: number): void {
    this.forget(channel);
    this.#events.refuse(channel, new HeddleError('corrupt', 'it proves neither size nor segments', { side: 'remote' }));
  }

  #judge(verdicts: readonly ClaimVerdict[]): void {
    for (const verdict of verdicts) {
      const { channel } = verdict;
      if (verdict.type === 'refused') {
        this.forget(channel);
        this.#events.refuse(
          channel,
          new HeddleError(verdict.code, 'its size is not that of the object', { side: 'remote' }),
        );
        continue;
      }
      const { hello, checked, origin, pages } = verdict.claim;
      if (verdict.type === 'outgrown') {
        const leastLeaves = leafCountOf(hello.size);
        this.#events.fail(new StartOver('the size was not true', { ...this.#order.pins, leastLeaves }, true));
        return;
      }
      this.#welcome(channel, hello, checked, origin);
      for (const page of pages) this.#events.page(channel, page);
    }
  }

  #welcome(channel: number, hello: HelloFrame, checked: Checked, origin: string): void {
    const isFirst = this.#identity.manifest === undefined;
    if (this.#identity.adopt(checked, origin)) return this.#events.welcome(channel, hello, isFirst);
    const { root, size } = checked.manifest;
    const pins = { ...this.#order.pins, root, size };
    this.#events.fail(new StartOver('a stranger led to another object', pins, false));
  }
}
