// What running transfers go by that a later reading of the settings may change: routes, token, certificates. One per web
// origin, so that transfers that began by an earlier reading are told of the next one. Whether a reading is right is found
// out before anything is told.
import { isDeepStrictEqual } from 'node:util';
import { createClient } from './client.ts';
import { resolveSites } from './intercept/site-options.ts';
import type { SiteOptions } from './intercept/site-options.ts';
import type { ClientTls } from './io/client-tls.ts';
import { presentTls } from './io/client-tls.ts';
import type { NamedRoute, RouteOptions, RouteSource } from './options.ts';

/** The origins of a process, as they were read last. */
export class LiveSites {
  readonly #sites = new Map<string, LiveSite>();

  /**
   * Takes a reading: what is returned is for those who begin now, and those who began before are told. Throws
   * `bad-configuration` or `no-route`, and then has told nobody.
   */
  adopt(origins: readonly SiteOptions[]): SiteOptions[] {
    const resolved = resolveSites({ origins });
    for (const { client } of resolved) createClient(client);
    const names = resolved.map(({ origin }) => origin);
    // transfers that began by an origin that is gone go on as they were
    for (const name of this.#sites.keys()) if (!names.includes(name)) this.#sites.delete(name);
    return origins.map((said, at) => {
      const name = names[at] as string;
      const site = this.#sites.get(name) ?? new LiveSite();
      this.#sites.set(name, site);
      return site.adopt(said);
    });
  }
}

class LiveSite implements RouteSource {
  #said: Pick<SiteOptions, 'routes' | 'discovery' | 'token' | 'tls'> = { routes: [] };
  /** Every route that was ever given, the same object as long as nothing of it changes: it is known by that. */
  readonly #given: RouteOptions[] = [];
  #present: readonly RouteOptions[] = [];
  readonly #listeners = new Set<() => void>();
  #stopListening: (() => void) | undefined;

  adopt(said: SiteOptions): SiteOptions {
    const { routes, discovery, token, tls, ...fixed } = said;
    this.#said = {
      routes,
      ...(discovery && { discovery }),
      ...(token !== undefined && { token }),
      ...(tls && { tls }),
    };
    this.#present = routes.map((route) => this.#sameAs(route));
    this.#stopListening?.();
    this.#stopListening = discovery?.onChange(() => this.#tell());
    this.#tell();
    return { ...fixed, routes: [], discovery: this, token: () => this.#token(), tls: () => this.#tls() };
  }

  routes(): readonly NamedRoute[] {
    const names = new Set(this.#present.map(({ name }) => name));
    const found = this.#said.discovery?.routes() ?? [];
    return [...this.#present.map((route) => ({ route })), ...found.filter(({ route }) => !names.has(route.name))];
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What was found and is not named any more may still work; what the user took away shall not be used. */
  isWithdrawn(route: RouteOptions): boolean {
    return this.#given.includes(route) && !this.#present.includes(route);
  }

  #sameAs(route: RouteOptions): RouteOptions {
    const known = this.#given.find((other) => isDeepStrictEqual(other, route));
    if (known === undefined) this.#given.push(route);
    return known ?? route;
  }

  #tell(): void {
    for (const tell of this.#listeners) tell();
  }

  #token(): string | undefined {
    const { token } = this.#said;
    return typeof token === 'function' ? token() : token;
  }

  #tls(): ClientTls | undefined {
    return presentTls(this.#said.tls);
  }
}
