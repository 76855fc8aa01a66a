// A folder of a test's own, gone when the test is: with its files, even those of programs that were killed.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type TemporaryFolder = AsyncDisposable & {
  readonly path: string;
  /** The path of `name` in the folder. */
  file(name: string): string;
  /** What is in it now, sorted. */
  list(): Promise<string[]>;
};

/** Makes a folder in `parent` (default: the system's for temporary files). */
export async function temporaryFolder(parent: string = tmpdir()): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(parent, 'heddle-'));
  return {
    path,
    file: (name) => join(path, name),
    list: async () => (await readdir(path)).sort(),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}
