// Whether the copies of several mirrors are one object, as far as that can be known without a root: their sizes must be
// the same, and so must some bytes at places chosen at random; the majority decides. Beside a source with a manifest its
// size decides, and each segment is proven anyway. Owns who is welcome, and whose bytes may be taken as they come.
import { createHash, randomInt } from 'node:crypto';
import { HeddleError } from '../../protocol/errors.ts';
import type { HelloFrame } from '../../protocol/frames.ts';
import { segmentCountOf } from '../../protocol/merkle.ts';
import type { CoreOptions } from '../core/options.ts';
import type { SessionOrder } from './order.ts';
import type { ByteSpan, Copy } from './range-answer.ts';
import { Ballot } from './range-ballot.ts';

/** What the session has to do about mirrors. Routes are named by their place. */
export type AgreementEvents = {
  /** The channel belongs to the transfer; the first of all says how large the object is. */
  welcome(channel: number, greeting: Pick<HelloFrame, 'size' | 'held'>, isFirst: boolean): void;
  /** Ask the channel for these bytes. */
  sample(channel: number, spans: readonly ByteSpan[], done: (bytes: readonly Uint8Array[]) => void): void;
  refuse(channel: number, error: HeddleError): void;
  /** `trusts` answers otherwise than before. */
  changed(): void;
  fail(error: HeddleError): void;
};

type AgreementOrder = Pick<SessionOrder, 'routes' | 'isCheckedLater'> & {
  readonly core: Pick<CoreOptions, 'segmentBytes'>;
};

/** ms to wait for others after the first vote, before it is taken for the truth. */
const PATIENCE_MS = 400;
/** ms after which a mirror's samples are late: what it brought so far is asked of others. */
const LATE_MS = 2_000;
/** Places at which copies are compared, and bytes of each. */
const SAMPLES = 6;
const SAMPLE_BYTES = 1_024;

/** What to think of bytes that nothing proves; 'lost': nobody will ever know, and nobody is to blame. */
export type Trust = 'yes' | 'no' | 'lost';

/** The mirrors of one transfer. */
export class Agreement {
  readonly #order: AgreementOrder;
  readonly #events: AgreementEvents;
  readonly #sizes: Ballot;
  readonly #contents: Ballot;
  readonly #copies = new Map<number, Copy>();
  readonly #routeOf = new Map<number, number>();
  readonly #channels = new Map<number, Set<number>>();
  readonly #gone = new Set<number>();
  /** Channels that ended before their mirror could be judged, or that are late with their samples. */
  readonly #lost = new Set<number>();
  readonly #refused = new Set<number>();
  #size: number | undefined;
  /** Somebody was welcome already. */
  #hasBegun = false;
  #content: string | undefined;
  #spans: readonly ByteSpan[] = [];
  #timer: NodeJS.Timeout | undefined;
  readonly #watches = new Set<NodeJS.Timeout>();

  constructor(order: AgreementOrder, events: AgreementEvents) {
    const { routes } = order;
    const primary = routes.findIndex(({ mirror }) => mirror === 'primary');
    this.#order = order;
    this.#events = events;
    this.#sizes = new Ballot(routes.length, primary < 0 ? undefined : primary);
    this.#contents = new Ballot(routes.length, primary < 0 ? undefined : primary);
  }

  /** What the mirrors in use were found to have in common. */
  get checks(): readonly ('size' | 'etag' | 'samples')[] {
    const copies = this.#present;
    const [first] = copies;
    if (first === undefined || copies.length < 2) return [];
    const isSame = first.etag !== undefined && copies.every(({ etag }) => etag === first.etag);
    return isSame ? ['size', 'etag', 'samples'] : ['size', 'samples'];
  }

