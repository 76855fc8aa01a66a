// Free TCP ports of the loopback, and waiting until a server answers on one.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Child } from './child.ts';

export const LOOPBACK = '127.0.0.1';

/** How long a server may take to listen: an origin hashes its objects first. */
const LISTEN_LIMIT_MS = 30_000;
const LOOK_MS = 10;

/** A port nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, LOOPBACK);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** True when somebody accepts connections there. */
export async function accepts(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host: LOOPBACK, port });
  socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  const answer = await promise;
  socket.destroy();
  return answer;
}

/** Waits until `listens` says so; throws with the server's last words when it ends or takes too long. */
export async function untilListening(server: Child, listens: () => Promise<boolean> | boolean): Promise<void> {
  const limit = performance.now() + LISTEN_LIMIT_MS;
  while (!(await listens())) {
    if (!server.running || performance.now() > limit) {
      throw new Error(`${server.argv.slice(0, 4).join(' ')} does not listen: ${server.lastWords}`);
    }
    await sleep(LOOK_MS);
  }
}
