// What an origin's configuration file may say of a server that holds the objects, and how that becomes the options of a
// backend: certificates are read here, secrets where they are used, so that renewed ones count.
import { group, listOf } from '../protocol/settings/collections.ts';
import type { SettingsTable } from '../protocol/settings/setting.ts';
import type { Sources } from '../protocol/settings/sources.ts';
import { path, secret, text, webAddress, yesOrNo } from '../protocol/settings/text.ts';
import { CLIENT_TLS, filesOf, readPem, readTls } from '../protocol/settings/tls.ts';
import type { TlsFiles } from '../protocol/settings/tls.ts';
import type { HttpPlace } from './http-backend.ts';
import type { BackendOptions } from './options.ts';
import type { RemoteTls } from './remote-client.ts';
import type { S3Place } from './s3-backend.ts';
import { readSecret } from './secret-file.ts';

type TlsSettings = {
  readonly trustedCertificates?: string;
  readonly clientTls?: Pick<TlsFiles, 'certificate' | 'key'>;
};

/** The places that the file may name: one of them. */
export type BackendSettings = {
  readonly http?: Stated<Omit<HttpPlace, 'tls'>> & TlsSettings;
  readonly s3?: Stated<Omit<S3Place, 'tls'>> & TlsSettings;
};

/** Options as a file says them: what is not said is missing. */
type Stated<Options> = { readonly [Key in keyof Options]: Exclude<Options[Key], undefined> };

const PLAIN = /^[\x20-\x7e]+$/;

const TLS_SETTINGS: SettingsTable<TlsSettings> = {
  trustedCertificates: path({ why: "PEM file of authorities for https, instead of the system's" }),
  clientTls: group(CLIENT_TLS, { why: 'the certificate shown to a server that asks for one' }),
};

const HTTP_SETTINGS: SettingsTable<NonNullable<BackendSettings['http']>> = {
  url: webAddress({ why: 'base URL: what keys are appended to', required: true, base: true }),
  keys: listOf(text({ why: 'a key' }), { why: 'keys to list and to hash ahead; others can be asked for all the same' }),
  list: text({ why: 'the key of a text on that server with one key in each line' }),
  authorization: secret({
    why: 'value of the Authorization header',
    pattern: PLAIN,
    expects: 'one line of plain characters, such as "Bearer …"',
  }),
  authorizationFile: path({ why: 'file with that value' }),
  redirectHosts: listOf(
    text({ why: 'a server', pattern: /^[A-Za-z0-9.:[\]-]{1,255}$/, expects: 'HOST or HOST:PORT' }),
    { why: 'servers that it may redirect to besides itself' },
  ),
  ...TLS_SETTINGS,
};

const S3_SETTINGS: SettingsTable<NonNullable<BackendSettings['s3']>> = {
  bucket: text({
    why: 'the bucket',
    required: true,
    pattern: /^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/,
    expects: 'the name of a bucket: 3 to 63 small letters, digits, "." or "-"',
  }),
  region: text({
    why: 'its region; us-east-1 unless said',
    pattern: /^[a-z0-9-]{1,64}$/,
    expects: 'a region, such as eu-central-1',
  }),
  endpoint: webAddress({ why: "base URL of a store other than Amazon's", base: true }),
  pathStyle: yesOrNo({
    why: 'the bucket stands in the path, not in the host name; unless said, with an endpoint only',
  }),
  prefix: text({
    why: 'what the names of the objects begin with there; not part of their keys',
    expects: 'such as data/',
  }),
  accessKeyId: secret({
    why: 'who asks; without it the bucket must be public',
    pattern: PLAIN,
    expects: 'an access key id',
  }),
  accessKeyIdFile: path({ why: 'file with it' }),
  secretAccessKey: secret({ why: 'what requests are signed with', pattern: PLAIN, expects: 'a secret access key' }),
  secretAccessKeyFile: path({ why: 'file with it' }),
  sessionToken: secret({ why: 'goes with keys that expire', pattern: PLAIN, expects: 'a session token' }),
  sessionTokenFile: path({ why: 'file with it; read again within ten seconds when it is renewed' }),
  ...TLS_SETTINGS,
};

/** One row per place. */
export const BACKEND_SETTINGS: SettingsTable<BackendSettings> = {
  http: group(HTTP_SETTINGS, { why: 'objects on a web server that answers byte ranges' }),
  s3: group(S3_SETTINGS, { why: 'objects in a bucket of Amazon S3 or a store that speaks its protocol' }),
};

const SECRETS = {
  http: ['authorization'],
  s3: ['accessKeyId', 'secretAccessKey', 'sessionToken'],
} as const;

/** What no single row can know. Throws `bad-configuration` with the place. */
export function checkBackend(backend: BackendSettings, wrong: Sources<object>['wrong']): void {
  if (backend.http !== undefined && backend.s3 !== undefined) {
    throw wrong('backend.s3', 'http and s3 exclude each other; write one of them');
  }
  if (backend.http === undefined && backend.s3 === undefined) {
    throw wrong('backend', '"backend" names no place; write http: or s3: below it');
  }
  for (const type of ['http', 's3'] as const) {
    const said = (backend[type] ?? {}) as Readonly<Record<string, unknown>>;
    for (const name of SECRETS[type]) {
      if (said[name] === undefined || said[`${name}File`] === undefined) continue;
      throw wrong(`backend.${type}.${name}File`, `${name} and ${name}File exclude each other; write one of them`);
    }
  }
  const { s3 } = backend;
  if (s3 === undefined) return;
  const has = (name: 'accessKeyId' | 'secretAccessKey' | 'sessionToken'): boolean =>
    s3[name] !== undefined || s3[`${name}File`] !== undefined;
  if (has('accessKeyId') !== has('secretAccessKey') || (has('sessionToken') && !has('accessKeyId'))) {
    throw wrong(
      'backend.s3',
      'credentials are an accessKeyId and a secretAccessKey; write both, or none for a public bucket',
    );
  }
}

/** The options of the place that is named. Throws `bad-configuration` for a file that cannot be read. */
export async function backendOf({ http, s3 }: BackendSettings): Promise<BackendOptions | undefined> {
  // read again where they are used; here a mistake is found before anything is started
  const secrets = [http?.authorizationFile, s3?.accessKeyIdFile, s3?.secretAccessKeyFile, s3?.sessionTokenFile];
  for (const file of secrets) if (file !== undefined) await readSecret(file, 'secret');
  if (http !== undefined) {
    const { trustedCertificates, clientTls, ...place } = http;
    return { type: 'http', ...place, tls: await tlsOf({ trustedCertificates, clientTls }) };
  }
  if (s3 === undefined) return undefined;
  const { trustedCertificates, clientTls, ...place } = s3;
  return { type: 's3', ...place, tls: await tlsOf({ trustedCertificates, clientTls }) };
}

/** Files that a change of means something to be read again. Secrets are read again where they are used. */
export function filesOfBackend({ http, s3 }: BackendSettings): string[] {
  const said = http ?? s3;
  return [said?.trustedCertificates ?? [], filesOf(said?.clientTls)].flat();
}

async function tlsOf(said: {
  readonly trustedCertificates: string | undefined;
  readonly clientTls: TlsSettings['clientTls'];
}): Promise<RemoteTls | undefined> {
  if (said.trustedCertificates === undefined && said.clientTls === undefined) return undefined;
  const authorities =
    said.trustedCertificates === undefined ? undefined : await readPem(said.trustedCertificates, 'authorities');
  const { certificate, key } = said.clientTls === undefined ? {} : await readTls(said.clientTls);
  return { authorities, certificate, key };
}
