// What an application sees of an answer, in a form that can be compared: the same request is made with and without
// Heddle. What belongs to a hop (its date, its connection, the relays it names) is left out.
import { createHash } from 'node:crypto';
import { fetch as undiciFetch, request } from 'undici';
import type { Dispatcher, RequestInit } from 'undici';

/** An answer, or what went wrong. */
export type Observed = Readonly<Record<string, unknown>>;

/** Options of undici's request, without the dispatcher. */
export type RequestOptions = Omit<Dispatcher.RequestOptions, 'origin' | 'path' | 'method'> & {
  readonly method?: Dispatcher.HttpMethod;
};

const OF_THE_HOP = ['date', 'via', 'connection', 'keep-alive'];

/** By undici's `request`. */
export async function observeRequest(dispatcher: Dispatcher, url: string, options: RequestOptions): Promise<Observed> {
  try {
    const answer = await request(url, { ...options, dispatcher });
    const { statusCode, statusText, trailers } = answer;
    const headers = endToEnd(Object.entries(answer.headers));
    return { statusCode, statusText, headers, trailers, body: await bodyOf(answer.body) };
  } catch (error) {
    return errorOf(error);
  }
}

/** By undici's `fetch`. */
export async function observeFetch(dispatcher: Dispatcher, url: string, init: RequestInit): Promise<Observed> {
  try {
    const answer = await undiciFetch(url, { ...init, dispatcher });
    const { status, statusText, ok, redirected, type, url: last } = answer;
    const headers = endToEnd([...answer.headers]);
    const body = answer.body === null ? null : await bodyOf(answer.body);
    return { status, statusText, ok, redirected, type, url: last, headers, body };
  } catch (error) {
    return errorOf(error);
  }
}

/** Name, code and message of an error, and those of its cause. */
export function errorOf(error: unknown): Observed {
  if (!(error instanceof Error)) return { thrown: String(error) };
  const code = 'code' in error ? error.code : undefined;
  const cause = error.cause === undefined ? undefined : errorOf(error.cause);
  return { name: error.name, code, message: error.message, cause };
}

/** Length and digest, so that a difference is told in one line; and how the body ended. */
async function bodyOf(body: AsyncIterable<Uint8Array>): Promise<Observed> {
  const hash = createHash('sha256');
  let length = 0;
  try {
    for await (const chunk of body) {
      hash.update(chunk);
      length += chunk.length;
    }
  } catch (error) {
    return errorOf(error);
  }
  return { length, digest: hash.digest('hex') };
}

function endToEnd(headers: readonly (readonly [string, unknown])[]): Observed {
  return Object.fromEntries(headers.filter(([name]) => !OF_THE_HOP.includes(name.toLowerCase())));
}
