// A folder with files and an origin that serves it, gone at the end of the test. Bytes follow from a seed, so that every
// segment of every file differs.
import { createCipheriv, createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import { startOrigin } from '../../origin/main.ts';
import type { RunningOrigin } from '../../origin/main.ts';
import type { OriginOptions, OriginTuning } from '../../origin/options.ts';

/** `size` bytes that follow from `seed`; no two segments are alike. */
export function bytesOf(size: number, seed = 'a'): Buffer {
  const key = createHash('sha256').update(seed).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size));
}

/** Modification time of the files that a world begins with, seconds since 1970. */
export const LONG_AGO = 1_600_000_000;

/** A temporary folder with a served folder in it, and what it takes to start origins on it. */
export type World = {
  /** The served folder. */
  readonly dir: string;
  readonly stateDir: string;
  /** Every line an origin of this world logged. */
  readonly lines: string[];
  write(key: string, bytes: Uint8Array | string): Promise<string>;
  /** Starts an origin with short time limits; it is closed with the world at the latest. */
  start(tuning?: Partial<OriginTuning>, options?: Partial<OriginOptions>): Promise<RunningOrigin>;
  [Symbol.asyncDispose](): Promise<void>;
};

/** Makes a world with these files. */
export async function makeWorld(files: Readonly<Record<string, Uint8Array | string>> = {}): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'heddle-origin-'));
  const opened = new AsyncDisposableStack();
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  const dir = join(folder, 'served');
  const stateDir = join(folder, 'state');
  const lines: string[] = [];
  await mkdir(dir);
  const write = async (key: string, bytes: Uint8Array | string): Promise<string> => {
    const file = join(dir, key);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, bytes);
    return file;
  };
  // Old, so that whatever a test does to a file shows in its time.
  for (const [key, bytes] of Object.entries(files)) await utimes(await write(key, bytes), LONG_AGO, LONG_AGO);
  return {
    dir,
    stateDir,
    lines,
    write,
    start: async (tuning = {}, options = {}) =>
      opened.use(
        await startOrigin({
          dir,
          stateDir,
          listen: { host: '127.0.0.1', port: 0 },
          log: (line) => lines.push(line),
          tuning: { lingerMs: 200, sweepMs: 20, ...tuning },
          ...options,
        }),
      ),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** The value of one metric, with its labels as Prometheus prints them. */
export async function metricOf(origin: RunningOrigin, name: string): Promise<number> {
  const text = await (await fetch(`${origin.adminUrl}/metrics`)).text();
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `));
  return line === undefined ? 0 : Number(line.slice(name.length + 1));
}

/** An assertion that is made until it holds; a slow machine only makes it take longer. */
export function eventually<Value>(read: () => Value | Promise<Value>): ReturnType<typeof expect.poll> {
  return expect.poll(read, { timeout: 20_000 });
}

/** Options that open the admin listener. */
export const WITH_ADMIN: Partial<OriginOptions> = { admin: { host: '127.0.0.1', port: 0 } };
