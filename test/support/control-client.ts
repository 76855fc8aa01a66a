// A client of a control interface in another process (or this one): asks, parses, and holds every answer and every event
// against the interface's own OpenAPI description.
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { ControlEvent, TransferSnapshot } from '../../client/control/messages.ts';
import { openApi } from '../../client/control/openapi.ts';
import { Described } from './openapi.ts';

/** An answer. */
export type Answer<Body> = {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** What a well-behaved server answers a well-formed request; it was held against its description. */
  readonly body: Body;
};

export type Asked = {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** The body as it is sent. */
  readonly text?: string;
};

/** A client; `url` as the program says it, with the token. */
export class ControlClient {
  readonly described: Described = new Described(openApi());
  readonly #where: { readonly host: string; readonly port: number } | { readonly socketPath: string };
  readonly #token: string | undefined;

  constructor(url: string, token?: string) {
    const { hostname, port, hash } = url.startsWith('unix:') ? { hostname: '', port: '', hash: '' } : new URL(url);
    this.#where = url.startsWith('unix:')
      ? { socketPath: url.slice('unix:'.length) }
      : { host: hostname, port: Number(port) };
    this.#token = token ?? (hash === '' ? undefined : hash.replace('#token=', ''));
  }

  get token(): string {
    return this.#token ?? '';
  }

  async ask<Body = TransferSnapshot>(method: string, path: string, asked: Asked = {}): Promise<Answer<Body>> {
    const response = await this.#send(method, path, asked);
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const type = response.headers['content-type'] ?? '';
    const body: unknown = type.includes('json') ? JSON.parse(text) : text;
    const status = response.statusCode ?? 0;
    const faults = this.described.faultsOfAnswer(method, path, status, type, body);
    if (faults.length > 0) throw new Error(faults.join('\n'));
    return { status, headers: response.headers, body: body as Body };
  }

  /** The events of a stream, until it ends or `signal` aborts. */
  async *events(path: string, signal?: AbortSignal): AsyncGenerator<ControlEvent> {
    const response = await this.#send('GET', path, {});
    signal?.addEventListener('abort', () => response.destroy(), { once: true });
    if (response.statusCode !== 200) throw new Error(`${path}: ${response.statusCode}`);
    const shape = path === '/v1/events' ? 'OverviewEvent' : 'DetailEvent';
    let text = '';
    try {
      for await (const chunk of response) {
        text += String(chunk);
        const blocks = text.split('\n\n');
        text = blocks.pop() ?? '';
        for (const block of blocks) {
          const lines = new Map(
            block
              .split('\n')
              .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]),
          );
          const data = lines.get('data');
          if (data === undefined) continue;
          const event = JSON.parse(data) as ControlEvent;
          const faults = this.described.faultsOf(shape, event);
          if (faults.length > 0) throw new Error(`${event.type}: ${faults.join('\n')}`);
          if (lines.get('event') !== event.type || lines.get('id') !== String(event.id))
            throw new Error(`odd: ${block}`);
          yield event;
        }
      }
    } catch (error) {
      if (signal?.aborted !== true) throw error;
    }
  }

  #send(method: string, path: string, { headers = {}, body, text }: Asked): Promise<IncomingMessage> {
    const sent = text ?? (body === undefined ? undefined : JSON.stringify(body));
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const all = {
      ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
      ...(sent === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(sent)) }),
      ...headers,
    };
    request({ ...this.#where, method, path, headers: all, agent: false }, resolve)
      .once('error', reject)
      .end(sent);
    return promise;
  }
}
