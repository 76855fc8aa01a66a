// Holds HELLOs back whose size nobody vouches for: with only the root pinned, whoever signs the manifest is a stranger.
// Each claim is to prove itself by pages (size-proof.ts); the first that does is accepted, smaller ones are refused, and
// one that proves more later shows that the accepted one was a lie. What the last leaf holds is known when it has come.
import type { HelloFrame, ProofPage } from '../../protocol/frames.ts';
import { leafCountOf } from '../../protocol/merkle.ts';
import type { Checked } from './identity.ts';
import { SizeProof } from './size-proof.ts';

/** Pages that come with a claim before it is accepted; more is no answer to what was asked. */
const MOST_EARLY_PAGES = 64;

/** What a channel says of the object. */
export type Greeting = {
  readonly hello: HelloFrame;
  readonly checked: Checked;
  /** Name of its origin. */
  readonly origin: string;
};

/** What a channel says, and what shows that it may be so. */
export type Claim = Greeting & {
  readonly proof: SizeProof;
  readonly pages: ProofPage[];
};

/** What became of a claim; `outgrown` says that the accepted size is proven to be too small. */
export type ClaimVerdict =
  | { readonly type: 'accepted' | 'outgrown'; readonly channel: number; readonly claim: Claim }
  | { readonly type: 'refused'; readonly channel: number; readonly code: 'root-mismatch' | 'corrupt' };

/** The claims of the channels of one transfer. */
export class SizeClaims {
  readonly #open = new Map<number, Claim>();
  #leaves: number | undefined;

  /** True while the channel's claim is neither accepted nor refused. */
  isOpen(channel: number): boolean {
    return this.#open.has(channel);
  }

  /** A HELLO whose root is right came: the leaves whose pages would prove its size, and what is clear already. */
  claim(
    channel: number,
    greeting: Greeting,
  ): { readonly ask: readonly number[]; readonly verdicts: readonly ClaimVerdict[] } {
    const { size, root } = greeting.hello;
    const claim: Claim = { ...greeting, proof: new SizeProof({ size, root: root.slice() }), pages: [] };
    this.#open.set(channel, claim);
    const verdicts = this.#judge(channel, claim);
    return { ask: this.#open.has(channel) ? claim.proof.wanted : [], verdicts };
  }

  /** A page came over a channel whose claim is open. */
  page(channel: number, page: ProofPage): readonly ClaimVerdict[] {
    const claim = this.#open.get(channel);
    if (claim === undefined) return [];
    claim.pages.push(page);
    if (!claim.proof.add(page) || claim.pages.length > MOST_EARLY_PAGES) return [this.#refuse(channel, 'corrupt')];
    return this.#judge(channel, claim);
  }

  /** The channel is gone. */
  forget(channel: number): void {
    this.#open.delete(channel);
  }

  #judge(channel: number, claim: Claim): ClaimVerdict[] {
    const leaves = leafCountOf(claim.hello.size);
    if (this.#leaves !== undefined && leaves < this.#leaves) return [this.#refuse(channel, 'root-mismatch')];
    if (leaves !== this.#leaves && claim.proof.wanted.length > 0) return [];
    const type = this.#leaves !== undefined && leaves > this.#leaves ? 'outgrown' : 'accepted';
    const isFirst = this.#leaves === undefined;
    this.#leaves = leaves;
    this.#open.delete(channel);
    const verdict: ClaimVerdict = { type, channel, claim };
    if (!isFirst) return [verdict];
    return [verdict, ...[...this.#open].flatMap(([other, waiting]) => this.#judge(other, waiting))];
  }

  #refuse(channel: number, code: 'root-mismatch' | 'corrupt'): ClaimVerdict {
    this.#open.delete(channel);
    return { type: 'refused', channel, code };
  }
}
