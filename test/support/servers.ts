// Origins and relays as processes of their own on free ports of the loopback, started from the command line.
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { startProgram } from './program.ts';
import type { Program, ProgramOptions } from './program.ts';

/** A listening origin or relay. */
export type ServerProgram = AsyncDisposable & {
  readonly program: Program;
  /** Base URL, without a slash at its end. */
  readonly url: string;
  readonly port: number;
};

/** `heddle origin` serving `dir`; `port` 0 lets the system choose. */
export function startOriginProgram(
  options: { dir: string; state: string; port?: number },
  how: ProgramOptions = {},
): Promise<ServerProgram> {
  const { dir, state, port = 0 } = options;
  return listening(['origin', '--dir', dir, '--state', state, '--listen', `127.0.0.1:${port}`], how);
}

/** `heddle relay`, open to everybody; `upstreams` are names and base URLs. */
export function startRelayProgram(
  upstreams: Readonly<Record<string, string>>,
  port = 0,
  how: ProgramOptions = {},
): Promise<ServerProgram> {
  const named = Object.entries(upstreams).flatMap(([name, url]) => ['--upstream', `${name}=${url}`]);
  return listening(['relay', '--listen', `127.0.0.1:${port}`, '--insecure-open', ...named], how);
}

/** A port of the loopback on which nobody listens. */
export async function refusingPort(): Promise<number> {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  const { port } = server.address() as AddressInfo;
  const closed = Promise.withResolvers<void>();
  server.close(() => closed.resolve());
  await closed.promise;
  return port;
}

/** True when somebody accepts connections there. */
export async function accepts(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host: '127.0.0.1', port });
  socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  const answer = await promise;
  socket.destroy();
  return answer;
}

async function listening(args: readonly string[], how: ProgramOptions): Promise<ServerProgram> {
  await using stack = new AsyncDisposableStack();
  const program = stack.use(startProgram(args, { ...how, tethered: true }));
  const [, url = '', port] = await program.said(/ on (http:\/\/[^\s:]+:(\d+))/);
  const owned = stack.move();
  return { program, url, port: Number(port), [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
