// Whether a file that is there already is the whole object: its root is compared with that of the object's manifest, which
// comes, signed and checked, with one segment. So a download of several goes on where it stopped without trusting a list.
import type { Stats } from 'node:fs';
import { formatRoot } from '../../protocol/manifest.ts';
import type { Client, TransferOptions } from '../client.ts';
import { rootOfFile } from '../io/file-root.ts';
import type { SessionReport } from '../io/report.ts';
import { nowhere } from '../io/nowhere-sink.ts';

/** The report of a transfer that had nothing to bring; undefined when the object has to be fetched, or that shows why not. */
export async function provenFile(
  client: Client,
  key: string,
  path: string,
  there: Stats,
  transfer: TransferOptions & { readonly signal: AbortSignal },
): Promise<SessionReport | undefined> {
  if (!there.isFile() || there.size === 0) return undefined;
  try {
    const report = await client.into(key, nowhere(), { ...transfer, range: { first: 0, last: 0 } }).done;
    const { manifest } = report;
    if (manifest?.size !== there.size) return undefined;
    const found = await unlessAborted(rootOfFile(path), transfer.signal);
    if (found === undefined || formatRoot(found.root) !== manifest.root) return undefined;
    return { ...report, bytes: there.size, resumedBytes: there.size };
  } catch {
    // the download itself says what is wrong
    return undefined;
  }
}

/** What `result` gives; undefined as soon as `signal` aborts: reading a large file takes its time. */
async function unlessAborted<Result>(result: Promise<Result>, signal: AbortSignal): Promise<Result | undefined> {
  if (signal.aborted) return undefined;
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const abort = (): void => resolve(undefined);
  signal.addEventListener('abort', abort);
  try {
    return await Promise.race([result, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
