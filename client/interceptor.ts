// Interception inside a process: an undici interceptor that splits GET requests for configured objects over their routes,
// and the dispatcher, the global installation and the fetch made of it. Everything else passes untouched.
import './older-node.ts';
import { Agent, Dispatcher, Dispatcher1Wrapper, getGlobalDispatcher, setGlobalDispatcher } from 'undici';
import { Application } from './intercept/application.ts';
import { exchange } from './intercept/exchange.ts';
import { planOf } from './intercept/plan.ts';
import type { RequestShape } from './intercept/plan.ts';
import { readHeaders } from './intercept/request-headers.ts';
import { Site } from './intercept/site.ts';
import { resolveSites } from './intercept/site-options.ts';
import type { InterceptOptions } from './intercept/site-options.ts';

/** Options of a dispatcher: what to intercept, and the agent for everything else. */
export type DispatcherOptions = InterceptOptions & { readonly agent?: Agent.Options };

/** An interceptor for `Dispatcher.compose()`, and what closes its connections. */
export type HeddleInterceptor = Dispatcher.DispatcherComposeInterceptor &
  AsyncDisposable & {
    /** Lets running plain requests end, then closes; transfers run on until they are read or aborted. */
    close(): Promise<void>;
    /** Ends plain requests at once. */
    destroy(error?: Error | null): Promise<void>;
    /** Closes once everything is over that it began; nothing new may come. */
    retire(): Promise<void>;
  };

/** An interception of everything. Disposing it puts back what was there before. */
export type Installation = AsyncDisposable & {
  /**
   * From now on these are intercepted; requests under way go on by what was there when they began. Throws
   * `bad-configuration`, and then has changed nothing.
   */
  reconfigure(options: InterceptOptions): void;
};

/**
 * An interceptor that splits requests to `options.origins`. Throws a HeddleError with the code `bad-configuration`.
 * Keep it innermost of those that change requests (redirect, retry), so that it sees what would go out.
 */
export function heddleInterceptor(options: InterceptOptions): HeddleInterceptor {
  const underWay = new Set<Promise<void>>();
  const sites = new Map(resolveSites(options).map((settings) => [settings.origin, new Site(settings)]));
  const intercept: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (request, handler) => {
    const site = sites.get(originOf(request.origin) ?? '');
    if (site === undefined) return dispatch(request, handler);
    const shape = shapeOf(request, site.origin);
    const plan = planOf(shape, site.mappings, site.experience());
    const { method, headers } = shape;
    if (plan.type === 'pass' || headers === undefined || (method !== 'GET' && method !== 'HEAD')) {
      return dispatch(request, handler);
    }
    const application = new Application(request, handler);
    application.start();
    const headersTimeoutMs = request.headersTimeout ?? undefined;
    if (application.over) return true;
    const over = exchange(site, { ...shape, method, headers, headersTimeoutMs }, plan, application);
    underWay.add(over);
    void over.then(() => underWay.delete(over));
    return true;
  };
  const all = (close: (site: Site) => Promise<void>): Promise<void> =>
    Promise.all([...sites.values()].map(close)).then(() => undefined);
  const close = (): Promise<void> => all((site) => site.close());
  const destroy = (error: Error | null = null): Promise<void> => all((site) => site.destroy(error));
  const retire = async (): Promise<void> => {
    await Promise.all(underWay);
    await close();
  };
  return Object.assign(intercept, { close, destroy, retire, [Symbol.asyncDispose]: close });
}

/** A dispatcher for undici's `request`, `stream`, `fetch` and the rest, whose other requests an agent answers. */
export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const agent = new Agent(options.agent);
  return new HeddleDispatcher(agent, heddleInterceptor(options), agent);
}

/**
 * Intercepts every request that is made with the global dispatcher: `fetch` and undici's functions, not `node:http`.
 * What was the global dispatcher answers everything else. Disposing the result puts it back.
 */
