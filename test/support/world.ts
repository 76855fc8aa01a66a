// The least that a download needs: a folder of objects with an origin process in front of it, a place for outputs, and a
// way to read what `heddle get --json` said.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Outcome } from './program.ts';
import { startOriginProgram } from './servers.ts';
import type { ServerProgram } from './servers.ts';
import { temporaryFolder } from './temporary-folder.ts';
import type { TemporaryFolder } from './temporary-folder.ts';

/** An origin that serves what it was given. */
export type World = AsyncDisposable & {
  readonly folder: TemporaryFolder;
  readonly origin: ServerProgram;
  /** The folder that is served. */
  readonly objects: string;
  readonly state: string;
  /** A path for an output; its folder holds outputs only. */
  output(name: string): string;
  /** The outputs' folder: what was left there. */
  outputs(): Promise<string[]>;
  read(name: string): Promise<Buffer>;
};

/** Starts an origin over these objects. */
export async function startWorld(objects: Readonly<Record<string, Uint8Array>>): Promise<World> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const [served, state, out] = [folder.file('objects'), folder.file('state'), folder.file('out')];
  await mkdir(served);
  await mkdir(out);
  for (const [key, bytes] of Object.entries(objects)) {
    await mkdir(dirname(`${served}/${key}`), { recursive: true });
    await writeFile(`${served}/${key}`, bytes);
  }
  const origin = stack.use(await startOriginProgram({ dir: served, state }));
  const owned = stack.move();
  return {
    folder,
    origin,
    objects: served,
    state,
    output: (name) => `${out}/${name}`,
    outputs: async () => (await readdir(out)).sort(),
    read: (name) => readFile(`${out}/${name}`),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** One route in the last line of `--json`. */
export type DoneRoute = {
  readonly name: string;
  readonly bytes: number;
  readonly segments: number;
  readonly share: number;
  readonly corrupt: number;
  readonly state: string;
};

/** The last line of `--json`. */
export type LastLine = {
  readonly type: 'done' | 'error';
  readonly code?: string;
  readonly message?: string;
  readonly key: string;
  readonly bytes: number;
  readonly resumedBytes: number;
  readonly seconds: number;
  readonly root: string;
  readonly verified: boolean;
  readonly patterns: number;
  readonly wasteBytes: number;
  readonly hedges: number;
  readonly firstByteSeconds: number | null;
  readonly routes: readonly DoneRoute[];
};

/** The last line that `--json` said, wherever it said it. */
export function lastLine(outcome: Outcome, where: 'stdout' | 'stderr' = 'stdout'): LastLine {
  const text = where === 'stdout' ? outcome.stdout.toString() : outcome.stderr;
  return JSON.parse(text.trim().split('\n').at(-1) ?? '') as LastLine;
}

/** The route of that name in a last line. */
export function routeOf(line: LastLine, name: string): DoneRoute {
  const found = line.routes.find((route) => route.name === name);
  if (found === undefined) throw new Error(`no route ${name} in ${JSON.stringify(line)}`);
  return found;
}
