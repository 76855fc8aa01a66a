// A control interface that says what a test tells it to: the page, transfers made up by the test, streams that the test
// feeds and breaks, and a record of what the page asked for. No transfer runs.
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ControlEvent, SegmentRuns, TransferSnapshot } from '../../client/control/messages.ts';
import { readPage } from '../../client/control/page/page.ts';

/** The only token that is let in. */
export const TOLD_TOKEN = 'a-token-of-a-test';

/** What the page asked for besides streams. */
export type Asked = { readonly method: string; readonly path: string; readonly body: unknown };

/** An event without what every event has; those are put to it. */
export type Tale = ControlEvent extends infer Event
  ? Event extends ControlEvent
    ? Omit<Event, 'id' | 'at' | 'transfer'> & { readonly transfer?: string; readonly at?: number }
    : never
  : never;

export async function startToldTransfers(snapshots: readonly TransferSnapshot[]): Promise<ToldTransfers> {
  const told = new ToldTransfers(snapshots, await readPage());
  await told.listen();
  return told;
}

export class ToldTransfers {
  readonly asked: Asked[] = [];
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  readonly #page: Awaited<ReturnType<typeof readPage>>;
  readonly #streams = new Set<{ readonly response: ServerResponse; readonly transfer: string }>();
  readonly #lookers = new Set<() => void>();
  #snapshots: readonly TransferSnapshot[];
  #runs: SegmentRuns = { first: 0, count: 0, runs: [] };
  #port = 0;
  #number = 0;

  constructor(snapshots: readonly TransferSnapshot[], page: Awaited<ReturnType<typeof readPage>>) {
    this.#snapshots = snapshots;
    this.#page = page;
  }

  async listen(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.listen(this.#port, '127.0.0.1', resolve);
    await promise;
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** The address with the token, as `heddle get --ui` prints it. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}/#token=${TOLD_TOKEN}`;
  }

  /** What is told from now on when everything is asked for. */
  now(snapshots: readonly TransferSnapshot[], runs: SegmentRuns = this.#runs): void {
    this.#snapshots = snapshots;
    this.#runs = runs;
  }

  /** Tells an event on the streams of its transfer, or on that of all. */
  tell(tale: Tale): void {
    const event = { id: (this.#number += 1), at: Date.now(), transfer: this.#snapshots[0]?.id ?? '', ...tale };
    for (const { response, transfer } of this.#streams) {
      const isOverview = ['transfers', 'started', 'progress', 'state', 'ended', 'requests', 'lost'].includes(
        event.type,
      );
      if (transfer === event.transfer || (transfer === '' && isOverview)) send(response, event);
    }
  }

  /** Streams that are open now. */
  get streams(): number {
    return this.#streams.size;
  }

  /** Resolves when `isSo` of what was asked and the streams. */
  async until(isSo: (told: this) => boolean): Promise<void> {
    while (!isSo(this)) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#lookers.add(resolve);
      await promise;
    }
  }

  /** Breaks everything off and listens no more, until `listen()`. */
  async vanish(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    await promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.vanish();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request;
    if (url === '/') {
      response.setHeader('content-security-policy', this.#page.contentSecurityPolicy);
      response.setHeader('content-type', 'text/html; charset=utf-8').end(this.#page.html);
      return;
    }
    if (request.headers.authorization !== `Bearer ${TOLD_TOKEN}`) {
      json(response, { type: 'about:blank', title: 'no token', status: 401, code: 'unauthorized' }, 401);
      return;
    }
    const [, , , transfer = '', what = ''] = new URL(url, this.url).pathname.split('/').map(decodeURIComponent);
    if (url === '/v1/events') this.#open(response, '');
    else if (what === 'events') this.#open(response, transfer);
    else if (what === 'segments') json(response, this.#runs);
    else {
      this.asked.push({ method, path: url, body: await bodyOf(request) });
      json(response, this.#snapshots[0] ?? {});
    }
    this.#look();
  }

  #open(response: ServerResponse, transfer: string): void {
    const stream = { response: response.setHeader('content-type', 'text/event-stream'), transfer };
    this.#streams.add(stream);
    response.once('close', () => {
      this.#streams.delete(stream);
      this.#look();
    });
    const told = { id: (this.#number += 1), at: Date.now(), transfer };
    const snapshot = this.#snapshots.find(({ id }) => id === transfer);
    if (transfer === '') send(response, { ...told, type: 'transfers', transfers: this.#snapshots });
    else if (snapshot !== undefined) send(response, { ...told, type: 'snapshot', snapshot });
  }

  #look(): void {
    for (const look of this.#lookers) look();
    this.#lookers.clear();
  }
}

function send(response: ServerResponse, event: ControlEvent): void {
  response.write(`event: ${event.type}\nid: ${event.id}\ndata: ${JSON.stringify(event)}\n\n`);
}

function json(response: ServerResponse, body: unknown, status = 200): void {
  response.statusCode = status;
  response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const text = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>)).toString();
  return text === '' ? undefined : JSON.parse(text);
}
