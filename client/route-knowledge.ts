// What is known of the routes from outside one transfer: what they carried last time, and what others think of them. Fills
// their terms before a transfer, asks for ranks beside it, and remembers afterwards what was found.
import { HeddleError } from '../protocol/errors.ts';
import type { RouteTerms } from './core/route-terms.ts';
import type { SessionRoute } from './io/order.ts';
import { askForRanks, RANKING_TIMEOUT_MS, rankingService } from './io/ranking-service.ts';
import type { RankCallback } from './io/ranking-service.ts';
import type { SessionReport } from './io/report.ts';
import { RouteMemory } from './io/route-memory.ts';
import type { RankingOptions } from './route-facts.ts';

/** Payload from which a route has shown what it carries, bytes. */
const LEAST_BYTES = 262_144;

/** Ranks by route number, as the core takes them. */
export type RouteRanks = readonly (number | undefined)[];

/** Knowledge about routes that outlives a transfer. */
export class RouteKnowledge {
  readonly #memory: RouteMemory | undefined;
  readonly #ask: RankCallback | undefined;
  readonly #timeoutMs: number;

  /** `memory`: path of the file that remembers. Throws `bad-configuration`. */
  constructor(memory: string | undefined, ranking: RankingOptions = {}) {
    const { service, ask, timeoutMs = RANKING_TIMEOUT_MS } = ranking;
    this.#memory = memory === undefined ? undefined : new RouteMemory(memory);
    this.#ask = ask ?? (service === undefined ? undefined : rankingService(serviceUrl(service)));
    this.#timeoutMs = timeoutMs;
  }

  /** `routes` with what is remembered of them among their terms. */
  recall(routes: readonly SessionRoute[]): readonly SessionRoute[] {
    if (this.#memory === undefined) return routes;
    const records = this.#memory.recall(routes);
    return routes.map((route, at) => {
      const record = records[at];
      if (record === undefined) return route;
      const { bytesPerSecond: rememberedBytesPerSecond, rttMs: rememberedRttMs } = record;
      const terms = { ...route.terms, rememberedBytesPerSecond, rememberedRttMs };
      // these may change while the transfer runs
      return {
        ...route,
        terms,
        get authorization() {
          return route.authorization;
        },
        get tls() {
          return route.tls;
        },
        get isWithdrawn() {
          return route.isWithdrawn ?? false;
        },
      };
    });
  }

  /** What callback or service think of `routes`; undefined when nobody is asked or nothing came. Never rejects. */
  async ranks(
    routes: readonly SessionRoute[],
    signal: AbortSignal,
    onFailure: (error: HeddleError) => void,
  ): Promise<RouteRanks | undefined> {
    if (this.#ask === undefined) return undefined;
    const described = routes.map(({ name, baseUrl, terms }) => ({ name, url: shown(baseUrl), ...told(terms) }));
    const ranks = await askForRanks(this.#ask, described, { timeoutMs: this.#timeoutMs, signal, onFailure });
    return ranks === undefined ? undefined : routes.map(({ name }) => ranks.get(name));
  }

  /** Keeps what the routes carried. */
  remember(routes: readonly SessionRoute[], { routes: found }: Pick<SessionReport, 'routes'>): void {
    if (this.#memory === undefined) return;
    const findings = found.flatMap(({ index, payloadBytes, carriedBytesPerSecond, rttMs, latencyMs, slowStart }) => {
      const route = routes[index];
      if (route === undefined || payloadBytes < LEAST_BYTES || latencyMs === undefined) return [];
      return [{ route, bytesPerSecond: carriedBytesPerSecond, rttMs, settled: !slowStart }];
    });
    this.#memory.remember(findings);
  }
}

/** The terms that concern a ranking. */
function told(terms: RouteTerms): Partial<RouteTerms> {
  const { costPerGigabyte, distanceKilometres, rememberedBytesPerSecond, rememberedRttMs } = terms;
  const all = { costPerGigabyte, distanceKilometres, rememberedBytesPerSecond, rememberedRttMs };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** Without user and password: a ranking needs to know where, not how to get in. */
function shown(baseUrl: URL): string {
  const url = new URL(baseUrl);
  url.username = '';
  url.password = '';
  return url.href;
}

function serviceUrl(service: string): URL {
  const url = URL.parse(service);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new HeddleError('bad-configuration', `the ranking service "${service}" is no http or https URL`);
  }
  return url;
}
