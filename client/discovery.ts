// Discovery: asks origins and the DNS for routes, again and again for as long as somebody wants to know, and tells when
// there are others. What is done with the answers is route-set.ts; how they are asked is io/listed-routes.ts and
// io/dns-routes.ts. Nothing is asked before `start`, and nothing keeps the process running.
import { asHeddleError, HeddleError } from '../protocol/errors.ts';
import { presentTls } from './io/client-tls.ts';
import type { TlsSource } from './io/client-tls.ts';
import { askDns, openResolver } from './io/dns-routes.ts';
import type { DnsQuestion, DnsResolver, FoundRoutes } from './io/dns-routes.ts';
import { originNameOf, readKnownOrigins } from './io/known-origins.ts';
import { askOrigin } from './io/listed-routes.ts';
import type { ListTrust } from './io/listed-routes.ts';
import { DISCOVERY_TIMES } from './discovery-times.ts';
import type { DiscoveryTimes } from './discovery-times.ts';
import { RouteSet } from './route-set.ts';
import type { SourcedRoute } from './route-set.ts';

/** Where to look for routes. */
export type DiscoveryOptions = {
  /** Base URLs of origins that publish their routes; relays may be on the way. */
  readonly origins?: readonly string[];
  readonly dns?: readonly DnsQuestion[];
  /** Name servers, ADDRESS or ADDRESS:PORT, instead of the system's. */
  readonly nameServers?: readonly string[];
  readonly times?: Partial<DiscoveryTimes>;
};

/** Whom to trust, and whom to tell. */
export type DiscoveryContext = {
  /** The key that lists must be signed with. */
  readonly originKey?: string | undefined;
  /** File with keys of origins met before. */
  readonly knownOrigins?: string | undefined;
  /** Gives the bearer token, if there is one. */
  readonly token?: string | (() => string | undefined) | undefined;
  /** For lists that are fetched by https. */
  readonly tls?: TlsSource | undefined;
  /** The proxy on the way to a list. */
  readonly proxyFor?: ((url: URL) => URL | undefined) | undefined;
  /** Told of what goes wrong, once until it goes right again. */
  readonly warning?: ((error: HeddleError) => void) | undefined;
  /** Instead of one over the name servers. */
  readonly resolver?: DnsResolver | undefined;
};

type Source = {
  readonly name: string;
  readonly ask: () => Promise<FoundRoutes>;
  failures: number;
  complaint: string | undefined;
  timer: NodeJS.Timeout | undefined;
};

/** The routes that are found. */
export class Discovery {
  readonly #sources: readonly Source[];
  readonly #times: DiscoveryTimes;
  readonly #set: RouteSet;
  readonly #context: DiscoveryContext;
  readonly #listeners = new Set<() => void>();
  #started: Promise<void> | undefined;
  #ended = false;

  constructor(options: DiscoveryOptions, context: DiscoveryContext = {}) {
    const { origins = [], dns = [], nameServers, times = {} } = options;
    const defaults = Object.entries(DISCOVERY_TIMES).map(([name, { value }]) => [name, value]);
    this.#times = { ...(Object.fromEntries(defaults) as DiscoveryTimes), ...times };
    this.#context = context;
    this.#set = new RouteSet(this.#times.holdMs);
    const resolver =
      context.resolver ?? (dns.length === 0 ? undefined : openResolver(nameServers, this.#times.timeoutMs));
    this.#sources = [
      ...origins.map((url) => sourceOf(`list of ${url}`, this.#askOrigin(url))),
      ...dns.map((question) => sourceOf(nameOf(question), () => askDns(question, resolver as DnsResolver))),
    ];
  }

  /** Begins to ask; settles when every source has answered or failed once. Never rejects. */
  start(): Promise<void> {
    this.#started ??= Promise.all(this.#sources.map((source) => this.#ask(source))).then(() => undefined);
    return this.#started;
  }

  /** The routes known now. */
  routes(): readonly SourcedRoute[] {
    return this.#set.all();
  }

  /** Calls `listener` whenever there are others; returns what ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    for (const { timer } of this.#sources) clearTimeout(timer);
    this.#listeners.clear();
  }

  async #ask(source: Source): Promise<void> {
    let waitMs: number;
    try {
      const { routes, holdsMs } = await source.ask();
      if (routes.length === 0)
        throw new HeddleError('no-route', `${source.name}: it names no route`, { side: 'remote' });
      const { leastRefreshMs, mostRefreshMs, refreshMs } = this.#times;
      waitMs = Math.min(mostRefreshMs, Math.max(leastRefreshMs, holdsMs ?? refreshMs));
      source.failures = 0;
      source.complaint = undefined;
      if (this.#set.answered(source.name, routes, performance.now())) for (const tell of this.#listeners) tell();
    } catch (error) {
      source.failures += 1;
      waitMs = Math.min(this.#times.mostRefreshMs, this.#times.leastRefreshMs * 2 ** (source.failures - 1));
      this.#complain(source, asHeddleError(error));
    }
    if (this.#ended) return;
    source.timer = setTimeout(() => void this.#ask(source), waitMs).unref();
  }

  #token(): string | undefined {
    const { token } = this.#context;
    return typeof token === 'function' ? token() : token;
  }

  #complain(source: Source, error: HeddleError): void {
    if (this.#ended || source.complaint === error.message) return;
    source.complaint = error.message;
    this.#context.warning?.(error);
  }

  /** Without a key that is pinned or remembered the first one seen counts, as long as no token could go astray. */
  #askOrigin(url: string): () => Promise<FoundRoutes> {
    const baseUrl = new URL(url);
    let seen: string | undefined;
    const keyOf = (): string | undefined => {
      const { originKey, knownOrigins } = this.#context;
      if (originKey !== undefined || knownOrigins === undefined) return originKey ?? seen;
      return readKnownOrigins(knownOrigins).keyOf(originNameOf(baseUrl))?.key ?? seen;
    };
    const trust: ListTrust = {
      keyOf,
      took: (key) => {
        if (keyOf() === undefined && this.#token() !== undefined) {
          const text = `the route list of ${baseUrl.host} is not taken: whoever made it would get the token; pin the origin's key`;
          throw new HeddleError('key-mismatch', text);
        }
        seen = key;
      },
    };
    return () => {
      const { proxyFor } = this.#context;
      const tls = presentTls(this.#context.tls);
      const text = this.#token();
      const asking = text === undefined ? {} : { authorization: `Bearer ${text}` };
      return askOrigin(baseUrl, trust, { timeoutMs: this.#times.timeoutMs, now: Date.now(), tls, proxyFor, ...asking });
    };
  }
}

function sourceOf(name: string, ask: Source['ask']): Source {
  return { name, ask, failures: 0, complaint: undefined, timer: undefined };
}

function nameOf(question: DnsQuestion): string {
  return question.type === 'service' ? `SRV ${question.service}` : `addresses of ${new URL(question.url).hostname}`;
}
