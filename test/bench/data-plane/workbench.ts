// What every section of the data-plane bench works with: where to put things, what to clean up, how much to do, and the
// objects, made once.
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { startChild } from '../machine/child.ts';
import type { Child } from '../machine/child.ts';
import type { Heddle } from '../machine/heddle.ts';
import type { Teardown } from '../machine/teardown.ts';
import { writeReferenceObject } from '../machine/work-folder.ts';
import type { ReferenceObject } from '../machine/work-folder.ts';

/** How much is measured. */
export type Effort = {
  readonly repetitions: number;
  /** Bytes moved by each measurement of throughput. */
  readonly bytes: number;
  /** Starts of a program for one median. */
  readonly starts: number;
};

export const EFFORTS: Readonly<Record<'quick' | 'full', Effort>> = Object.freeze({
  quick: { repetitions: 1, bytes: 400_000_000, starts: 7 },
  full: { repetitions: 3, bytes: 1_500_000_000, starts: 21 },
});

/** The bench of one run. */
export class Workbench {
  readonly teardown: Teardown;
  readonly folder: string;
  readonly heddle: Heddle;
  readonly effort: Effort;
  readonly #objects = new Map<number, ReferenceObject>();

  constructor(teardown: Teardown, folder: string, heddle: Heddle, effort: Effort) {
    this.teardown = teardown;
    this.folder = folder;
    this.heddle = heddle;
    this.effort = effort;
  }

  /** An object of so many bytes. */
  object(bytes: number): ReferenceObject {
    const object = this.#objects.get(bytes) ?? writeReferenceObject(this.folder, bytes);
    this.#objects.set(bytes, object);
    return object;
  }

  /** A new folder below the bench's; it goes with `scope`, or with the bench. */
  newFolder(name: string, scope?: DisposableStack): string {
    const folder = mkdtempSync(join(this.folder, `${name}-`));
    scope?.defer(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }));
    return folder;
  }

  /** Starts a process with a folder and a log of its own. */
  start(scope: DisposableStack, name: string, argv: readonly string[], stdout?: number): Child {
    const cwd = this.newFolder(name);
    return startChild(scope, { argv, cwd, log: join(cwd, 'log'), stdout, env: environmentOf(cwd) });
  }
}

/** Nothing remembered from earlier runs, nothing left in the user's folders. */
export function environmentOf(folder: string): Record<string, string> {
  return { HOME: folder, XDG_STATE_HOME: folder, XDG_CONFIG_HOME: folder };
}
