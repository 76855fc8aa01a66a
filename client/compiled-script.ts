// Runs a script of the published build with the machine code's precursor that V8 made of it in an earlier run. Node's own
// compile cache keeps what is compiled when a file is loaded; functions are compiled when they are first called, which for
// a short program is most of the work. Here what was called in the first run is kept as well, in the folder of Node's cache.
// Imports nothing: each import of a built-in module evaluates all of its lazy parts.
import { startClock } from './start-clock.ts';

const DIGEST_BYTES = 32;
/** What a script finds; `performance` is the clock of a start. */
const PARAMETERS = 'exports, require, requireBeside, __filename, performance';
const PRIVATE = 0o600;

/** A script that has run. */
export type CompiledScript<Exports> = {
  readonly exports: Exports;
  /** False in the first run: then everything is compiled, and kept when the program ends well. */
  readonly isKept: boolean;
};

/**
 * Runs the CommonJS script `file`; `folder` is where its code is kept, undefined where nothing may be. The script cannot
 * `import()`: V8 leaves that to the embedder, and Node has only an experiment for such scripts.
 */
export function runCompiled<Exports extends object>(file: string, folder: string | undefined): CompiledScript<Exports> {
  const { readFileSync } = process.getBuiltinModule('node:fs');
  const { join } = process.getBuiltinModule('node:path');
  const { Script } = process.getBuiltinModule('node:vm');
  const source = `(function (${PARAMETERS}) {${readFileSync(file, 'utf8')}\n})`;
  // V8 looks at the length of the source only; that it is the same is our business
  const place = folder === undefined ? undefined : join(folder, `heddle-${digestOf(source).toString('hex')}.code`);
  const cachedData = place === undefined ? undefined : readCode(place);
  const script = new Script(source, { filename: file, ...(cachedData === undefined ? {} : { cachedData }) });
  const isKept = cachedData !== undefined && script.cachedDataRejected !== true;
  if (place !== undefined && !isKept) {
    process.once('exit', (code) => {
      if (code === 0) keepCode(place, script.createCachedData());
    });
  }
  const exports = {} as Exports;
  const run = script.runInThisContext() as (...given: unknown[]) => void;
  // under a second name, which no bundler takes for an import
  const requireBeside = (id: string): unknown => process.getBuiltinModule('node:module').createRequire(file)(id);
  const require = (id: string): unknown => (id.startsWith('node:') ? builtinOnDemand(id) : requireBeside(id));
  run(exports, require, requireBeside, file, startClock());
  return { exports, isKept };
}

/**
 * A built-in module that is loaded when something of it is first used: half of those that a script names are for what it
 * mostly need not do.
 */
function builtinOnDemand(id: string): object {
  const onDemand = new Proxy(
    {},
    {
      get(_, name, receiver: object): unknown {
        // what bundlers ask of a module before anything is used
        if (name === '__esModule') return undefined;
        const value: unknown = Reflect.get(process.getBuiltinModule(id) ?? {}, name);
        // from now on it is the receiver's own: no detour for what is called for every segment
        Object.defineProperty(receiver, name, { value });
        return value;
      },
    },
  );
  return Object.create(onDemand) as object;
}

/** The code kept there; undefined when there is none, or when it is not as this user has written it. */
function readCode(place: string): Buffer | undefined {
  const { closeSync, fstatSync, openSync, readFileSync } = process.getBuiltinModule('node:fs');
  try {
    const file = openSync(place, 'r');
    try {
      // the folder is where others may write too: the system's for temporary files
      if (fstatSync(file).uid !== (process.getuid?.() ?? 0)) return undefined;
      const kept = readFileSync(file);
      const data = kept.subarray(DIGEST_BYTES);
      return digestOf(data).equals(kept.subarray(0, DIGEST_BYTES)) ? data : undefined;
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  }
}

/** Whole or not at all; that it cannot be kept costs the next start time and nothing else. */
function keepCode(place: string, data: Buffer): void {
  const { renameSync, rmSync, writeFileSync } = process.getBuiltinModule('node:fs');
  const fresh = `${place}.${process.pid}`;
  try {
    writeFileSync(fresh, Buffer.concat([digestOf(data), data]), { mode: PRIVATE, flag: 'wx' });
    renameSync(fresh, place);
  } catch {
    rmSync(fresh, { force: true });
  }
}

function digestOf(data: string | Buffer): Buffer {
  return process.getBuiltinModule('node:crypto').hash('sha256', data, 'buffer');
}
