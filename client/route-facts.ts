// What a user knows of a route and says in its options: a rank, hops, places on the way, its price. Becomes the route's
// terms, by which the core ranks it; nothing here is measured.
import { HeddleError } from '../protocol/errors.ts';
import type { RankingWeights } from './core/ranking.ts';
import type { RouteTerms } from './core/route-terms.ts';
import { parseCoordinates, pathKilometres } from './io/geography.ts';
import type { RankCallback } from './io/ranking-service.ts';

/** What may be said of a route. */
export type RouteFacts = {
  /** How good it is, in somebody's opinion: 0 the worst, 1 the best. */
  readonly rank?: number;
  /** Network hops beyond the relays on the way. */
  readonly hops?: number;
  /** Where its relays stand, in their order, and then its source: `LATITUDE,LONGITUDE` each. */
  readonly places?: readonly string[];
  /** Price of what it carries, in any currency that all routes share. */
  readonly costPerGigabyte?: number;
};

/** How routes are ranked: the weight of each part, and who is asked for ranks. */
export type RankingOptions = Partial<RankingWeights> & {
  /** URL of a ranking service: it gets the routes as JSON and answers their ranks (docs in io/ranking-service.ts). */
  readonly service?: string;
  /** The same as a function of yours, in the place of a service. */
  readonly ask?: RankCallback;
  /** ms that ranks may take; later ones do not count. Default 2000. */
  readonly timeoutMs?: number;
};

/** The terms of a route to `baseUrl`; `clientPlace`: where this client is. Throws `bad-configuration`. */
export function termsOf(name: string, facts: RouteFacts, baseUrl: URL, clientPlace: string | undefined): RouteTerms {
  const { rank, hops, places = [], costPerGigabyte } = facts;
  if (rank !== undefined && !(rank >= 0 && rank <= 1)) throw wrong(name, `its rank ${rank} is not from 0 to 1`);
  if (hops !== undefined && !(hops >= 0)) throw wrong(name, `${hops} hops are not possible`);
  if (costPerGigabyte !== undefined && !(costPerGigabyte >= 0))
    throw wrong(name, `its price ${costPerGigabyte} is none`);
  const path = [...(clientPlace === undefined ? [] : [clientPlace]), ...places].map(parseCoordinates);
  const distanceKilometres = places.length === 0 ? undefined : pathKilometres(path);
  return {
    relays: relaysOf(baseUrl),
    ...(rank === undefined ? {} : { rank }),
    ...(hops === undefined ? {} : { hops }),
    ...(costPerGigabyte === undefined ? {} : { costPerGigabyte }),
    ...(distanceKilometres === undefined ? {} : { distanceKilometres }),
  };
}

/** How many relays a base URL names; one behind a plain reverse proxy names none. */
function relaysOf({ pathname }: URL): number {
  return pathname.split('/').filter((part, at, parts) => part === 'via' && parts[at - 1] === 'v1').length;
}

function wrong(name: string, text: string): HeddleError {
  return new HeddleError('bad-configuration', `route ${name}: ${text}`);
}
