// The `s3` backend: objects of one bucket, below a prefix if need be, at any store that speaks S3's protocol. Requests
// are signed with Signature Version 4 when there are credentials. An object there is replaced as a whole, never written
// in place, so If-Match is all that a read needs.
import { AwsV4Signer } from 'aws4fetch';
import { asHeddleError, HeddleError } from '../protocol/errors.ts';
import { encodeKey } from '../protocol/paths.ts';
import type { Backend, ObjectEntry } from './backend.ts';
import type { RemoteObserver } from './http-backend.ts';
import type { OriginTuning } from './options.ts';
import { remoteBackend } from './remote-backend.ts';
import { RemoteClient } from './remote-client.ts';
import type { RemoteRequest, RemoteTls } from './remote-client.ts';
import { ask, failed } from './remote-place.ts';
import type { RemotePlace } from './remote-place.ts';
import { pauseOf, withReason } from './remote-range.ts';
import { errorCodeIn, parseListing } from './s3-listing.ts';
import type { ListingPage } from './s3-listing.ts';
import { openSecret } from './secret-file.ts';

/** Where the bucket is, and who asks. */
export type S3Place = {
  readonly bucket: string;
  readonly region?: string | undefined;
  /** Base URL of a store other than Amazon's. */
  readonly endpoint?: string | undefined;
  /** The bucket stands in the path, not in the host name; unless said, with an endpoint only. */
  readonly pathStyle?: boolean | undefined;
  /** What keys in the bucket begin with; not part of the keys that are served. */
  readonly prefix?: string | undefined;
  readonly accessKeyId?: string | undefined;
  readonly accessKeyIdFile?: string | undefined;
  readonly secretAccessKey?: string | undefined;
  readonly secretAccessKeyFile?: string | undefined;
  readonly sessionToken?: string | undefined;
  readonly sessionTokenFile?: string | undefined;
  readonly tls?: RemoteTls | undefined;
};

/** The region when none is given. */
const DEFAULT_REGION = 'us-east-1';

/** Longest page of a listing that is read, bytes: a thousand of the longest keys, each byte encoded. */
const MOST_PAGE_BYTES = 8_388_608;

/** What a store says that no waiting will cure. */
const HOPELESS: Readonly<Record<string, string>> = {
  InvalidAccessKeyId: 'it does not know the access key; write another accessKeyId',
  SignatureDoesNotMatch: 'the secret access key is not that of the access key; write another secretAccessKey',
  InvalidToken: 'it does not take the session token; write a newer sessionToken',
  NoSuchBucket: 'it has no such bucket; write another bucket',
  PermanentRedirect: 'the bucket is in another region; write its region, or its endpoint',
  AuthorizationHeaderMalformed: 'the bucket is in another region; write its region',
};

/** Serves a bucket. Throws `bad-configuration` when the store says that bucket or credentials are wrong. */
export async function openS3Backend(
  options: S3Place,
  tuning: OriginTuning,
  log: (line: string) => void,
  observe: RemoteObserver = () => {},
): Promise<Backend> {
  const { bucket, region = DEFAULT_REGION, prefix = '' } = options;
  const base = bucketAddress(options);
  const sign = await signerOf(options, region);
  const place: RemotePlace = {
    name: `${base.host}, bucket ${bucket}`,
    client: new RemoteClient(tuning, options.tls ?? {}),
    tuning,
    urlOf: (key) => new URL(base.pathname + encodeKey(prefix + key), base),
    credentials: sign,
    redirectHosts: undefined,
    changesInPlace: false,
    reasonIn: errorCodeIn,
    observe,
  };
  const lists: RemotePlace = { ...place, urlOf: (query) => new URL(query === '' ? '' : `?${query}`, base) };
  try {
    await listPage(lists, { prefix, 'max-keys': '1' });
  } catch (error) {
    const { code, message } = asHeddleError(error);
    if (code !== 'read-failed') {
      await place.client.close();
      throw error;
    }
    log(`the objects cannot be listed now: ${message}`);
  }
  return remoteBackend(place, `s3:${base.href}${prefix}`, (filter) => list(lists, prefix, filter));
}

