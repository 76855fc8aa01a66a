// An origin that hashes a folder: when it listens, when all is indexed, and what that took.
import { setTimeout as sleep } from 'node:timers/promises';
import type { LoopbackServer } from '../data-plane/loopback-servers.ts';
import type { Workbench } from '../data-plane/workbench.ts';
import { accepts, freePort, LOOPBACK, untilListening } from '../machine/ports.ts';
import { readBytes, threadSeconds, usageOf } from '../machine/usage.ts';

/** Each look is a page of metrics, which costs the origin something. */
const LOOK_MS = 200;

/** A running one. */
export type IndexingOrigin = LoopbackServer & {
  /** Seconds from its start on. */
  readonly listenedAfter: number;
  /** Without what a start takes that serves nothing. */
  cpuSeconds(): number;
  peakMegabytes(): number;
  /** Bytes that it has read so far: those of objects, and little else. */
  readBytes(): number;
  untilIndexed(): Promise<void>;
  stop(): Promise<void>;
};

/** Starts one; it ends with `scope` at the latest. */
export async function startIndexing(
  scope: DisposableStack,
  bench: Workbench,
  dir: string,
  state: string,
): Promise<IndexingOrigin> {
  const [port, admin] = [await freePort(), await freePort()];
  const flags = ['--dir', dir, '--listen', `${LOOPBACK}:${port}`, '--admin', `${LOOPBACK}:${admin}`, '--state', state];
  const startedAt = performance.now();
  const child = bench.start(scope, 'origin', bench.heddle('origin', ...flags));
  await untilListening(child, () => accepts(admin));
  const listenedAfter = (performance.now() - startedAt) / 1_000;
  return {
    url: `http://${LOOPBACK}:${port}`,
    port,
    pid: child.pid,
    listenedAfter,
    cpuSeconds: () => threadSeconds(child.pid) ?? Number.NaN,
    peakMegabytes: () => (usageOf(child.pid)?.peakBytes ?? Number.NaN) / 1e6,
    readBytes: () => readBytes(child.pid) ?? Number.NaN,
    untilIndexed: async () => {
      while (!/^heddle_origin_index_complete 1$/m.test(await answered(`http://${LOOPBACK}:${admin}/metrics`))) {
        await sleep(LOOK_MS);
      }
    },
    stop: async () => {
      child.kill('SIGTERM');
      await child.exit;
    },
  };
}

/** The text that a URL answers with; throws where it refuses. */
export async function answered(url: string): Promise<string> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return await response.text();
}
