// What a proxy splits by one reading of its settings: the dispatcher and the table of destinations. A later reading takes its
// place for new requests; it ends itself with the last request that began by it, so that none is cut off by a reading.
import type { ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import { createDispatcher } from '../interceptor.ts';
import { resolveSites } from '../intercept/site-options.ts';
import type { SiteOptions } from '../intercept/site-options.ts';
import type { LiveSites } from '../live-sites.ts';
import type { ClientOptions } from '../options.ts';
import { OBJECTS_ORIGIN } from './target.ts';
import type { ProxySettings } from './target.ts';

/** What is split. */
export type SplittingOptions = {
  /** Web origins whose objects are split. */
  readonly origins: readonly SiteOptions[];
  /** The routes behind the gateway's `/o/`; by default those of the first origin. */
  readonly objects?: Omit<ClientOptions, 'root' | 'mirrors'> | undefined;
};

/** One reading at work. */
export class Splitting {
  readonly dispatcher: Dispatcher;
  readonly targets: Pick<ProxySettings, 'origins' | 'objects'>;
  /** Answers under way. */
  #answers = 0;
  #retired: (() => void) | undefined;

  /** `live` has what began by earlier readings told. Throws `bad-configuration` or `no-route`, having told nobody. */
  constructor(options: SplittingOptions, live: LiveSites) {
    const objects = options.objects ?? options.origins[0];
    const ownOrigins =
      objects === undefined ? [] : [{ ...objects, origin: OBJECTS_ORIGIN, paths: [{ path: '/v1/objects/' }] }];
    this.targets = {
      origins: resolveSites(options).map(({ origin }) => origin),
      objects: objects === undefined ? undefined : OBJECTS_ORIGIN,
    };
    this.dispatcher = createDispatcher({
      origins: live.adopt([...options.origins, ...ownOrigins]),
      // one connection per request under way, as programs would have them; their own time limits count
      agent: { allowH2: false, headersTimeout: 0, bodyTimeout: 0 },
    });
  }

  /** `response` is answered by it. */
  hold(response: ServerResponse): void {
    this.#answers += 1;
    response.once('close', () => {
      this.#answers -= 1;
      if (this.#answers === 0) this.#retired?.();
    });
  }

  /** No new request comes; settles when the last one is answered and its connections are closed. */
  async retire(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#retired = resolve;
    if (this.#answers === 0) resolve();
    await promise;
    await this.destroy();
  }

  /** Ends everything at once. */
  destroy(): Promise<void> {
    return this.dispatcher.destroy();
  }
}
