// Routes that are found, or given, while a transfer runs: they join it with the next number, in the list that everybody who
// has to do with the transfer looks at. Those that are not found any more stay in it: what does not work the core finds out
// itself. Those that the user took away are left (io/departures.ts); given with another address, one joins under its old name.
import type { RouteTerms } from './core/route-terms.ts';
import type { SessionRoute } from './io/order.ts';
import { resolveRoutes } from './options.ts';
import type { ClientOptions } from './options.ts';
import type { RouteKnowledge } from './route-knowledge.ts';

/** The most routes of one transfer. */
const MOST_ROUTES = 255;

/** Adds to `routes` what discovery finds from now on, and tells `join`; returns what ends that. */
export function joinFound(
  options: ClientOptions,
  routes: SessionRoute[],
  knowledge: Pick<RouteKnowledge, 'recall'>,
  join: (terms: RouteTerms) => void,
): () => void {
  const { discovery } = options;
  // nobody could prove what a route brings into a transfer that began with mirrors only: it goes by their agreement
  if (discovery === undefined || routes.every(({ mirror }) => mirror !== undefined)) return () => {};
  const look = (): void => {
    const known = new Set(routes.filter(({ isWithdrawn }) => isWithdrawn !== true).map(({ name }) => name));
    for (const found of knowledge.recall(resolveRoutes(options).filter(({ name }) => !known.has(name)))) {
      if (routes.length >= MOST_ROUTES) return;
      routes.push(found);
      join(found.terms);
    }
  };
  const stop = discovery.onChange(look);
  // what was found between the beginning of the transfer and now
  look();
  return stop;
}
