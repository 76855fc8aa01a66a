// Plain requests to a site's routes: one request over one route, and a race of routes whose outcome the route book
// remembers. A refusal counts only when no route does better.
import { asHeddleError } from '../../protocol/errors.ts';
import { pathsOf } from '../../protocol/paths.ts';
import type { PlainHeaders } from './request-headers.ts';
import { headersForRoute } from './request-headers.ts';
import { credentialsOf } from './fetch-bytes.ts';
import { firstOf } from './first-of.ts';
import type { Attempt } from './first-of.ts';
import { ask } from './plain-answer.ts';
import type { PlainAnswer } from './plain-answer.ts';
import type { Span } from './plan.ts';
import type { PlainRoute } from './route-book.ts';
import type { Site } from './site.ts';

/** What of the application's request goes to a route. */
export type RoutedRequest = {
  readonly method: 'GET' | 'HEAD';
  readonly key: string;
  readonly headers: PlainHeaders;
  /** Asked for instead of what the application's Range says. */
  readonly lead: Span | undefined;
  readonly headersTimeoutMs: number | undefined;
};

/** A connection that was kept open may have ended meanwhile; then, and only then, it says so before any answer. */
const STALE: readonly string[] = ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'];

/** Thrown by an attempt whose answer is good enough only if there is no better one. */
export class SecondBest<Result> extends Error {
  readonly result: Result;
  readonly answer: PlainAnswer;

  constructor(result: Result, answer: PlainAnswer) {
    super('a route refused');
    this.result = result;
    this.answer = answer;
  }
}

/** Asks the site's routes, the best first. */
export async function raceRoutes<Result>(
  { book }: Site,
  attempt: Attempt<Result>,
  signal: AbortSignal,
): Promise<Result> {
  const refused: SecondBest<Result>[] = [];
  const remembered: Attempt<Result> = async (route, ended) => {
    try {
      return await attempt(route, ended);
    } catch (error) {
      if (!ended.aborted) book.failed(route);
      if (error instanceof SecondBest) refused.push(error as SecondBest<Result>);
      throw error;
    }
  };
  const overtaken = (route: PlainRoute, ms: number): void => book.overtaken(route, ms);
  let best: Result | undefined;
  try {
    best = await firstOf({ routes: book.ranked(), width: book.width(), attempt: remembered, overtaken }, signal);
    return best;
  } catch (error) {
    const kept = signal.aborted ? undefined : refused.shift();
    if (kept === undefined) throw error;
    return kept.result;
  } finally {
    for (const { answer } of refused) answer.destroy();
  }
}

/** The head of the route's answer to a request for an object. */
export async function askRoute(
  { book }: Site,
  route: PlainRoute,
  request: RoutedRequest,
  signal: AbortSignal,
): Promise<PlainAnswer> {
  const { method, key, headers, lead, headersTimeoutMs } = request;
  const range = lead === undefined ? {} : { range: `bytes=${lead.from}-${lead.to - 1}` };
  // without a range of the application's own, If-Range would speak about ours
  const condition = headers.has('range') ? {} : { 'if-range': undefined };
  const plain = {
    method,
    path: route.basePath + pathsOf(key).object,
    headers: headersForRoute(headers, { ...range, ...condition, ...credentialsOf(route) }),
    headersTimeoutMs,
  };
  const startedAt = performance.now();
  const answer = await ask(route.pool, plain, signal).catch((error: unknown) => {
    if (signal.aborted || !STALE.includes(codeOf(error))) throw error;
    return ask(route.pool, plain, signal);
  });
  book.answered(route, performance.now() - startedAt);
  return answer;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : asHeddleError(error).code;
}
