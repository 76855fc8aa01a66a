// The TLS identity of a server, or of a relay towards its upstreams: which files, and that certificate and key belong
// together. What is served or dialled with it is the roles' business.
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { SecureContextOptions } from 'node:tls';
import { HeddleError } from '../errors.ts';
import type { SettingsTable } from './setting.ts';
import { path } from './text.ts';
import { systemReason } from '../system-words.ts';

/** PEM texts. */
export type TlsIdentity = {
  /** The certificate and those between it and its authority. */
  readonly certificate: string;
  readonly key: string;
  /** Only peers with a certificate of these authorities may connect. */
  readonly clientAuthorities?: string | undefined;
};

/** What a TLS server is made with, and what a reload gives it. */
export function secureOptions({ certificate, key, clientAuthorities }: TlsIdentity): SecureContextOptions {
  return { cert: certificate, key, ca: clientAuthorities, minVersion: 'TLSv1.2' };
}

/** The files of an identity, as settings name them. */
export type TlsFiles = { readonly certificate: string; readonly key: string; readonly clientAuthorities?: string };

/** The rows for who serves with the identity. */
export const SERVER_TLS: SettingsTable<TlsFiles> = {
  certificate: path({ why: 'PEM file with the certificate and those between it and its authority', required: true }),
  key: path({ why: 'PEM file with its private key', required: true }),
  clientAuthorities: path({ why: 'PEM file of authorities; only peers with a certificate of theirs may connect' }),
};

/** The rows for who dials with the identity. */
export const CLIENT_TLS: SettingsTable<Pick<TlsFiles, 'certificate' | 'key'>> = {
  certificate: SERVER_TLS.certificate,
  key: SERVER_TLS.key,
};

/** Reads the files. Throws `bad-configuration` naming the one that is wrong. */
export async function readTls(files: TlsFiles): Promise<TlsIdentity> {
  const { certificate, key, clientAuthorities } = files;
  const identity = {
    certificate: await readPem(certificate, 'certificate'),
    key: await readPem(key, 'key'),
    clientAuthorities: clientAuthorities === undefined ? undefined : await readPem(clientAuthorities, 'authorities'),
  };
  try {
    createSecureContext(secureOptions(identity));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.replaceAll(/\s+/g, ' ') : String(cause);
    const text = `the certificate ${certificate} and the key ${key} cannot be used together: ${reason}; write a pair that was made together`;
    throw new HeddleError('bad-configuration', text, { cause });
  }
  return identity;
}

/** True when a running server can go from one to the other: it goes on to speak TLS, and to ask its clients or not. */
export function canChangeTls(before: TlsIdentity | undefined, next: TlsIdentity | undefined): boolean {
  if (before === undefined || next === undefined) return false;
  return (before.clientAuthorities === undefined) === (next.clientAuthorities === undefined);
}

/** The files of an identity, to be watched. */
export function filesOf(files: Partial<TlsFiles> | undefined): string[] {
  return Object.values(files ?? {});
}

/** The text of a PEM file that holds `what`. Throws `bad-configuration`. */
export async function readPem(file: string, what: string): Promise<string> {
  let pem: string;
  try {
    pem = await readFile(file, 'utf8');
  } catch (cause) {
    throw new HeddleError(
      'bad-configuration',
      `the ${what} file "${file}" cannot be read (${systemReason(cause)}); write the path of a PEM file`,
      { cause },
    );
  }
  if (pem.includes('-----BEGIN ')) return pem;
  throw new HeddleError(
    'bad-configuration',
    `the ${what} file "${file}" is not PEM; write one that holds -----BEGIN …-----`,
  );
}
