// An agent for plain requests to a route that leave the machine as its channels do: bound to its local address, to its pinned
// address, with its TLS, through its proxy.
import type Http from 'node:http';
import type net from 'node:net';
import type Tls from 'node:tls';
import { bareHost } from '../../protocol/host.ts';
import { tlsOptionsOf } from './client-tls.ts';
import { openTunnelThrough } from './connect-proxy.ts';
import type { DialTarget } from './dial.ts';
import { localOptions } from './local-address.ts';
import { pinnedLookup } from './pinned-address.ts';

type Connected = (error: Error | null, socket?: net.Socket) => void;

/** The agent; whoever makes it destroys it, unless it keeps no connection (`keepAlive`). */
export function plainAgent(
  target: DialTarget,
  options: Pick<Http.AgentOptions, 'keepAlive' | 'maxSockets'>,
): Http.Agent {
  const { baseUrl, localAddress, address, proxy } = target;
  const { Agent } = process.getBuiltinModule(baseUrl.protocol === 'https:' ? 'node:https' : 'node:http');
  const way = { ...localOptions(localAddress, baseUrl.hostname), ...pinnedLookup(address) };
  const agent = new Agent({ ...options, ...way });
  if (proxy !== undefined) {
    Object.assign(agent, {
      createConnection: (_options: unknown, connected: Connected) => connectThrough({ ...target, proxy }, connected),
    });
  } else if (baseUrl.protocol === 'https:') {
    const { connect } = process.getBuiltinModule('node:tls');
    Object.assign(agent, {
      // the certificates of now
      createConnection: (wish: Tls.ConnectionOptions) => connect({ ...wish, ...tlsOptionsOf(target.tls) }),
    });
  }
  return agent;
}

/** A connection to the target of a tunnel, with TLS inside it for an https URL. */
export function connectThrough(target: DialTarget & { readonly proxy: URL }, connected: Connected): void {
  const { baseUrl, tls } = target;
  const raw = openTunnelThrough(target, (error) => {
    if (error !== undefined) return connected(error);
    if (baseUrl.protocol !== 'https:') {
      connected(null, raw);
      raw.resume();
      return undefined;
    }
    const secure = secureTunnel(raw, baseUrl, tlsOptionsOf(tls));
    const failed = (cause: Error): void => connected(cause);
    secure.once('error', failed).once('secureConnect', () => connected(null, secure.off('error', failed)));
    return undefined;
  });
}

/** TLS inside an open tunnel. */
export function secureTunnel(raw: net.Socket, baseUrl: URL, options: Tls.ConnectionOptions): Tls.TLSSocket {
  const { connect } = process.getBuiltinModule('node:tls');
  const host = bareHost(baseUrl.hostname);
  const name = process.getBuiltinModule('node:net').isIP(host) === 0 ? { servername: host } : {};
  return connect({ ...options, ...name, host, socket: raw, ALPNProtocols: ['http/1.1'] });
}
