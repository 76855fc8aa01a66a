// Asks one route after another until one gives what is wanted: the next at once when one fails, and beside it when one
// takes longer than it should. The losers are ended. For requests that may safely be made twice.
import { patienceOf } from './route-book.ts';
import type { PlainRoute } from './route-book.ts';

/** Asks one route; rejects when it does not give what is wanted. Its signal ends whatever it opened. */
export type Attempt<Result> = (route: PlainRoute, signal: AbortSignal) => Promise<Result>;

/** What a race is about. */
export type Race<Result> = {
  /** In the order to be asked; the first `width` at once. */
  readonly routes: readonly PlainRoute[];
  readonly width: number;
  readonly attempt: Attempt<Result>;
  /** A route was asked, and another won. */
  readonly overtaken?: (route: PlainRoute, ms: number) => void;
};

/** The first result. Rejects with the error of the route that was asked first when all failed, or with the abort. */
export function firstOf<Result>(race: Race<Result>, signal: AbortSignal): Promise<Result> {
  const { routes, width, attempt, overtaken } = race;
  const { promise, resolve, reject } = Promise.withResolvers<Result>();
  const running = new Map<number, { route: PlainRoute; stop: AbortController; startedAt: number }>();
  const timers = new Set<NodeJS.Timeout>();
  const errors: unknown[] = [];
  let next = 0;
  let over = false;

  const finish = (): void => {
    over = true;
    for (const timer of timers) clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  };
  const abort = (): void => {
    finish();
    reject(signal.reason);
  };
  const won = (at: number, result: Result): void => {
    if (over) return;
    finish();
    running.delete(at);
    for (const { route, stop, startedAt } of running.values()) {
      overtaken?.(route, performance.now() - startedAt);
      stop.abort(new Error('another route was quicker'));
    }
    resolve(result);
  };
  const lost = (at: number, error: unknown): void => {
    running.delete(at);
    errors[at] = error;
    if (over) return;
    start();
    if (running.size > 0) return;
    finish();
    reject(errors[0]);
  };
  const start = (): void => {
    const at = next;
    const route = routes[at];
    if (over || route === undefined) return;
    next += 1;
    const stop = new AbortController();
    running.set(at, { route, stop, startedAt: performance.now() });
    timers.add(setTimeout(start, patienceOf(route)));
    attempt(route, AbortSignal.any([signal, stop.signal])).then(
      (result) => won(at, result),
      (error: unknown) => lost(at, error),
    );
  };

  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  for (let count = 0; count < Math.max(1, width); count += 1) start();
  return promise;
}
