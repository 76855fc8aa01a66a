// Who may pass, decided before anything is dialled: drain, path, loop, token, upstream, limit, in that order (a
// caller without a token does not learn which upstreams exist). Counts what it let in until it is released.
import type { TokenCheck } from '../access/token-check.ts';
import { HeddleError } from '../protocol/errors.ts';
import { splitVia } from '../protocol/paths.ts';
import { allowsPath, allowsUpstream } from '../protocol/token-claims.ts';
import type { TokenTerms } from '../protocol/token-claims.ts';
import { appendVia, isLoop } from './forwarded-headers.ts';
import { refuse } from './problem.ts';
import type { Refusal } from './problem.ts';

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
  /** Wall-clock milliseconds; Infinity without a token. */
  readonly expiresAt: number;
  release(): void;
};

export type AdmissionRules<Upstream> = {
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly pseudonym: string;
  /** Undefined lets everybody in. */
  readonly tokenCheck: TokenCheck | undefined;
  readonly maxSessions: number;
};

/** Seconds after which a client may come back. */
const RETRY_AFTER_SECONDS = '2';

export class Admission<Upstream> {
  readonly #rules: AdmissionRules<Upstream>;
  #open = 0;
  #draining = false;
  readonly #whenEmpty: (() => void)[] = [];

  constructor(rules: AdmissionRules<Upstream>) {
    this.#rules = rules;
  }

  /** Sessions and plain requests let in and not yet released. */
  get open(): number {
    return this.#open;
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
    if (this.#open === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#whenEmpty.push(resolve);
    await promise;
  }

  async admit(request: AdmissionRequest, now: number): Promise<Admitted<Upstream> | Refusal> {
    const { upstreams, pseudonym, tokenCheck, maxSessions } = this.#rules;
    if (this.#draining) return refuse('draining', { headers: [['Retry-After', RETRY_AFTER_SECONDS]] });
    const path = pathOf(request.rawPath);
    if (path.type === 'refused') return path;
    if (isLoop(request.via, pseudonym)) return refuse('loop-detected');
    const grant = await tokenCheck?.(request.authorization, now);
    if (grant !== undefined && 'refused' in grant) return unauthorized(grant.refused);
    const upstream = upstreams.get(path.upstream);
    if (upstream === undefined) return refuse('unknown-upstream');
    const forbidden = grant === undefined ? undefined : forbiddenBy(grant, path.upstream, path.rest);
    if (forbidden !== undefined) return refuse('refused', { detail: forbidden });
    if (this.#open >= maxSessions) return refuse('overloaded', { headers: [['Retry-After', RETRY_AFTER_SECONDS]] });
    return {
      type: 'admitted',
      upstream,
      rest: path.rest,
      via: appendVia(request.via, pseudonym),
      expiresAt: grant?.expiresAt ?? Number.POSITIVE_INFINITY,
      release: this.#lease(),
    };
  }

  #lease(): () => void {
    let held = true;
    this.#open += 1;
    return () => {
      if (!held) return;
      held = false;
      this.#open -= 1;
      if (this.#open === 0) for (const resolve of this.#whenEmpty.splice(0)) resolve();
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
