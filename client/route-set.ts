// Which of the routes that were found are used: the decisions, without clock and network. Every source keeps what it said
// last; an empty or failed answer takes nothing away; a route that is missing from an answer stays for a while, so that one
// that comes and goes does not make transfers come and go with it.
// Invariant: a source that once named routes never has none again.
import { isDeepStrictEqual } from 'node:util';
import type { FoundRoute } from './io/dns-routes.ts';

/** A route, and who named it. */
export type SourcedRoute = { readonly route: FoundRoute; readonly source: string };

type Entry = { readonly route: FoundRoute; seenAt: number };

/** The routes of all sources. */
export class RouteSet {
  readonly #holdMs: number;
  /** By source, then by name. */
  readonly #entries = new Map<string, Map<string, Entry>>();

  /** `holdMs`: how long a route stays that its source does not name any more. */
  constructor(holdMs: number) {
    this.#holdMs = holdMs;
  }

  /** A source answered; true when the routes in use are others now. */
  answered(source: string, routes: readonly FoundRoute[], now: number): boolean {
    if (routes.length === 0) return false;
    const before = this.all();
    const entries = this.#entries.get(source) ?? new Map<string, Entry>();
    this.#entries.set(source, entries);
    for (const route of routes) {
      const known = entries.get(route.name);
      // what did not change stays the same object: transfers know it by that
      if (known !== undefined && isDeepStrictEqual(known.route, route)) known.seenAt = now;
      else entries.set(route.name, { route, seenAt: now });
    }
    for (const [name, { seenAt }] of entries) if (now - seenAt > this.#holdMs) entries.delete(name);
    return !isDeepStrictEqual(before, this.all());
  }

  /** The routes to use, each name once: of two sources the one that was there first counts. */
  all(): SourcedRoute[] {
    const named = new Map<string, SourcedRoute>();
    for (const [source, entries] of this.#entries) {
      for (const { route } of entries.values()) {
        if (!named.has(route.name)) named.set(route.name, { route, source });
      }
    }
    return [...named.values()];
  }
}
