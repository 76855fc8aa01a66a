// s3rver as it is published: an object store over a folder of its own, in this process, with one bucket.
import { createRequire } from 'node:module';
import { AwsClient } from 'aws4fetch';
import { BUCKET } from './strict-store.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** What the tests use of s3rver, which brings no types. */
type S3rver = { run(): Promise<{ readonly port: number }>; close(): Promise<void> };
type S3rverOptions = {
  readonly address: string;
  readonly port: number;
  readonly silent: boolean;
  readonly directory: string;
  readonly vhostBuckets: boolean;
  readonly configureBuckets: readonly { readonly name: string; readonly configs: readonly string[] }[];
};

/** Who s3rver knows. */
export const S3RVER_KEYS = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' } as const;

export type S3rverStore = AsyncDisposable & {
  readonly url: string;
  put(key: string, bytes: Uint8Array | string): Promise<void>;
  remove(key: string): Promise<void>;
};

/** Starts it. */
export async function startS3rver(): Promise<S3rverStore> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const Server = createRequire(import.meta.url)('s3rver') as new (options: S3rverOptions) => S3rver;
  const server = new Server({
    address: '127.0.0.1',
    port: 0,
    silent: true,
    directory: folder.path,
    vhostBuckets: false,
    configureBuckets: [{ name: BUCKET, configs: [] }],
  });
  const { port } = await server.run();
  stack.defer(() => server.close());
  const url = `http://127.0.0.1:${port}`;
  const client = new AwsClient({ ...S3RVER_KEYS, service: 's3', region: 'us-east-1', retries: 0 });
  const send = async (method: string, key: string, body?: Buffer<ArrayBuffer>): Promise<void> => {
    const path = key.split('/').map(encodeURIComponent).join('/');
    const answer = await client.fetch(`${url}/${BUCKET}/${path}`, { method, ...(body === undefined ? {} : { body }) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`s3rver: ${method} ${key}: ${answer.status} ${text}`);
  };
  const owned = stack.move();
  return {
    url,
    put: (key, bytes) => send('PUT', key, Buffer.from(bytes as string)),
    remove: (key) => send('DELETE', key),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
