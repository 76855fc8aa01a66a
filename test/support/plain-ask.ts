// One request by node's own client, which knows neither Heddle nor proxies, straight or through a proxy in absolute form,
// and everything of the answer that is not about one connection or hop.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

/** What is asked. */
export type Asked = {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | string[] | undefined>>;
  readonly body?: Buffer;
};

/** What comes back: everything that is not about one connection. */
export type Seen = {
  status: number;
  reason: string;
  headers: IncomingHttpHeaders;
  trailers: NodeJS.Dict<string>;
  body: string;
  error?: string;
};

/** One request with node's own client, which knows no proxies: straight, or through the proxy in absolute form. */
export async function ask(url: string, options: Asked = {}, through?: { readonly port: number }): Promise<Seen> {
  const { host, pathname, search, port } = new URL(url);
  const path = through === undefined ? pathname + search : url;
  const { body, ...rest } = options;
  const headers = { Host: host, ...rest.headers };
  const request = httpRequest({ host: '127.0.0.1', port: through?.port ?? port, path, ...rest, headers });
  // once the head is here, what breaks is told of by the answer
  request.on('error', () => {}).end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const hash = createHash('sha256');
  let error: string | undefined;
  try {
    for await (const chunk of response) hash.update(chunk as Buffer);
  } catch (thrown) {
    error = (thrown as NodeJS.ErrnoException).code;
  }
  const { date: _date, connection: _connection, 'keep-alive': _keep, via: _via, ...seen } = response.headers;
  const { statusCode: status = 0, statusMessage: reason = '', trailers } = response;
  const answer = { status, reason, headers: seen, trailers };
  return { ...answer, body: hash.digest('hex'), ...(error === undefined ? {} : { error }) };
}
