// Who may read at an origin: everybody, or who shows a token once keys are configured. Decides about requests and says
// which grants still hold; what a request is answered with is problem.ts.
import type { TokenCheck, TokenGrant } from '../protocol/access/token-check.ts';
import { HeddleError } from '../protocol/errors.ts';
import { allowsPath } from '../protocol/token-claims.ts';

/** A request without a token that is good here: 401, not 403. */
export class Unauthorized extends HeddleError {
  constructor(reason: string) {
    super('refused', reason, { side: 'remote' });
  }
}

/** The door of an origin. */
export class Guard {
  #check: TokenCheck | undefined;

  /** Without a check everybody may read. */
  constructor(check: TokenCheck | undefined) {
    this.#check = check;
  }

  /** From now on this check counts; grants by keys that it does not know hold no longer. */
  replace(check: TokenCheck | undefined): void {
    this.#check = check;
  }

  /** True when everybody may read. */
  get isOpen(): boolean {
    return this.#check === undefined;
  }

  /**
   * What the request's token allows; undefined when nobody needs one. Throws `Unauthorized` without a good token, and
   * `refused` when it is not good for this path. `now` is the wall clock, ms.
   */
  async admit(authorization: string | undefined, rawPath: string, now: number): Promise<TokenGrant | undefined> {
    const grant = await this.#check?.(authorization, now);
    if (grant === undefined) return undefined;
    if ('refused' in grant) throw new Unauthorized(grant.refused);
    if (allowsPath(grant, rawPath)) return grant;
    throw new HeddleError('refused', 'the token is not for this object', { side: 'remote' });
  }

  /** Why what was allowed by `grant` must end now, or undefined. */
  endOf(grant: TokenGrant | undefined, now: number): string | undefined {
    if (grant === undefined) return this.isOpen ? undefined : 'a bearer token is required by now';
    if (grant.expiresAt <= now) return 'the token has expired';
    if (this.#check !== undefined && !this.#check.keys.has(grant.key))
      return 'the key of the token is not accepted any more';
    return undefined;
  }
}
