// Whether the copies of several mirrors are one object, as far as that can be known without a root: by their size, and by
// what the majority says when they disagree. Beside a source with a manifest its size decides. Owns who is welcome; what a
// mirror sends counts only once it is.
import { HeddleError } from '../../protocol/errors.ts';
import type { SessionRoute } from './order.ts';
import type { Copy } from './range-answer.ts';

/** What the session has to do about a mirror's channel. */
export type AgreementEvents = {
  /** The channel belongs to the transfer; the first of all says how large the object is. */
  welcome(channel: number, size: number, isFirst: boolean): void;
  refuse(channel: number, error: HeddleError): void;
  fail(error: HeddleError): void;
};

/** ms to wait for the votes of others after the first one, before it is taken for the truth. */
const PATIENCE_MS = 400;

type Vote = { readonly copy: Copy; readonly channels: Set<number> };

/** The mirrors of one transfer. */
export class Agreement {
  readonly #routes: readonly SessionRoute[];
  readonly #events: AgreementEvents;
  readonly #votes = new Map<number, Vote>();
  readonly #gone = new Set<number>();
  #size: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(routes: readonly SessionRoute[], events: AgreementEvents) {
    this.#routes = routes;
    this.#events = events;
  }

  /** True while nothing but mirrors can say what the object is. */
  get isAlone(): boolean {
    return this.#routes.every(({ mirror }) => mirror !== undefined);
  }

  /** What the mirrors that were heard agree on. */
  get checks(): readonly ('size' | 'etag')[] {
    const copies = this.#copies;
    const [first] = copies;
    if (first === undefined || copies.length < 2) return [];
    const isSame = first.etag !== undefined && copies.every(({ etag }) => etag === first.etag);
    return isSame ? ['size', 'etag'] : ['size'];
  }

  /** The checksums that mirrors announce, each once. */
  get announced(): readonly string[] {
    return [...new Set(this.#copies.flatMap(({ digest }) => (digest === undefined ? [] : `sha256:${digest}`)))];
  }

  get #copies(): Copy[] {
    const present = [...this.#votes].filter(([voter]) => !this.#gone.has(voter));
    return present.map(([, { copy }]) => copy).filter(({ size }) => size === this.#size);
  }

  /** A mirror (the place of its route) said this over a channel. */
  vote(channel: number, voter: number, copy: Copy): void {
    const vote = this.#votes.get(voter) ?? { copy, channels: new Set<number>() };
    this.#votes.set(voter, vote);
    vote.channels.add(channel);
    this.#gone.delete(voter);
    if (this.#size !== undefined) this.#answer(channel, voter, false);
    else if (this.isAlone) this.#count();
  }

  /** A source that can prove it says how large the object is. */
  settle(size: number): void {
    this.#decide(size, false);
  }

  /** The channel is gone. */
  forget(channel: number): void {
    for (const vote of this.#votes.values()) vote.channels.delete(channel);
  }

  /** The source will not vote, or its vote does not count any more. */
  leave(voter: number): void {
    this.#gone.add(voter);
    if (this.#size === undefined && this.isAlone && this.#votes.size > 0) this.#count();
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  /** Decides as soon as nobody's vote can change anything, or patience is over. */
  #count(): void {
    const waiting = this.#routes.filter((_, voter) => !this.#votes.has(voter) && !this.#gone.has(voter)).length;
    const [first] = this.#tally();
    if (first === undefined) return;
    if (waiting === 0 || 2 * first.voters.length > this.#routes.length) return this.#close();
    this.#timer ??= setTimeout(() => this.#close(), PATIENCE_MS);
  }

  #close(): void {
    const [first, second] = this.#tally();
    if (first === undefined || this.#size !== undefined) return;
    if (second !== undefined && second.weight === first.weight) return this.#events.fail(this.#dispute());
    this.#decide(first.size, true);
  }

  #decide(size: number, isFirst: boolean): void {
    if (this.#size !== undefined) return;
    clearTimeout(this.#timer);
    this.#size = size;
    let first = isFirst;
    for (const [voter, { channels, copy }] of this.#votes) {
      for (const channel of channels) {
        this.#answer(channel, voter, first);
        if (copy.size === size) first = false;
      }
    }
  }

  #answer(channel: number, voter: number, isFirst: boolean): void {
    const said = this.#votes.get(voter)?.copy.size;
    if (said === this.#size && said !== undefined) return this.#events.welcome(channel, said, isFirst);
    const tally = this.#tally();
    const isTie = tally.length > 1 && tally[0]?.weight === tally[1]?.weight;
    if (this.isAlone && isTie) return this.#events.fail(this.#dispute());
    const text = `its copy has ${said} bytes, the object ${this.#size}`;
    this.#events.refuse(channel, new HeddleError('object-changed', text, { side: 'remote' }));
  }

  /** Sizes with their voters, the weightiest first. */
  #tally(): { readonly size: number; readonly voters: readonly number[]; readonly weight: number }[] {
    const bySize = Map.groupBy(this.#votes, ([, { copy }]) => copy.size);
    const all = [...bySize].map(([size, votes]) => {
      const voters = votes.map(([voter]) => voter);
      const isPrimary = voters.some((voter) => this.#routes[voter]?.mirror === 'primary');
      return { size, voters, weight: voters.length + (isPrimary ? this.#routes.length : 0) };
    });
    return all.toSorted((a, b) => b.weight - a.weight);
  }

  #dispute(): HeddleError {
    const said = this.#tally().map(({ size, voters }) => {
      const names = voters.map((voter) => this.#routes[voter]?.name ?? voter);
      return `${names.join(', ')}: ${size} bytes`;
    });
    const text = `the mirrors hold different objects (${said.join('; ')}); leave out the wrong ones`;
    return new HeddleError('object-changed', text, { side: 'remote' });
  }
}