  /** The checksums that mirrors announce, each once. */
  get announced(): readonly string[] {
    return [...new Set(this.#present.flatMap(({ digest }) => (digest === undefined ? [] : `sha256:${digest}`)))];
  }

  /** Whether bytes of a channel may be taken as they came; undefined while that is not known. */
  trusts(channel: number): Trust | undefined {
    const route = this.#routeOf.get(channel);
    if (route === undefined || this.#size === undefined) return undefined;
    if (this.#refused.has(route)) return 'no';
    if (!this.#isVoteNeeded) return 'yes';
    if (this.#content !== undefined && this.#contents.choiceOf(route) === this.#content) return 'yes';
    return this.#lost.has(channel) ? 'lost' : undefined;
  }

  /** A mirror said this of its copy over a channel. */
  vote(channel: number, route: number, copy: Copy): void {
    this.#copies.set(route, copy);
    this.#routeOf.set(channel, route);
    this.#channelsOf(route).add(channel);
    this.#gone.delete(route);
    this.#sizes.cast(route, String(copy.size));
    if (this.#size !== undefined) this.#answer(channel, route);
    else if (this.#isAlone) this.#countSizes(false);
  }

  /** The bytes asked for came. */
  #sampled(route: number, bytes: readonly Uint8Array[]): void {
    const hash = createHash('sha256');
    for (const piece of bytes) hash.update(piece);
    this.#contents.cast(route, hash.digest('hex'));
    if (this.#content === undefined) this.#countContents(false);
    else this.#compare(route);
  }

  /** A source that can prove it says how large the object is. */
  settle(size: number): void {
    this.#hasBegun = true;
    this.#decideSize(size);
  }

  /** The channel is gone. */
  forget(channel: number): void {
    const route = this.#routeOf.get(channel);
    if (route === undefined || this.#channels.get(route)?.delete(channel) !== true) return;
    if (this.#contents.choiceOf(route) !== undefined || !this.#isVoteNeeded) return;
    this.#lost.add(channel);
    this.#events.changed();
  }

  /** The mirror will not vote now. */
  leave(route: number): void {
    this.#gone.add(route);
    if (!this.#isAlone) return;
    if (this.#size === undefined) {
      this.#sizes.withdraw(route);
      this.#countSizes(false);
    } else if (this.#content === undefined) this.#countContents(false);
  }

  end(): void {
    clearTimeout(this.#timer);
    for (const timer of this.#watches) clearTimeout(timer);
  }

  /** True while nothing but mirrors can say what the object is. */
  get #isAlone(): boolean {
    return this.#order.routes.every(({ mirror }) => mirror !== undefined);
  }

  get #isVoteNeeded(): boolean {
    return this.#isAlone && this.#order.routes.length > 1;
  }

  get #present(): Copy[] {
    const present = [...this.#copies].filter(([route]) => !this.#gone.has(route) && !this.#refused.has(route));
    const judged = present.filter(([route]) => !this.#isVoteNeeded || this.#contents.choiceOf(route) === this.#content);
    return judged.map(([, copy]) => copy).filter(({ size }) => size === this.#size);
  }

  #countSizes(isLate: boolean): void {
    const { lead } = this.#sizes;
    if (lead === undefined || this.#size !== undefined) return;
    if (!isLate && !this.#sizes.isSure(this.#openVotes(this.#sizes))) return this.#wait(() => this.#countSizes(true));
    this.#stopWaiting();
    if (lead.isTie && this.#order.isCheckedLater !== true) return this.#events.fail(this.#dispute());
    this.#decideSize(Number(lead.choice));
  }

  #decideSize(size: number): void {
    if (this.#size !== undefined) return;
    this.#stopWaiting();
    this.#size = size;
    this.#spans = this.#isVoteNeeded ? samplesOf(size) : [];
    for (const route of this.#copies.keys()) {
      for (const channel of [...this.#channelsOf(route)]) this.#answer(channel, route);
    }
  }

  /** A channel's mirror has voted, and the size is known. */
  #answer(channel: number, route: number): void {
    const said = this.#copies.get(route)?.size;
    if (said !== this.#size || said === undefined) {
      if (this.#isAlone && this.#sizes.lead?.isTie === true && this.#order.isCheckedLater !== true) {
        return this.#events.fail(this.#dispute());
      }
      return this.#refuse(route, `its copy has ${said} bytes, the object ${this.#size}`);
    }
    if (this.#refused.has(route)) return this.#refuse(route, OTHER_BYTES);
    const { segmentBytes } = this.#order.core;
    const held = [{ first: 0, length: segmentCountOf(said, segmentBytes) }];
    const isFirst = !this.#hasBegun;
    this.#hasBegun = true;
    this.#events.welcome(channel, { size: said, held }, isFirst);
    if (!this.#isVoteNeeded) this.#events.changed();
    else if (this.#contents.choiceOf(route) === undefined) {
      this.#events.sample(channel, this.#spans, (bytes) => this.#sampled(route, bytes));
      this.#watch(channel);
    }
  }

  /** What a mirror brought must not wait for ever for its samples. */
  #watch(channel: number): void {
    const timer = setTimeout(() => {
      this.#watches.delete(timer);
      if (this.#content === undefined) return this.#watch(channel);
      this.#lost.add(channel);
      this.#events.changed();
    }, LATE_MS);
    this.#watches.add(timer);
  }

  #countContents(isLate: boolean): void {
    const { lead } = this.#contents;
    if (lead === undefined || this.#content !== undefined) return;
    const open = this.#openVotes(this.#contents);
    if (!isLate && !this.#contents.isSure(open)) return this.#wait(() => this.#countContents(true));
    this.#stopWaiting();
    if (lead.isTie && this.#order.isCheckedLater !== true) return this.#events.fail(this.#dispute());
    this.#content = lead.choice;
    for (const { voters } of this.#contents.tally) for (const route of voters) this.#compare(route);
  }

  /** The route's bytes are known, and what they should be. */
  #compare(route: number): void {
    if (this.#contents.choiceOf(route) === this.#content) return this.#events.changed();
    if (this.#contents.lead?.isTie === true && this.#order.isCheckedLater !== true)
      return this.#events.fail(this.#dispute());
    this.#refuse(route, OTHER_BYTES);
  }

  #refuse(route: number, text: string): void {
    this.#refused.add(route);
    const error = new HeddleError('object-changed', text, { side: 'remote' });
    for (const channel of [...this.#channelsOf(route)]) this.#events.refuse(channel, error);
    this.#events.changed();
  }

  /** Mirrors that may still vote. */
  #openVotes(ballot: Ballot): number {
    const places = [...this.#order.routes.keys()];
    return places.filter((route) => {
      const mayVote = !this.#gone.has(route) && !this.#refused.has(route);
      return mayVote && ballot.choiceOf(route) === undefined;
    }).length;
  }

  #wait(then: () => void): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      then();
    }, PATIENCE_MS);
  }

  #stopWaiting(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #channelsOf(route: number): Set<number> {
    const channels = this.#channels.get(route) ?? new Set<number>();
    this.#channels.set(route, channels);
    return channels;
  }

  #dispute(): HeddleError {
    const { routes } = this.#order;
    const named = (voters: readonly number[]): string => voters.map((voter) => routes[voter]?.name).join(', ');
    const isSize = this.#sizes.tally.length > 1;
    const said = isSize
      ? this.#sizes.tally.map(({ choice, voters }) => `${named(voters)}: ${choice} bytes`)
      : this.#contents.tally.map(({ voters }) => named(voters));
    const text = `the mirrors hold different objects (${said.join(isSize ? '; ' : ' against ')}); leave out the wrong ones`;
    return new HeddleError('object-changed', text, { side: 'remote' });
  }
}

const OTHER_BYTES = 'its bytes are not those of the other mirrors';

/** Places to compare copies at: one at random in each part of the object. */
function samplesOf(size: number): ByteSpan[] {
  if (size === 0) return [];
  if (size <= SAMPLES * SAMPLE_BYTES) return [{ first: 0, last: size - 1 }];
  return Array.from({ length: SAMPLES }, (_, part) => {
    const start = Math.floor((size * part) / SAMPLES);
    const end = Math.floor((size * (part + 1)) / SAMPLES);
    const first = start + randomInt(end - start - SAMPLE_BYTES + 1);
    return { first, last: first + SAMPLE_BYTES - 1 };
  });
}
