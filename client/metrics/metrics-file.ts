// Metrics in a file for the textfile collector of the node exporter: what a program that has ended cannot be asked for.
// Whoever reads it sees a whole file or the one before. What is in it is client-metrics.ts.
import { rename, rm, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { HeddleError } from '../../protocol/errors.ts';
import { packageVersion } from '../../protocol/metrics/package-version.ts';
import { createClientMetrics } from './client-metrics.ts';
import { systemReason } from '../../protocol/system-words.ts';

/** A file that is written now and then, and a last time when it is closed. */
export type MetricsFile = {
  /** Writes the last figures. Throws `local-io`. */
  close(): Promise<void>;
};

/** How often a long download tells how far it is, ms: node exporters are asked every 15 s to a minute. */
const WRITE_MS = 10_000;

/**
 * Begins to count, and writes to `path` at once, so that what cannot be written is known before anything is fetched. Every
 * line has the file's name, without .prom, as the label `task`: files of several tasks must not say the same twice.
 * Throws `local-io`.
 */
export async function openMetricsFile(path: string): Promise<MetricsFile> {
  const labels = { task: basename(path).replace(/\.prom$/, '') };
  // of the process the node exporter tells its own
  await using stack = new AsyncDisposableStack();
  const metrics = stack.use(createClientMetrics({ version: packageVersion(), withProcess: false, labels }));
  const write = async (): Promise<void> => replace(path, await metrics.text());
  await write();
  let writing: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    writing = writing.then(write).catch(() => undefined);
  }, WRITE_MS);
  timer.unref();
  const owned = stack.move();
  return {
    close: async () => {
      clearInterval(timer);
      await writing;
      try {
        await write();
      } finally {
        await owned.disposeAsync();
      }
    },
  };
}

async function replace(path: string, text: string): Promise<void> {
  // not *.prom, which is what collectors look for
  const beside = `${path}.${process.pid}.tmp`;
  try {
    // collectors run as somebody else
    await writeFile(beside, text, { mode: 0o644 });
    await rename(beside, path);
  } catch (cause) {
    await rm(beside, { force: true }).catch(() => undefined);
    throw new HeddleError(
      'local-io',
      `cannot write the metrics to ${path} (${systemReason(cause)}); its folder must exist`,
      {
        cause,
      },
    );
  }
}
