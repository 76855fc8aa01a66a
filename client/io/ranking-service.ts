// Ranks from outside: asks a callback or an HTTP service what it thinks of the routes, within a time limit. Whatever goes
// wrong, the transfer runs: an answer that is late, broken or silent about a route leaves the rank it has.
//   POST <url>   {"routes":[{"name":"eu","url":"https://relay-eu:9001/v1/via/main", …}]}
//   200          {"ranks":{"eu":0.8}}        0 the worst, 1 the best
import { asHeddleError, HeddleError } from '../../protocol/errors.ts';
import type { RouteTerms } from '../core/route-terms.ts';
import { systemWords } from '../../protocol/system-words.ts';

/** A route as a ranking sees it. */
export type RankedRoute = {
  readonly name: string;
  readonly url: string;
} & Pick<RouteTerms, 'costPerGigabyte' | 'distanceKilometres' | 'rememberedBytesPerSecond' | 'rememberedRttMs'>;

/** Ranks by route name, 0…1; a route that is left out keeps its own. */
export type Ranks = Readonly<Record<string, number>>;

/** Says ranks; may take its time. */
export type RankCallback = (routes: readonly RankedRoute[], signal: AbortSignal) => Ranks | Promise<Ranks>;

/** Bytes of an answer that are read. */
const MOST_ANSWER_BYTES = 65_536;
/** ms that an answer may take before it comes too late to matter. */
export const RANKING_TIMEOUT_MS = 2_000;

/** A callback that asks the HTTP service at `url`. Rejects with a HeddleError when that says nothing useful. */
export function rankingService(url: URL): RankCallback {
  return async (routes, signal) => {
    let answer: Response;
    try {
      const headers = { 'content-type': 'application/json', accept: 'application/json' };
      const body = JSON.stringify({ routes });
      answer = await fetch(url, { method: 'POST', headers, body, signal, redirect: 'error' });
    } catch (error) {
      throw new HeddleError('unreachable', `the ranking service ${url.host}: ${reasonOf(error)}`, { side: 'remote' });
    }
    const text = await boundedText(answer, url);
    if (answer.status !== 200) throw refused(url, `answered ${answer.status}`);
    try {
      const { ranks } = JSON.parse(text) as { ranks?: unknown };
      if (typeof ranks === 'object' && ranks !== null) return ranks as Ranks;
    } catch {
      // the line below says what is expected
    }
    throw refused(url, 'did not answer {"ranks":{NAME:0…1}}');
  };
}

/**
 * What `callback` says in time, checked: ranks of known routes only, brought within 0…1. Undefined when it fails;
 * `onFailure` hears why.
 */
export async function askForRanks(
  callback: RankCallback,
  routes: readonly RankedRoute[],
  options: {
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
    readonly onFailure: (error: HeddleError) => void;
  },
): Promise<Map<string, number> | undefined> {
  const { timeoutMs, signal, onFailure } = options;
  const late = AbortSignal.timeout(timeoutMs);
  const either = AbortSignal.any([signal, late]);
  try {
    const cancelled = new Promise<never>((_, reject) => {
      either.addEventListener('abort', () => reject(new HeddleError('timeout', 'no ranks came in time')), {
        once: true,
      });
      either.throwIfAborted();
    });
    const ranks = await Promise.race([callback(routes, either), cancelled]);
    const known = routes.flatMap(({ name }): [string, number][] => {
      const rank: unknown = Object.hasOwn(ranks, name) ? ranks[name] : undefined;
      return typeof rank === 'number' && Number.isFinite(rank) ? [[name, Math.max(0, Math.min(1, rank))]] : [];
    });
    return new Map(known);
  } catch (error) {
    if (!signal.aborted) onFailure(asHeddleError(error, late.aborted ? 'timeout' : 'refused'));
    return undefined;
  }
}

async function boundedText(answer: Response, url: URL): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of answer.body ?? []) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MOST_ANSWER_BYTES) throw refused(url, `answered more than ${MOST_ANSWER_BYTES} bytes`);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function refused(url: URL, what: string): HeddleError {
  return new HeddleError('refused', `the ranking service ${url.host} ${what}`, { side: 'remote' });
}

/** The runtime hides why a fetch failed behind "fetch failed". */
function reasonOf(error: unknown): string {
  const { cause } = error as Error;
  return systemWords(cause ?? error);
}
