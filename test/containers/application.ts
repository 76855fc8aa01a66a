// An application in the client's container, to which Heddle is a library: it reads one object from first byte to last, as
// fast as it comes, and tells in lines of JSON what it sees. The longest time without a byte is measured here, where it
// hurts. Runs in the image, on the library as published.
import { createHash } from 'node:crypto';
import type * as Library from '../../client/index.ts';
import type { RouteOptions, RouteReport } from '../../client/index.ts';

/** What it is asked for, as JSON in its only argument. */
export type ApplicationOrder = {
  /** The library's entry, in the container. */
  readonly library: string;
  readonly key: string;
  readonly routes: readonly RouteOptions[];
};

export type SeenRoute = Pick<RouteReport, 'name' | 'state' | 'share'> & { readonly bytes: number };

/** What it tells. */
export type ApplicationLine =
  | { readonly type: 'progress'; readonly bytes: number; readonly routes: readonly SeenRoute[] }
  | {
      readonly type: 'done';
      readonly bytes: number;
      readonly sha256: string;
      readonly verified: boolean;
      readonly seconds: number;
      readonly longestStallMs: number;
      /** Bytes read before it. */
      readonly stalledAt: number;
      readonly wasteBytes: number;
      readonly routes: readonly SeenRoute[];
    }
  | { readonly type: 'error'; readonly code: string; readonly message: string };

const PROGRESS_MS = 50;

async function read({ library, key, routes }: ApplicationOrder): Promise<void> {
  const { createClient } = (await import(library)) as typeof Library;
  const { stream, done, report } = createClient({ routes }).get(key);
  const hash = createHash('sha256');
  const begun = performance.now();
  let bytes = 0;
  let last: number | undefined;
  let told = begun;
  const stall = { ms: 0, at: 0 };
  for await (const chunk of stream) {
    const now = performance.now();
    if (last !== undefined && now - last > stall.ms) Object.assign(stall, { ms: now - last, at: bytes });
    hash.update(chunk);
    bytes += chunk.byteLength;
    // reading and telling are not waiting
    last = performance.now();
    if (now - told < PROGRESS_MS) continue;
    told = now;
    tell({ type: 'progress', bytes, routes: report().routes.map(seen) });
  }
  const { vouching, wasteBytes, routes: finally_ } = await done;
  tell({
    type: 'done',
    bytes,
    sha256: hash.digest('hex'),
    verified: vouching.verified,
    seconds: (performance.now() - begun) / 1_000,
    longestStallMs: stall.ms,
    stalledAt: stall.at,
    wasteBytes,
    routes: finally_.map(seen),
  });
}

function seen({ name, state, share, payloadBytes }: RouteReport): SeenRoute {
  return { name, state, share, bytes: payloadBytes };
}

function tell(line: ApplicationLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

try {
  await read(JSON.parse(process.argv[2] ?? '') as ApplicationOrder);
} catch (error) {
  const { code = 'internal', message } = error as Error & { code?: string };
  tell({ type: 'error', code, message });
  process.exitCode = 1;
}
