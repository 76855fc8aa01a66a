// The yardstick: the whole object by one ordinary HTTP GET over one route, as any download program does it, hashed as it
// comes. Nothing of Heddle's client takes part.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { HeddleError } from '../../protocol/errors.ts';

/** What came, in how long, and its SHA-256, hex. */
export type PlainResult = { readonly bytes: number; readonly ms: number; readonly sha256: string };

/** Fetches `url`; `progress` is told the bytes so far. Throws `connection-lost` or `refused`. */
export async function plainGet(
  url: string,
  progress: (bytes: number) => void,
  signal: AbortSignal,
): Promise<PlainResult> {
  const begun = performance.now();
  const [response] = (await once(get(url, { agent: false, signal }), 'response', { signal })) as [IncomingMessage];
  if (response.statusCode !== 200) {
    response.resume();
    throw new HeddleError('refused', `the plain GET was answered with ${response.statusCode}`, { side: 'remote' });
  }
  const hash = createHash('sha256');
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    hash.update(chunk);
    bytes += chunk.length;
    progress(bytes);
  });
  await once(response, 'end', { signal });
  return { bytes, ms: performance.now() - begun, sha256: hash.digest('hex') };
}
