// Sessions end with the token that they were opened with. Watches the tokens of open channels and tells, well before one
// ends, when there is a newer token: then a successor can be opened while the channel still works. Reads the end of a token
// and nothing else of it; whether it is good is the server's business.
import type { SessionRoute } from './order.ts';

/** How long before its end a token is looked after, ms. */
const LEAD_MS = 30_000;
/** Between two looks, ms. */
const LOOK_MS = 500;
/** Of the channels of a route that are due, this part goes at one look: the others carry on. */
const PART = 4;

type Session = { readonly route: SessionRoute; readonly authorization: string; readonly dueAt: number };

/** The channels of one transfer whose tokens end. */
export class Renewals {
  readonly #renew: (channel: number) => void;
  readonly #sessions = new Map<number, Session>();
  /** Tokens that channels were opened with. */
  readonly #used = new Map<number, string | undefined>();
  #timer: NodeJS.Timeout | undefined;

  /** `renew`: a successor is to take the place of this channel. */
  constructor(renew: (channel: number) => void) {
    this.#renew = renew;
  }

  /** The channel is being opened, at `now` (ms since 1970). */
  opened(channel: number, route: SessionRoute, now: number = Date.now()): void {
    const { authorization } = route;
    this.#used.set(channel, authorization);
    const endsAt = authorization === undefined ? undefined : endOf(authorization);
    if (authorization === undefined || endsAt === undefined || endsAt <= now) return;
    // a short token is renewed in the second half of what is left of it
    const dueAt = Math.max(endsAt - LEAD_MS, now + (endsAt - now) / 2);
    this.#sessions.set(channel, { route, authorization, dueAt });
    this.#timer ??= setInterval(() => this.look(Date.now()), LOOK_MS).unref();
  }

  closed(channel: number): void {
    this.#sessions.delete(channel);
    this.#used.delete(channel);
  }

  /** True when there is another token by now than the channel was opened with: to be refused with the old one says little. */
  isOutdated(channel: number, route: SessionRoute): boolean {
    return this.#used.has(channel) && this.#used.get(channel) !== route.authorization;
  }

  /** Has successors opened for channels that are due, and for which there is a newer token. */
  look(now: number): void {
    const due = Map.groupBy(
      [...this.#sessions].filter(([, { dueAt }]) => now >= dueAt),
      ([, { route }]) => route,
    );
    for (const [{ authorization }, sessions] of due) {
      if (authorization === undefined) continue;
      const outdated = sessions.filter(([, session]) => session.authorization !== authorization);
      for (const [channel] of outdated.slice(0, Math.ceil(sessions.length / PART))) {
        this.#sessions.delete(channel);
        this.#renew(channel);
      }
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#sessions.clear();
  }
}

/** When a bearer token ends, ms since 1970; undefined when it does not say (in the way of RFC 7519). */
function endOf(authorization: string): number | undefined {
  const payload = /^Bearer [\w-]+\.([\w-]+)\.[\w-]*$/.exec(authorization)?.[1];
  if (payload === undefined) return undefined;
  try {
    const { exp } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { exp?: unknown };
    return typeof exp === 'number' && Number.isFinite(exp) ? exp * 1_000 : undefined;
  } catch {
    return undefined;
  }
}
