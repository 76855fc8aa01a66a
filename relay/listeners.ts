// The listening sockets of a relay: opens both or none, and says where they are.
import type { Server as TlsServer } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import { bracketedHost } from '../protocol/host.ts';
import { listenFault } from '../protocol/listen-fault.ts';
import type { ListenAddress } from '../protocol/settings/text.ts';
import { secureOptions } from '../protocol/settings/tls.ts';
import type { TlsIdentity } from '../protocol/settings/tls.ts';
import type { RelayContext } from './context.ts';
import { createAdminServer, createPublicServer } from './server.ts';

export type Listeners = {
  readonly url: string;
  readonly port: number;
  readonly adminUrl: string | undefined;
  /** Ends all plain connections at once; upgraded ones are not the servers' any more. */
  dropConnections(): void;
  /** Accepted sockets of the public listener, idle ones included. */
  setMaxConnections(count: number): void;
  /** New connections are served with this certificate; only where TLS was spoken from the start. */
  setTls(identity: TlsIdentity): void;
  /** Accepted sockets of the public listener open now. */
  connections(): Promise<number>;
  close(): Promise<void>;
};

/** Listens; throws `local-io` when an address is not to be had. */
export async function startListening(
  context: RelayContext,
  options: { listen: ListenAddress; admin?: ListenAddress | undefined; tls?: TlsIdentity | undefined },
): Promise<Listeners> {
  const { listen, admin, tls } = options;
  const publicServer = createPublicServer(context, tls);
  const adminServer = admin === undefined ? undefined : createAdminServer(context);
  const close = async (): Promise<void> => {
    await Promise.all([publicServer.close(), adminServer?.close()]);
  };
  try {
    await listenOn(publicServer, listen);
    if (adminServer !== undefined && admin !== undefined) await listenOn(adminServer, admin);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    url: urlOf(publicServer, listen, tls === undefined ? 'http' : 'https'),
    port: portOf(publicServer),
    adminUrl: adminServer === undefined || admin === undefined ? undefined : urlOf(adminServer, admin, 'http'),
    dropConnections: () => {
      publicServer.server.closeAllConnections();
      adminServer?.server.closeAllConnections();
    },
    setMaxConnections: (count) => {
      publicServer.server.maxConnections = count;
    },
    connections: () => connectionsOf(publicServer),
    setTls: (identity) => (publicServer.server as unknown as TlsServer).setSecureContext(secureOptions(identity)),
    close,
  };
}

async function listenOn(server: FastifyInstance, { host, port }: ListenAddress): Promise<void> {
  try {
    await server.listen({ host, port });
  } catch (cause) {
    throw listenFault(`${host}:${port}`, cause);
  }
}

async function connectionsOf({ server }: FastifyInstance): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  server.getConnections((error, count) => resolve(error === null ? count : 0));
  return promise;
}

function urlOf(server: FastifyInstance, { host }: ListenAddress, scheme: string): string {
  return `${scheme}://${bracketedHost(host)}:${portOf(server)}`;
}

function portOf({ server }: FastifyInstance): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
