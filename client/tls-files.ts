// The files of a client's TLS, named by flags or by the configuration, read and checked: flags win.
import { HeddleError } from '../protocol/errors.ts';
import { fromNamedFile } from '../protocol/settings/named-file.ts';
import type { Sources } from '../protocol/settings/sources.ts';
import { readPem, readTls } from '../protocol/settings/tls.ts';
import type { TlsFiles } from '../protocol/settings/tls.ts';
import type { ClientTls } from './io/client-tls.ts';

/** The flags about it. */
export type TlsFlags = {
  readonly ca?: string;
  readonly clientCert?: string;
  readonly clientKey?: string;
};

/** What the configuration says of it. */
export type TlsSettings = {
  readonly trustedCertificates?: string;
  readonly tls?: Pick<TlsFiles, 'certificate' | 'key'>;
};

/** Reads the files; undefined when none is named. Throws `usage` or `bad-configuration`. */
export async function clientTlsOf(
  { ca, clientCert: certificate, clientKey: key }: TlsFlags,
  sources: Sources<TlsSettings> | undefined,
): Promise<ClientTls | undefined> {
  if ((certificate === undefined) !== (key === undefined)) {
    throw new HeddleError('usage', 'a client certificate is two files: --client-cert FILE --client-key FILE');
  }
  const { trustedCertificates, tls } = sources?.values ?? {};
  const trusted = ca ?? trustedCertificates;
  const identity = certificate === undefined || key === undefined ? tls : { certificate, key };
  if (trusted === undefined && identity === undefined) return undefined;
  const authorities = await fromNamedFile(ca === undefined ? sources : undefined, 'trustedCertificates', async () =>
    trusted === undefined ? undefined : await readPem(trusted, 'authorities'),
  );
  const shown = await fromNamedFile(identity === tls ? sources : undefined, 'tls', async () =>
    identity === undefined ? undefined : await readTls(identity),
  );
  return { authorities, certificate: shown?.certificate, key: shown?.key };
}
