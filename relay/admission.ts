// Who may pass, decided before anything is dialled: drain, path, loop, token, upstream, limit, in that order (a
// caller without a token does not learn which upstreams exist). Counts what it let in until it is released, and ends what
// its token no longer covers.
import type { TokenCheck, TokenGrant } from '../protocol/access/token-check.ts';
import { HeddleError } from '../protocol/errors.ts';
import { splitVia } from '../protocol/paths.ts';
import { allowsPath, allowsUpstream } from '../protocol/token-claims.ts';
import type { TokenTerms } from '../protocol/token-claims.ts';
import { Accounts } from '../protocol/access/accounts.ts';
import type { Account } from '../protocol/access/accounts.ts';
import { appendVia, isLoop } from './forwarded-headers.ts';
import { refuse } from './problem.ts';
import type { Refusal } from './problem.ts';
import type { Share, Shaper } from '../protocol/access/shaper.ts';

/** The parts of a request that admission looks at. `rawPath` is the target with its query, as it came. */
export type AdmissionRequest = {
  readonly rawPath: string;
  readonly via: string | undefined;
  readonly authorization: string | undefined;
};

/** A request that may pass to `upstream`; `release` must be called once when it is over. */
export type Admitted<Upstream> = {
  readonly type: 'admitted';
  readonly upstream: Upstream;
  /** What to append to the upstream's base URL, byte for byte as it came. */
  readonly rest: string;
  /** The Via of the forwarded request. */
  readonly via: string;
  /** Its share of the bytes per second. */
  readonly share: Share;
  /** Says how to end it at once when its token does. */
  endBy(end: () => void): void;
  release(): void;
};

/** Read again at every request: they may change while the relay runs. */
export type AdmissionLimits = { readonly maxSessions: number; readonly maxSessionsPerToken: number };

export type AdmissionRules<Upstream> = {
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly pseudonym: string;
  readonly limits: AdmissionLimits;
  readonly shaper: Shaper;
  /** Undefined lets everybody in. */
  readonly tokenCheck: TokenCheck | undefined;
};

/** Seconds after which a client may come back. */
const RETRY_AFTER_SECONDS = '2';

/** Something let in and not yet released. */
type Lease = { readonly grant: TokenGrant | undefined; end: () => void };

export class Admission<Upstream> {
  readonly #rules: AdmissionRules<Upstream>;
  readonly #accounts = new Accounts();
  readonly #leases = new Set<Lease>();
  #tokenCheck: TokenCheck | undefined;
  #draining = false;
  readonly #whenEmpty: (() => void)[] = [];

  constructor(rules: AdmissionRules<Upstream>) {
    this.#rules = rules;
    this.#tokenCheck = rules.tokenCheck;
  }

  /** Sessions and plain requests let in and not yet released. */
  get open(): number {
    return this.#leases.size;
  }

  get isDraining(): boolean {
    return this.#draining;
  }

  /** From now on everything new is refused; what is in stays. */
  drain(): void {
    this.#draining = true;
  }

  /** Settles as soon as nothing is open. */
  async empty(): Promise<void> {
    if (this.open === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#whenEmpty.push(resolve);
    await promise;
  }

  /** From now on this check counts; what tokens of other keys opened ends at the next tick. */
  replaceTokenCheck(check: TokenCheck | undefined): void {
    this.#tokenCheck = check;
  }

  /** Ends what its token no longer covers. To be called about once a second; `now` is the wall clock. */
  tick(now: number): void {
    const check = this.#tokenCheck;
    for (const { grant, end } of this.#leases) {
      const holds =
        grant === undefined ? check === undefined : grant.expiresAt > now && check?.keys.has(grant.key) !== false;
      if (!holds) end();
    }
    this.#accounts.forget(now);
  }

  async admit(request: AdmissionRequest, now: number): Promise<Admitted<Upstream> | Refusal> {
    const { upstreams, pseudonym, shaper } = this.#rules;
    if (this.#draining) return refuse('draining', { headers: [['Retry-After', RETRY_AFTER_SECONDS]] });
    const path = pathOf(request.rawPath);
    if (path.type === 'refused') return path;
    if (isLoop(request.via, pseudonym)) return refuse('loop-detected');
    const grant = await this.#tokenCheck?.(request.authorization, now);
    if (grant !== undefined && 'refused' in grant) return unauthorized(grant.refused);
    const upstream = upstreams.get(path.upstream);
    if (upstream === undefined) return refuse('unknown-upstream');
    const forbidden = grant === undefined ? undefined : forbiddenBy(grant, path.upstream, path.rest);
    if (forbidden !== undefined) return refuse('refused', { detail: forbidden });
    const account = this.#accounts.of(grant);
    const busy = this.#busy(account);
    if (busy !== undefined) return busy;
    const share = shaper.open(account);
    return {
      type: 'admitted',
      upstream,
      rest: path.rest,
      via: appendVia(request.via, pseudonym),
      share,
      ...this.#lease(grant, share),
    };
  }

  /** Why nothing more can be let in for `account` now, or undefined. */
  #busy(account: Account): Refusal | undefined {
    const { maxSessions, maxSessionsPerToken } = this.#rules.limits;
    const headers = [['Retry-After', RETRY_AFTER_SECONDS]] as const;
    if (account.usedBytes >= account.maxBytes)
      return refuse('refused', { detail: 'the bytes of the token are used up', limit: 'token-bytes' });
    if (this.open >= maxSessions) return refuse('overloaded', { headers, limit: 'sessions' });
    if (account.open < Math.min(account.maxSessions ?? maxSessions, maxSessionsPerToken)) return undefined;
    const detail = 'the token has no session left';
    return refuse('overloaded', { status: 429, detail, headers, limit: 'token-sessions' });
  }

  #lease(grant: TokenGrant | undefined, share: Share): Pick<Admitted<Upstream>, 'endBy' | 'release'> {
    const lease: Lease = { grant, end: () => {} };
    this.#leases.add(lease);
    share.account.open += 1;
    return {
      endBy: (end) => {
        lease.end = end;
      },
      release: () => {
        if (!this.#leases.delete(lease)) return;
        share.account.open -= 1;
        share.end();
        if (this.open === 0) for (const resolve of this.#whenEmpty.splice(0)) resolve();
      },
    };
  }
}

type ViaPath = { readonly type: 'path'; readonly upstream: string; readonly rest: string };

function pathOf(rawPath: string): ViaPath | Refusal {
  try {
    const split = splitVia(rawPath);
    if (split !== undefined) return { type: 'path', ...split };
    return refuse('bad-request', { status: 404, detail: 'a relay serves /v1/via/<upstream>/… only' });
  } catch (error) {
    if (error instanceof HeddleError) return refuse('bad-request', { detail: error.message });
    throw error;
  }
}

function unauthorized(reason: string): Refusal {
  return refuse('refused', { status: 401, detail: reason, headers: [['WWW-Authenticate', 'Bearer realm="heddle"']] });
}

function forbiddenBy(terms: TokenTerms, upstream: string, rest: string): string | undefined {
  if (!allowsUpstream(terms, upstream)) return 'the token is not for this upstream';
  return allowsPath(terms, rest) ? undefined : 'the token is not for this object';
}
