// The wire between page and control interface: commands and streams of events by fetch with the token. A stream that breaks
// is opened again, later each time; the listener always knows whether what it shows is live.
import type { Problem } from '../../messages.ts';
import { EventLines } from './event-lines.ts';

/** What a stream is now. `lost`: tried again at `retryAt`, a time of performance.now(). */
export type Liveness =
  | { readonly type: 'connecting' }
  | { readonly type: 'live' }
  | { readonly type: 'lost'; readonly retryAt: number }
  /** It will not be tried again: the token is refused, or there is nothing to tell any more. */
  | { readonly type: 'refused'; readonly status: number }
  | { readonly type: 'closed' };

export type StreamListener<Event> = {
  event(event: Event): void;
  liveness(liveness: Liveness): void;
  /** True when the stream may end: what it tells of is over. */
  isOver(): boolean;
};

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 8_000;
/** ms without a word, heartbeats included, after which a stream counts as broken: two and a half heartbeats. */
const SILENCE_MS = 25_000;

export class Connection {
  readonly #token: string;

  constructor(token: string) {
    this.#token = token;
  }

  /** An answer in JSON. Throws an Error with the words of the problem. */
  async ask<Answer>(method: 'GET' | 'POST' | 'PUT', path: string, body?: unknown): Promise<Answer> {
    const content = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(path, { method, headers: this.#headers(body !== undefined), ...content });
    const answer: unknown = await response.json();
    if (response.ok) return answer as Answer;
    const { title, detail } = answer as Partial<Problem>;
    throw new Error(detail ?? title ?? `answered ${response.status}`);
  }

  /** Listens to a stream of events until `signal` aborts, it is over or refused. Never throws. */
  async follow<Event>(path: string, listener: StreamListener<Event>, signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; failures += 1) {
      listener.liveness({ type: 'connecting' });
      const status = await this.#listen(path, signal, {
        ...listener,
        event: (event: Event) => {
          failures = 0;
          listener.event(event);
        },
      }).catch(() => undefined);
      if (signal.aborted) return;
      if (listener.isOver()) return listener.liveness({ type: 'closed' });
      if (status !== undefined && status >= 400 && status < 500) return listener.liveness({ type: 'refused', status });
      const waitMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** failures);
      listener.liveness({ type: 'lost', retryAt: performance.now() + waitMs });
      await passed(waitMs, signal);
    }
  }

  /** Listens once; returns the status of what is no stream. */
  async #listen<Event>(
    path: string,
    signal: AbortSignal,
    listener: StreamListener<Event>,
  ): Promise<number | undefined> {
    const silence = new AbortController();
    const giveUp = (): ReturnType<typeof setTimeout> => setTimeout(() => silence.abort(), SILENCE_MS);
    let timer = giveUp();
    try {
      const both = AbortSignal.any([signal, silence.signal]);
      const response = await fetch(path, { headers: this.#headers(false), signal: both, cache: 'no-store' });
      if (!response.ok || response.body === null) {
        await response.body?.cancel();
        return response.status;
      }
      listener.liveness({ type: 'live' });
      const lines = new EventLines();
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return undefined;
        clearTimeout(timer);
        timer = giveUp();
        for (const data of lines.push(value)) listener.event(JSON.parse(data) as Event);
      }
    } finally {
      clearTimeout(timer);
      silence.abort();
    }
  }

  #headers(hasBody: boolean): Record<string, string> {
    return {
      ...(this.#token === '' ? {} : { authorization: `Bearer ${this.#token}` }),
      ...(hasBody ? { 'content-type': 'application/json' } : {}),
    };
  }
}

/** Resolves after `ms`, or at once when `signal` aborts. */
function passed(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  signal.addEventListener('abort', () => resolve(), { once: true });
  return promise.finally(() => clearTimeout(timer));
}
