// An object store in memory that speaks S3's protocol and is strict about it: every request is signed, and the signature
// is computed here again from RFC-like first principles; every read says which version it wants; pages are short. As a
// plain web server (`open`) it asks for no signature and lists nothing.
import { createHash, createHmac } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerRange, startScripted } from './mirrors.ts';
import type { MirrorServer } from './mirrors.ts';

/** Who may ask. */
export const KEYS = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'secret/of+the=store',
  region: 'eu-test-1',
} as const;

export const BUCKET = 'bucket';

/** Objects on a page of a listing. */
const PAGE = 3;

export type StrictStore = MirrorServer & {
  readonly objects: Map<string, { readonly bytes: Buffer; readonly modified: number }>;
  /** METHOD PATH of every request. */
  readonly asked: string[];
  /** What was wrong with requests. */
  readonly complaints: string[];
  /** Bytes of bodies of objects. */
  sentBytes(): number;
  /** Whether it answers 503 to everything. */
  setDown(isDown: boolean): void;
};

/** Starts a store; `open` makes it a plain web server. */
export async function startStrictStore(kind: 's3' | 'open' = 's3'): Promise<StrictStore> {
  const objects: StrictStore['objects'] = new Map();
  const asked: string[] = [];
  const complaints: string[] = [];
  let sent = 0;
  let down = false;
  const server = await startScripted((request, response, range) => {
    const url = new URL(request.url ?? '', 'http://x');
    asked.push(`${request.method} ${url.pathname}`);
    if (down) return answerError(response, 503, 'SlowDown');
    const refuse = (status: number, code: string): void => {
      complaints.push(`${request.method} ${request.url}: ${code}`);
      answerError(response, status, code);
    };
    if (kind === 's3') {
      const fault = signatureFault(request, url);
      if (fault !== undefined) return refuse(403, fault);
    }
    const root = kind === 's3' ? `/${BUCKET}/` : '/';
    if (!url.pathname.startsWith(root)) return refuse(404, 'NoSuchBucket');
    if (kind === 's3' && url.pathname === root) return answerList(response, url.searchParams, objects);
    const object = objects.get(decodeURIComponent(url.pathname.slice(root.length)));
    if (object === undefined) return answerError(response, 404, 'NoSuchKey');
    const etag = `"${createHash('md5').update(object.bytes).digest('hex')}"`;
    const headers = { ETag: etag, 'Last-Modified': new Date(object.modified).toUTCString() };
    if (request.method === 'HEAD') {
      response.writeHead(200, { ...headers, 'Content-Length': object.bytes.length }).end();
      return;
    }
    const wanted = request.headers['if-match'];
    if (range !== undefined && wanted === undefined) return refuse(428, 'PreconditionRequired');
    if (wanted !== undefined && wanted !== etag) return answerError(response, 412, 'PreconditionFailed');
    sent += range === undefined ? object.bytes.length : range.last - range.first + 1;
    answerRange(response, object.bytes, range, headers);
  });
  return { ...server, objects, asked, complaints, sentBytes: () => sent, setDown: (is) => void (down = is) };
}

function answerError(response: ServerResponse, status: number, code: string): void {
  response
    .writeHead(status, { 'Content-Type': 'application/xml' })
    .end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>&lt;no&gt;</Message></Error>`);
}

function answerList(response: ServerResponse, query: URLSearchParams, objects: StrictStore['objects']): void {
  if (query.get('list-type') !== '2') return answerError(response, 400, 'InvalidArgument');
  const prefix = query.get('prefix') ?? '';
  const after = query.get('continuation-token') ?? query.get('start-after') ?? '';
  const order = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
  const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && order(key, after) > 0).sort(order);
  const page = keys.slice(0, Math.min(PAGE, Number(query.get('max-keys') ?? PAGE)));
  const contents = page.map((key) => {
    const { bytes, modified } = objects.get(key) ?? { bytes: Buffer.alloc(0), modified: 0 };
    const etag = createHash('md5').update(bytes).digest('hex');
    return `<Contents><Key>${encodeURIComponent(key)}</Key><LastModified>${new Date(modified).toISOString()}</LastModified><ETag>&quot;${etag}&quot;</ETag><Size>${bytes.length}</Size><StorageClass>STANDARD</StorageClass></Contents>`;
  });
  const more = keys.length > page.length;
  const next = more ? `<NextContinuationToken>${escaped(page.at(-1) ?? '')}</NextContinuationToken>` : '';
  response
    .writeHead(200, { 'Content-Type': 'application/xml' })
    .end(
      `<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>${BUCKET}</Name><Prefix>${encodeURIComponent(prefix)}</Prefix><EncodingType>url</EncodingType><IsTruncated>${more}</IsTruncated>${next}${contents.join('')}</ListBucketResult>`,
    );
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** What is wrong with the signature of a request, as the store would say it. */
function signatureFault({ method, headers }: IncomingMessage, url: URL): string | undefined {
  const [, keyId, date, region, names, given] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? '',
    ) ?? [];
  if (keyId === undefined || date === undefined || names === undefined) return 'AccessDenied';
  if (keyId !== KEYS.accessKeyId) return 'InvalidAccessKeyId';
  if (region !== KEYS.region) return 'AuthorizationHeaderMalformed';
  const signed = names.split(';');
  if (!signed.includes('host') || !signed.includes('x-amz-date') || signed.includes('accept-encoding')) {
    return 'AccessDenied';
  }
  if (headers['if-match'] !== undefined && !signed.includes('if-match')) return 'AccessDenied';
  const path = url.pathname
    .split('/')
    .map((part) => strictly(decodeURIComponent(part)))
    .join('/');
  const query = [...url.searchParams]
    .map(([name, value]) => `${strictly(name)}=${strictly(value)}`)
    .sort()
    .join('&');
  const canonical = [
    method,
    path,
    query,
    ...signed.map((name) => `${name}:${String(headers[name]).trim()}`),
    '',
    names,
    headers['x-amz-content-sha256'],
  ].join('\n');
  const time = String(headers['x-amz-date']);
  const scope = `${date}/${region}/s3/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', time, scope, createHash('sha256').update(canonical).digest('hex')].join('\n');
  const mac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
  const key = [date, region, 's3', 'aws4_request'].reduce<string | Buffer>(mac, `AWS4${KEYS.secretAccessKey}`);
  return mac(key, toSign).toString('hex') === given ? undefined : 'SignatureDoesNotMatch';
}

function strictly(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}