export function install(options: InterceptOptions): Installation {
  const before = getGlobalDispatcher();
  const dispatcher = new HeddleDispatcher(before, heddleInterceptor(options), undefined);
  setGlobalDispatcher(dispatcher);
  return {
    reconfigure: (next) => dispatcher.reconfigure(heddleInterceptor(next)),
    async [Symbol.asyncDispose]() {
      if (getGlobalDispatcher() === dispatcher) setGlobalDispatcher(before);
      await dispatcher.close();
    },
  };
}

/** A `fetch` like the global one, whose requests are intercepted. Disposing it closes its connections. */
export function createFetch(options: DispatcherOptions): typeof globalThis.fetch & AsyncDisposable {
  const own = createDispatcher(options);
  // the fetch of Node 22 and 24 speaks to dispatchers in undici's former way
  const dispatcher = new Dispatcher1Wrapper(own) as unknown as NonNullable<RequestInit['dispatcher']>;
  const heddleFetch = (input: string | URL | Request, init?: RequestInit): Promise<Response> =>
    globalThis.fetch(input, { ...init, dispatcher });
  return Object.assign(heddleFetch, { [Symbol.asyncDispose]: () => own.close() });
}

/** undici's own base class: `request` and its like are its methods. */
class HeddleDispatcher extends Dispatcher {
  readonly #inner: Dispatcher;
  #dispatch: Dispatcher.Dispatch;
  #interceptor: HeddleInterceptor;
  /** Closed along; not if it belongs to somebody else. */
  readonly #agent: Agent | undefined;
  #closed: Promise<void> | undefined;

  constructor(inner: Dispatcher, interceptor: HeddleInterceptor, agent: Agent | undefined) {
    super();
    this.#inner = inner;
    this.#interceptor = interceptor;
    this.#dispatch = this.#composed();
    this.#agent = agent;
  }

  reconfigure(next: HeddleInterceptor): void {
    const before = this.#interceptor;
    this.#interceptor = next;
    this.#dispatch = this.#composed();
    void before.retire();
  }

  #composed(): Dispatcher.Dispatch {
    return this.#interceptor((options, handler) => this.#inner.dispatch(options, handler));
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    return this.#dispatch(options, handler);
  }

  override close(callback?: () => void): Promise<void> {
    this.#closed ??= Promise.all([this.#interceptor.close(), this.#agent?.close()]).then(() => undefined);
    return calling(this.#closed, callback);
  }

  override destroy(first?: Error | null | (() => void), second?: () => void): Promise<void> {
    const [error, callback] = typeof first === 'function' ? [null, first] : [first ?? null, second];
    const destroyed = Promise.all([this.#interceptor.destroy(error), this.#agent?.destroy(error)]);
    return calling(
      destroyed.then(() => undefined),
      callback,
    );
  }
}

/** undici's methods that close take a callback, too. */
async function calling(settled: Promise<void>, callback: (() => void) | undefined): Promise<void> {
  await settled;
  callback?.();
}

function originOf(origin: string | URL | undefined): string | undefined {
  if (origin === undefined) return undefined;
  return typeof origin === 'string' ? URL.parse(origin)?.origin : origin.origin;
}

function shapeOf(request: Dispatcher.DispatchOptions, origin: string): RequestShape {
  const { method, path, body, query, upgrade, expectContinue, headersTimeout, bodyTimeout } = request;
  const hasBody = body !== undefined && body !== null;
  const hasQuery = query !== undefined && Object.keys(query).length > 0;
  const hasUpgrade = upgrade !== undefined && upgrade !== null && upgrade !== false;
  const odd =
    hasBody || hasQuery || hasUpgrade || expectContinue === true || !isTime(headersTimeout) || !isTime(bodyTimeout);
  const headers = odd ? undefined : readHeaders(request.headers);
  const elsewhere = (headers?.get('host') ?? new URL(origin).host) !== new URL(origin).host;
  return { method, path, headers, special: odd || elsewhere };
}

function isTime(ms: number | null | undefined): boolean {
  return ms === undefined || ms === null || (Number.isFinite(ms) && ms >= 0);
}
