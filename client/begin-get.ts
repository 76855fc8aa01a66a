// How `heddle get` begins: its routes are dialled, then it is fetched, by what the published build made for that in one file
// (bundle.mjs), or module by module in a checkout.
import type { dialEarly } from './commands/early.ts';
import type { getNow } from './commands/get-now.ts';
import { runCompiled } from './compiled-script.ts';
import type { EarlyDials } from './io/dial.ts';

/** All that a usual `heddle get` needs, beside this module; not there in a checkout. */
const IN_ONE_FILE = 'get-now.cjs';
/** A transfer that takes longer is no small one. */
const SMALL_MS = 50;
/** Calls of a function after which it is compiled with everything V8 can do: a segment makes one or a few. */
const CALLS_WORTH_COMPILING = 1_000_000;

type Getter = { readonly dialEarly: typeof dialEarly; readonly getNow: typeof getNow };

/** What was begun. */
export type Begun = {
  readonly early: EarlyDials;
  /**
   * Sets the exit code in the end; true when the process has nothing left to do, and nothing to keep for the next. Undefined
   * where nothing but dialling was done, because another has to do the rest.
   */
  readonly done: Promise<boolean> | undefined;
};

/** Begins what `args` (without program and script) ask for; `codeFolder` keeps compiled code. */
export async function beginGet(args: readonly string[], codeFolder: string | undefined): Promise<Begun> {
  const { existsSync } = process.getBuiltinModule('node:fs');
  const { join } = process.getBuiltinModule('node:path');
  const file = join(import.meta.dirname, IN_ONE_FILE);
  if (!existsSync(file)) return beginInCheckout(args);
  const { exports, isKept } = runCompiled<Getter>(file, codeFolder);
  // V8 takes code that was kept only under the flags that it was made with
  if (isKept || codeFolder === undefined) runLean();
  const early = exports.dialEarly(args);
  return { early, done: exports.getNow(args, early)?.then((isSaid) => isSaid && isKept) };
}

async function beginInCheckout(args: readonly string[]): Promise<Begun> {
  runLean();
  const { dialEarly } = await import('./commands/early.ts');
  const early = dialEarly(args);
  const { getNow } = await import('./commands/get-now.ts');
  return { early, done: getNow(args, early) };
}

/**
 * What a transfer throws away is young and small; a nursery that grows to its default takes 60 MB and saves no time. What
 * outlives it is collected when as much again has come: left alone, V8 waits for four times as much. And its best compiler
 * takes a quarter of a second for what then runs no quicker: only a transfer of tens of gigabytes calls for it.
 */
function runLean(): void {
  const timer = setTimeout(() => {
    const { setFlagsFromString } = process.getBuiltinModule('node:v8');
    setFlagsFromString('--semi-space-growth-factor=1');
    setFlagsFromString('--heap-growing-percent=100');
    setFlagsFromString(`--invocation-count-for-turbofan=${CALLS_WORTH_COMPILING}`);
  }, SMALL_MS);
  timer.unref();
}
