// A server that holds objects, as the readers of its answers see it: where a key lies, what a request must carry, and
// which redirects are right. Asks it one thing, following redirects; what the answer means is remote-range.ts and
// remote-stat.ts.
import { HeddleError } from '../protocol/errors.ts';
import type { OriginTuning } from './options.ts';
import { isRedirect, MOST_REDIRECTS, redirectOf } from './redirect.ts';
import type { RemoteResult } from './remote-result.ts';
import type { RemoteClient, RemoteExchange, RemoteOutcome, RemoteRequest } from './remote-client.ts';

/** What differs between kinds of servers. */
export type RemotePlace = {
  /** How messages call it; no path, no secret. */
  readonly name: string;
  readonly client: RemoteClient;
  readonly tuning: OriginTuning;
  urlOf(key: string): URL;
  /** What a request must carry besides: who asks. The URL may be one that it was redirected to. */
  credentials(request: RemoteRequest): Promise<Readonly<Record<string, string>>>;
  /** Servers (`host:port`) that it may redirect to besides itself; undefined when redirects mean a mistake. */
  readonly redirectHosts: readonly string[] | undefined;
  /** Objects may be written while they are sent: each read is followed by a look at the version. */
  readonly changesInPlace: boolean;
  /** The word in the body of an error that says what is wrong; undefined when it has none that may be shown. */
  reasonIn?(body: string): string | undefined;
  /** Told of each request's end. */
  observe(result: RemoteResult, bytes: number): void;
};

/** How much of the body of an error is read, bytes. */
const MOST_COMPLAINT = 4_096;

/** A question about one object. */
export type Question = Omit<RemoteExchange, 'request'> & Omit<RemoteRequest, 'url'> & { readonly key: string };

/** A failure of a place, as the operator may see it. */
export function failed(place: RemotePlace, text: string): HeddleError {
  return new HeddleError('read-failed', `${place.name}: ${text}`);
}

/**
 * Asks; redirects are followed as far as they are allowed. Throws `read-failed` for one that is not, and the reason of
 * `signal`.
 */
export async function ask(place: RemotePlace, question: Question): Promise<RemoteOutcome> {
  const { key, onHead, method } = question;
  let url = place.urlOf(key);
  for (let redirects = 0; ; redirects += 1) {
    const request: RemoteRequest = { method, url, headers: { 'accept-encoding': 'identity', ...question.headers } };
    const credentials = await place.credentials(request);
    let bytes = 0;
    let complaint = '';
    const complain = (piece: Uint8Array): boolean => {
      complaint += Buffer.from(piece).toString('latin1');
      return complaint.length < MOST_COMPLAINT;
    };
    const outcome = await place.client.send({
      request: { ...request, headers: { ...request.headers, ...credentials } },
      deadline: question.deadline,
      signal: question.signal,
      onHead: (head) => {
        if (place.redirectHosts !== undefined && isRedirect(head.status)) return undefined;
        const take = onHead(head) ?? (head.status >= 400 ? complain : undefined);
        if (take === undefined) return undefined;
        return (piece) => {
          bytes += piece.length;
          return take(piece);
        };
      },
    });
    const redirected =
      outcome.type === 'answered' && place.redirectHosts !== undefined && isRedirect(outcome.head.status);
    place.observe(redirected ? 'redirected' : outcome.type, bytes);
    if (!redirected) {
      const reason = complaint === '' ? undefined : place.reasonIn?.(complaint);
      return reason === undefined ? outcome : { ...outcome, reason };
    }
    const next = redirectOf(outcome.head.headers['location'], url, place.redirectHosts);
    if (typeof next === 'string') throw failed(place, next);
    if (redirects === MOST_REDIRECTS) throw failed(place, `it redirects more than ${MOST_REDIRECTS} times`);
    url = next;
  }
}
