// Plain HTTP servers that know nothing of Heddle: nginx and Python's http.server as they are installed, each in a process
// of its own over a folder, and scripted servers for what those never do. All on the loopback.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A running mirror. */
export type MirrorServer = AsyncDisposable & { readonly url: string; readonly port: number };

/** One range of one request, both ends included; undefined when it has none. */
export type AskedRange = { readonly first: number; readonly last: number } | undefined;

const POLL_MS = 20;
const NGINX = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/opt/homebrew/bin/nginx'];

/** nginx over `root`; `directives` go into its server block. */
export async function startNginx(root: string, directives = ''): Promise<MirrorServer> {
  const folder = await mkdtemp(join(tmpdir(), 'heddle-nginx-'));
  const port = await freePort();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const configuration = `
daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error crit;
events { worker_connections 256; }
http {
  access_log off; ${temporary.map((kind) => `${kind}_temp_path ${folder}/${kind};`).join(' ')}
  server { listen 127.0.0.1:${port}; root ${root}; ${directives} }
}
`;
  await writeFile(join(folder, 'nginx.conf'), configuration);
  const program = NGINX.find((path) => existsSync(path)) ?? 'nginx';
  return startProcess(program, ['-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error')], port, folder);
}

/** `python3 -m http.server` over `root`: HTTP/1.0, no ranges, one answer per connection. */
export async function startPython(root: string): Promise<MirrorServer> {
  const port = await freePort();
  return startProcess('python3', ['-m', 'http.server', String(port), '--bind', '127.0.0.1', '-d', root], port);
}

/** A server that answers as `listener` does. */
export async function startScripted(
  listener: (request: IncomingMessage, response: ServerResponse, range: AskedRange) => void,
  host = '127.0.0.1',
  tls?: { readonly cert: string; readonly key: string },
): Promise<MirrorServer & { readonly server: Server; readonly connections: () => number }> {
  const answer: RequestListener = (request, response) => listener(request, response, rangeOf(request));
  const server: Server = tls === undefined ? createServer({ noDelay: true }, answer) : createTlsServer(tls, answer);
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    server,
    connections: () => connections,
    url: `${tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${port}/`,
    [Symbol.asyncDispose]: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      if (server.listening) await once(server, 'close');
    },
  };
}

/** Answers as an honest server with ranges does. `headers` replace or add. */
export function answerRange(
  response: ServerResponse,
  content: Buffer,
  range: AskedRange,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (range === undefined) {
    response.writeHead(200, { 'Content-Length': content.length, ETag: '"v1"', ...headers }).end(content);
  } else if (range.first >= content.length) {
    response.writeHead(416, { 'Content-Range': `bytes */${content.length}`, ETag: '"v1"', ...headers }).end();
  } else {
    const part = content.subarray(range.first, range.last + 1);
    response
      .writeHead(206, {
        'Content-Length': part.length,
        'Content-Range': `bytes ${range.first}-${range.first + part.length - 1}/${content.length}`,
        ETag: '"v1"',
        ...headers,
      })
      .end(part);
  }
}

/** A port that nothing listens on. */
async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function rangeOf(request: IncomingMessage): AskedRange {
  const match = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
  return match === null ? undefined : { first: Number(match[1]), last: Number(match[2]) };
}

async function startProcess(
  program: string,
  args: readonly string[],
  port: number,
  folder?: string,
): Promise<MirrorServer> {
  const child = spawn(program, args, { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => {
    child.once('error', () => resolve());
    child.once('close', () => resolve());
  });
  const reap = (): void => void child.kill('SIGKILL');
  process.once('exit', reap);
  let hasEnded = false;
  void ended.then(() => (hasEnded = true));
  while (!(await answers(port))) {
    if (hasEnded) throw new Error(`${program} did not start`);
  }
  return {
    port,
    url: `http://127.0.0.1:${port}/`,
    [Symbol.asyncDispose]: async () => {
      process.off('exit', reap);
      child.kill('SIGKILL');
      await ended;
      if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** True when somebody accepts on the port; a moment later when not. */
async function answers(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(port, '127.0.0.1');
  socket.once('connect', () => resolve(true));
  socket.once('error', () => setTimeout(() => resolve(false), POLL_MS));
  const is = await promise;
  socket.destroy();
  return is;
}
