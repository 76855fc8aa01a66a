// What holders of tokens take from an origin, in channels and plainly: payload per second, shared fairly, and payload in all.
// Remembers which grant let a plain request in. Who may read is guard.ts; the reading on and the ends are the doors' own.
import type { IncomingMessage } from 'node:http';
import { Accounts } from '../protocol/access/accounts.ts';
import { Shaper } from '../protocol/access/shaper.ts';
import type { Share, ShaperLimits } from '../protocol/access/shaper.ts';
import type { TokenGrant } from '../protocol/access/token-check.ts';
import { HeddleError } from '../protocol/errors.ts';

/** Why a token brings nothing more. */
export const SPENT = 'the bytes of the token are used up';

/** The accounts of one origin. */
export class Allowances {
  readonly #accounts = new Accounts();
  readonly #shaper: Shaper;
  readonly #grants = new WeakMap<IncomingMessage, TokenGrant>();

  readonly #refused: () => void;

  /** `refused` is called when somebody is not let in because his bytes are used up. */
  constructor(limits: ShaperLimits, refused: () => void) {
    this.#shaper = new Shaper(limits);
    this.#refused = refused;
  }

  /** Notes what let a plain request in. */
  note(request: IncomingMessage, grant: TokenGrant | undefined): void {
    if (grant !== undefined) this.#grants.set(request, grant);
  }

  /** Throws `refused` when the token that let `request` in has used up its bytes. */
  checkFor(request: IncomingMessage): void {
    this.check(this.#grants.get(request));
  }

  /** Throws `refused` when the token has used up its bytes. */
  check(grant: TokenGrant | undefined): void {
    const { usedBytes, maxBytes } = this.#accounts.of(grant);
    if (usedBytes < maxBytes) return;
    this.#refused();
    throw new HeddleError('refused', SPENT, { side: 'remote' });
  }

  /** The share of the answer to a plain request; `close` it. */
  openFor(request: IncomingMessage): Share {
    return this.open(this.#grants.get(request));
  }

  /** The share of something that is to send payload; `close` it. */
  open(grant: TokenGrant | undefined): Share {
    const account = this.#accounts.of(grant);
    account.open += 1;
    return this.#shaper.open(account);
  }

  close(share: Share): void {
    share.account.open -= 1;
    share.end();
  }

  /** Forgets who has no token any more. To be called now and then; `now` is the wall clock. */
  forget(now: number): void {
    this.#accounts.forget(now);
  }
}
