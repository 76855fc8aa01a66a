// One download that is killed at a given moment and taken up again: what was on disk by then, what was fetched once more,
// and whether the file is right in the end. Used by the quick tests and by the long campaign.
import { open, rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { PART_SUFFIX } from '../../client/io/file-sink.ts';
import { SYNC_MS } from '../../client/io/part-journal.ts';
import { LEAF_BYTES } from '../../protocol/limits.ts';
import { sha256Of, sha256OfFile } from '../support/object-bytes.ts';
import { processorWaitMs } from '../support/processor-wait.ts';
import { heddle, startProgram } from '../support/program.ts';
import { lastLine } from '../support/world.ts';

/** What to interrupt, and when. */
export type Interruption = {
  readonly key: string;
  readonly content: Buffer;
  readonly output: string;
  readonly routes: readonly string[];
  /** What all routes carry together, bytes per second: what one sync interval can cost. */
  readonly bytesPerSecond: number;
  /** ms from the start of each program until it is killed. */
  readonly killAfterMs: readonly number[];
};

/** How it went. All in bytes. */
export type Aftermath = {
  /** Right and on disk when the last program was killed. */
  readonly had: number;
  readonly resumed: number;
  readonly fetchedAgain: number;
  /** Most that may have been fetched again: 2 % of what was there, and a sync interval. */
  readonly allowed: number;
  /** What may come on top of that, for the killed programs were kept from running, and so from syncing. */
  readonly allowedForWaiting: number;
  readonly right: boolean;
  readonly code: number | null;
};

/** Part of what is there that may be fetched again. */
const MOST_AGAIN = 0.02;
/** A sync takes its time, and the clock of a busy machine jumps: intervals that one may look like. */
const INTERVALS = 1.5;

/** Kills, resumes, compares. */
export async function interrupt(order: Interruption): Promise<Aftermath> {
  const { key, content, output, routes, killAfterMs } = order;
  const args = ['get', key, '-o', output, '--json', ...routes];
  await rm(output, { force: true });
  let ended = false;
  let waitedMs = 0;
  for (const ms of killAfterMs) {
    await using program = startProgram(args);
    await Promise.race([delay(ms), program.ended]);
    ended ||= !program.running;
    waitedMs += processorWaitMs(program.pid);
    program.signal('SIGKILL');
    await program.ended;
  }
  const had = ended ? content.length : await rightBytes(output + PART_SUFFIX, content);
  const outcome = await heddle(args);
  const done = lastLine(outcome);
  const resumed = done.type === 'done' ? done.resumedBytes : 0;
  const fetched = done.type === 'done' ? done.routes.reduce((sum, { bytes }) => sum + bytes, 0) : Number.NaN;
  return {
    had,
    resumed,
    fetchedAgain: ended ? 0 : fetched - (content.length - had),
    allowed: MOST_AGAIN * had + (INTERVALS * SYNC_MS * order.bytesPerSecond) / 1_000,
    allowedForWaiting: Math.round((waitedMs * order.bytesPerSecond) / 1_000),
    right: outcome.code === 0 && (await sha256OfFile(output)) === sha256Of(content),
    code: outcome.code,
  };
}

/** Bytes of whole leaves that are on disk as they should be. */
export async function rightBytes(part: string, content: Buffer): Promise<number> {
  await using file = await open(part).catch(() => undefined);
  if (file === undefined) return 0;
  const leaf = Buffer.alloc(LEAF_BYTES);
  let right = 0;
  for (let at = 0; at < content.length; at += LEAF_BYTES) {
    const expected = content.subarray(at, at + LEAF_BYTES);
    const { bytesRead } = await file.read(leaf, 0, expected.length, at);
    if (bytesRead === expected.length && leaf.subarray(0, bytesRead).equals(expected)) right += bytesRead;
  }
  return right;
}
