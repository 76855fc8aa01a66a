// A configured web origin at work: its client, its routes as plain HTTP sees them, its manifests, and connections dialled
// ahead. Lives as long as the interceptor.
import { createClient } from '../client.ts';
import type { Client } from '../client.ts';
import { EarlyDials } from '../io/dial.ts';
import { readKnownOrigins } from '../io/known-origins.ts';
import type { SessionRoute } from '../io/order.ts';
import { resolveRoutes } from '../options.ts';
import { Manifests } from './manifests.ts';
import type { Experience, PathMapping } from './plan.ts';
import { RouteBook } from './route-book.ts';
import type { SiteSettings } from './site-options.ts';

/** How long connections dialled ahead are good for, ms: servers close what says nothing. */
const SPARE_MS = 4_000;

/** One site. */
export class Site {
  readonly origin: string;
  readonly mappings: readonly PathMapping[];
  readonly client: Client;
  readonly book: RouteBook;
  readonly manifests: Manifests;
  readonly #routes: readonly SessionRoute[];
  #spares: EarlyDials | undefined;
  #expiry: NodeJS.Timeout | undefined;

  constructor(settings: SiteSettings) {
    this.origin = settings.origin;
    this.mappings = settings.mappings;
    this.client = createClient(settings.client);
    this.#routes = resolveRoutes(settings.client);
    this.book = new RouteBook(this.#routes);
    const { originKey, knownOrigins } = settings.client;
    const known = knownOrigins === undefined ? undefined : readKnownOrigins(knownOrigins);
    this.manifests = new Manifests(this.book.routes, originKey, known);
  }

  /** What plans are made with. */
  experience(): Experience {
    const [best] = this.book.ranked();
    return { sizeOf: (key) => this.manifests.get(key)?.size, leadBytes: best?.leadBytes ?? 0 };
  }

  /** Dials the routes for a transfer that may come soon, unless that is done already. */
  dialAhead(): void {
    if (this.#spares !== undefined) return;
    this.#spares = new EarlyDials();
    for (const route of this.#routes) this.#spares.add(route);
    this.#expiry = setTimeout(() => this.#dropSpares(), SPARE_MS).unref();
  }

  /** The connections dialled ahead, for one transfer, which closes what it does not use. */
  takeSpares(): EarlyDials | undefined {
    const spares = this.#spares;
    this.#spares = undefined;
    clearTimeout(this.#expiry);
    return spares;
  }

  async close(): Promise<void> {
    this.#dropSpares();
    await this.book.close();
  }

  async destroy(error: Error | null): Promise<void> {
    this.#dropSpares();
    await this.book.destroy(error);
  }

  #dropSpares(): void {
    this.takeSpares()?.[Symbol.dispose]();
  }
}