async function* list(
  lists: RemotePlace,
  before: string,
  { prefix, after }: { readonly prefix: string; readonly after: string },
): AsyncGenerator<ObjectEntry> {
  const query: Record<string, string> = { prefix: before + prefix };
  if (after !== '') query['start-after'] = before + after;
  for (;;) {
    const { objects, next } = await listPage(lists, query);
    for (const { key, size, etag, modified } of objects) {
      if (key.startsWith(before + prefix)) {
        yield { key: key.slice(before.length), stat: { size, modified, version: `${size} ${etag}` } };
      }
    }
    if (next === undefined) return;
    query['continuation-token'] = next;
  }
}

async function listPage(lists: RemotePlace, query: Readonly<Record<string, string>>): Promise<ListingPage> {
  const { backendAttempts, backendReadMs } = lists.tuning;
  const deadline = performance.now() + backendReadMs;
  for (let attempt = 1; ; attempt += 1) {
    const pieces: Buffer[] = [];
    let bytes = 0;
    const outcome = await ask(lists, {
      key: String(new URLSearchParams({ 'list-type': '2', 'encoding-type': 'url', ...query })),
      method: 'GET',
      headers: {},
      deadline,
      onHead: ({ status }) => {
        if (status !== 200) return undefined;
        return (piece) => {
          pieces.push(Buffer.from(piece));
          bytes += piece.length;
          return bytes <= MOST_PAGE_BYTES;
        };
      },
    });
    if (outcome.type === 'answered') {
      const { status } = outcome.head;
      const page = status === 200 ? parseListing(Buffer.concat(pieces).toString()) : undefined;
      if (page !== undefined) return page;
      const hopeless = HOPELESS[outcome.reason ?? ''];
      if (hopeless !== undefined) throw new HeddleError('bad-configuration', `${lists.name}: ${hopeless}`);
      const text = status === 200 ? 'it sent no listing' : withReason(`it answered ${status}`, outcome);
      if (attempt >= backendAttempts || pauseOf(outcome.head) === undefined) throw failed(lists, `the list: ${text}`);
    } else if (attempt >= backendAttempts) throw failed(lists, `the list: ${outcome.reason}`);
  }
}

/** The base URL of the bucket's objects. */
export function bucketAddress(options: S3Place): URL {
  const { bucket, region = DEFAULT_REGION, endpoint, pathStyle = endpoint !== undefined } = options;
  const base = new URL(endpoint ?? `https://s3.${region}.amazonaws.com`);
  if (!pathStyle) base.hostname = `${bucket}.${base.hostname}`;
  const path = base.pathname.replace(/\/$/, '');
  base.pathname = pathStyle ? `${path}/${encodeURIComponent(bucket)}/` : `${path}/`;
  return base;
}

/** Without credentials nothing is signed: the bucket must be public. */
async function signerOf(options: S3Place, region: string): Promise<RemotePlace['credentials']> {
  const accessKeyId = await openSecret(options.accessKeyId, options.accessKeyIdFile, 'access key id');
  const secretAccessKey = await openSecret(options.secretAccessKey, options.secretAccessKeyFile, 'secret access key');
  const sessionToken = await openSecret(options.sessionToken, options.sessionTokenFile, 'session token');
  if (accessKeyId === undefined || secretAccessKey === undefined) return async () => ({});
  const cache = new Map<string, ArrayBuffer>();
  return async ({ method, url, headers }: RemoteRequest) => {
    const token = sessionToken === undefined ? {} : { sessionToken: await sessionToken() };
    const keys = { accessKeyId: await accessKeyId(), secretAccessKey: await secretAccessKey(), ...token };
    // an old key must not be kept for ever
    if (cache.size > MOST_CACHED_KEYS) cache.clear();
    // what stands between may change what it accepts; a range is never signed
    const { 'accept-encoding': _, ...lasting } = headers;
    const signer = new AwsV4Signer({ method, url: url.href, headers: lasting, service: 's3', region, cache, ...keys });
    const signed = await signer.sign();
    return Object.fromEntries(signed.headers);
  };
}

/** Derived keys, one for each day and secret. */
const MOST_CACHED_KEYS = 16;
