// A connection through an HTTP proxy by CONNECT: the way out of networks that let nothing else out. What is inside the tunnel
// the proxy passes on as it is; whose name it is asked for, it looks up itself.
import net from 'node:net';
import { asHeddleError, HeddleError } from '../../protocol/errors.ts';
import { formatRequestHead, parseResponseHead } from '../../protocol/http-head.ts';
import type { ResponseHead } from '../../protocol/http-head.ts';
import { bareHost } from '../../protocol/host.ts';
import { localOptions } from './local-address.ts';
import { systemReason } from '../../protocol/system-words.ts';

/** Where a tunnel begins and ends. */
export type TunnelTarget = {
  /** `http:`, with a user and password where it asks for them. */
  readonly proxy: URL;
  readonly baseUrl: URL;
  /** Where to connect, instead of the host of the URL. */
  readonly address?: string | undefined;
  /** Local address or interface to bind to, on the way to the proxy. */
  readonly localAddress: string | undefined;
};

/** Told once: why there is no tunnel, or the ms that one round trip through the proxy took. */
export type TunnelOpened = (error: HeddleError | undefined, connectMs: number) => void;

/** Opens a tunnel. Before `opened` is told nothing may be written to the socket that is returned, nor read. */
export function openTunnelThrough(target: TunnelTarget, opened: TunnelOpened): net.Socket {
  const { proxy, localAddress } = target;
  const socket = net.connect({
    host: bareHost(proxy.hostname),
    port: Number(proxy.port || 80),
    ...localOptions(localAddress, proxy.hostname),
    noDelay: true,
    keepAlive: true,
    autoSelectFamily: localAddress === undefined,
  });
  let come = Buffer.alloc(0);
  let askedAt = 0;
  const end = (error?: HeddleError): void => {
    socket.off('data', read).off('error', lost).off('close', lost).off('end', lost);
    if (error !== undefined) socket.on('error', () => {}).destroy();
    opened(error, performance.now() - askedAt);
  };
  const lost = (error?: Error | boolean): void => {
    const why = error instanceof Error ? systemReason(error) : 'it hung up';
    end(fault('unreachable', `the proxy ${proxy.host} cannot be used: ${why}`));
  };
  const read = (chunk: Buffer): void => {
    come = Buffer.concat([come, chunk]);
    try {
      const head = parseResponseHead(come);
      if (head === undefined) return;
      const refusal = refusalOf(head, target);
      socket.pause();
      if (refusal === undefined && head.bytes < come.length) socket.unshift(come.subarray(head.bytes));
      end(refusal);
    } catch (error) {
      end(asHeddleError(error, 'handshake-failed'));
    }
  };
  socket.once('connect', () => {
    askedAt = performance.now();
    socket.write(connectRequest(target), 'latin1');
  });
  return socket.on('data', read).on('error', lost).on('end', lost).on('close', lost);
}

function connectRequest(target: TunnelTarget): string {
  const authority = authorityOf(target);
  const headers: [string, string][] = [['Host', authority]];
  const { username, password } = target.proxy;
  if (username !== '' || password !== '') {
    const words = [username, password].map(decodeURIComponent).join(':');
    headers.push(['Proxy-Authorization', `Basic ${Buffer.from(words).toString('base64')}`]);
  }
  return formatRequestHead('CONNECT', authority, headers);
}

function authorityOf({ baseUrl, address }: TunnelTarget): string {
  const host = address === undefined ? baseUrl.hostname : net.isIP(address) === 6 ? `[${address}]` : address;
  return `${host}:${baseUrl.port || (baseUrl.protocol === 'https:' ? 443 : 80)}`;
}

/** Why the proxy does not open the tunnel. Another dial will not change a refusal; a target that does not answer may. */
function refusalOf({ status }: ResponseHead, target: TunnelTarget): HeddleError | undefined {
  const { host } = target.proxy;
  if (status >= 200 && status < 300) return undefined;
  if (status === 407) return fault('refused', `the proxy ${host} wants a user and password; write them into its URL`);
  const answer = `the proxy ${host} does not connect to ${authorityOf(target)} (HTTP ${status})`;
  return fault(status === 403 || status === 405 ? 'refused' : 'unreachable', answer);
}

function fault(code: 'refused' | 'unreachable', text: string): HeddleError {
  return new HeddleError(code, text, { side: 'remote' });
}
