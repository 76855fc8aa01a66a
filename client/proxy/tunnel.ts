// CONNECT through the local proxy: bytes from socket to socket, as they are. What is inside (TLS, nearly always) is
// nobody's business here, and is not split.
import { connect, isIPv6 } from 'node:net';
import type { Duplex } from 'node:stream';
import type { RequestRegister } from '../plain-requests.ts';
import { refuseTunnel } from './refuse.ts';

/** ms until a connection that does not come about is given up. */
const CONNECT_TIMEOUT_MS = 10_000;

/** Where a tunnel leads, from the target of a CONNECT; undefined when it is none. */
export function tunnelTarget(target: string | undefined): { host: string; port: number } | undefined {
  const [, v6, name, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(target ?? '') ?? [];
  const port = Number(digits);
  const host = v6 ?? name;
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port };
}

/** Joins `near` with `target`; each end goes with the other. */
export function openTunnel(
  near: Duplex,
  head: Buffer,
  target: { host: string; port: number },
  requests?: RequestRegister,
): void {
  const far = connect({ ...target, allowHalfOpen: true, noDelay: true });
  let open = false;
  let fault: Error | undefined;
  const ended = requests?.add({
    type: 'tunnel',
    method: 'CONNECT',
    target: `${isIPv6(target.host) ? `[${target.host}]` : target.host}:${target.port}`,
    look: () => ({ status: undefined, receivedBytes: far.bytesRead, sentBytes: far.bytesWritten, isSplit: false }),
  });
  far.setTimeout(CONNECT_TIMEOUT_MS, () => far.destroy(new Error('no connection in time')));
  far.once('connect', () => {
    open = true;
    far.setTimeout(0);
    near.write('HTTP/1.1 200 Connection established\r\n\r\n');
    if (head.length > 0) far.write(head);
    near.pipe(far);
    far.pipe(near);
  });
  far.on('error', (error) => {
    fault = error;
    if (open || near.destroyed) near.destroy();
    else refuseTunnel(near, 502, `${target.host}:${target.port}: ${error.message}`);
  });
  near.on('error', () => far.destroy());
  near.once('close', () => far.destroy());
  far.once('close', () => {
    ended?.(fault);
    if (open) near.destroy();
  });
}
