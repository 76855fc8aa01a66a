// Whom a client trusts on https routes, and what it shows to servers that ask for a certificate. Mirrors are none of it:
// they are anybody's, and get the system's authorities and no certificate.
import type { ConnectionOptions } from 'node:tls';

/** PEM texts. */
export type ClientTls = {
  /** Authorities instead of the system's. */
  readonly authorities?: string | undefined;
  /** A certificate and those between it and its authority. */
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
};

/** The same for ever, or what is asked for it at each connection: certificates are renewed. */
export type TlsSource = ClientTls | (() => ClientTls | undefined);

/** What counts now. */
export function presentTls(tls: TlsSource | undefined): ClientTls | undefined {
  return typeof tls === 'function' ? tls() : tls;
}

/** What a connection is made with. */
export function tlsOptionsOf(tls: ClientTls | undefined): Pick<ConnectionOptions, 'ca' | 'cert' | 'key'> {
  const { authorities: ca, certificate: cert, key } = tls ?? {};
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}
