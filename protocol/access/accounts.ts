// The accounts by which the limits of tokens are counted: sessions open, bytes moved. A token's subject is its account, so
// that a fresh token of the same holder starts nothing anew. Counts only; whoever lets in and the shaper decide.
import type { TokenGrant } from './token-check.ts';

/** What is counted for one holder of tokens, or for everybody where no token is asked for. */
export type Account = {
  /** Sessions and plain requests let in and not yet released. */
  open: number;
  /** Payload moved to its clients since the account began. */
  usedBytes: number;
  /** Payload per second that its tokens allow, when they say. */
  maxBytesPerSecond: number | undefined;
  maxSessions: number | undefined;
  maxBytes: number;
  /** Wall-clock ms until which it is remembered. */
  expiresAt: number;
};

export class Accounts {
  readonly #known = new Map<string, Account>();
  readonly #everybody: Account = newAccount();

  /** The account of `grant`, with the limits that its newest token states. */
  of(grant: TokenGrant | undefined): Account {
    if (grant === undefined) return this.#everybody;
    let account = this.#known.get(grant.account);
    if (account === undefined) this.#known.set(grant.account, (account = newAccount()));
    account.maxBytesPerSecond = grant.maxBytesPerSecond;
    account.maxSessions = grant.maxSessions;
    account.maxBytes = grant.maxBytes ?? Number.POSITIVE_INFINITY;
    account.expiresAt = Math.max(account.expiresAt, grant.expiresAt);
    return account;
  }

  /** Accounts remembered now. */
  get size(): number {
    return this.#known.size;
  }

  /** Forgets those whose last token has expired. `now` is the wall clock. */
  forget(now: number): void {
    for (const [name, account] of this.#known) {
      if (account.open === 0 && account.expiresAt <= now) this.#known.delete(name);
    }
  }
}

function newAccount(): Account {
  return {
    open: 0,
    usedBytes: 0,
    maxBytesPerSecond: undefined,
    maxSessions: undefined,
    maxBytes: Number.POSITIVE_INFINITY,
    expiresAt: 0,
  };
}
