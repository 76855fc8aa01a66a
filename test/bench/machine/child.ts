// A process the bench starts, in a process group of its own, so that all of it can be ended by its number. What it says
// goes to a log file. Ends with its scope at the latest.
import { spawn } from 'node:child_process';
import type { ChildProcess, StdioOptions } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';

/** How to start a process. */
export type ChildOptions = {
  readonly argv: readonly string[];
  readonly cwd: string;
  /** File that standard error, and standard output unless it has a descriptor, are appended to. */
  readonly log: string;
  readonly stdout?: number | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
};

/** How a process ended. */
export type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null; readonly atMs: number };

/** Characters of a log that are worth showing. */
const LOG_TAIL = 600;
const FAULT_WORDS = 200;

/** Starts a process that ends with `scope`. */
export function startChild(scope: DisposableStack, options: ChildOptions): Child {
  const [command = '', ...args] = options.argv;
  const log = openSync(options.log, 'a');
  try {
    const stdio: StdioOptions = ['ignore', options.stdout ?? log, log];
    const env = { ...process.env, ...options.env };
    const process_ = spawn(command, args, { cwd: options.cwd, env, stdio, detached: true });
    const child = new Child(process_, options);
    scope.defer(() => child.kill());
    return child;
  } finally {
    closeSync(log);
  }
}

/** A started process. */
export class Child {
  readonly argv: readonly string[];
  /** Settles when it has ended, also when it could not be started. */
  readonly exit: Promise<Exit>;
  readonly log: string;
  readonly #process: ChildProcess;
  #ended = false;

  constructor(process_: ChildProcess, { argv, log }: ChildOptions) {
    this.argv = argv;
    this.#process = process_;
    this.log = log;
    this.exit = new Promise((resolve) => {
      const end = (code: number | null, signal: NodeJS.Signals | null): void => {
        this.#ended = true;
        resolve({ code, signal, atMs: performance.now() });
      };
      process_.once('exit', end).once('error', () => end(127, null));
    });
  }

  /** 0 when it could not be started. */
  get pid(): number {
    return this.#process.pid ?? 0;
  }

  get running(): boolean {
    return !this.#ended;
  }

  /** The end of what it said. */
  get lastWords(): string {
    return readFileSync(this.log, 'utf8').slice(-LOG_TAIL).trim();
  }

  /** Waits for its end and makes it when it takes longer than `limitMs`. */
  async endsWithin(limitMs: number): Promise<Exit & { readonly timedOut: boolean }> {
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      this.kill();
    }, limitMs);
    const exit = await this.exit;
    clearTimeout(timer);
    return { ...exit, timedOut };
  }

  /** Why it failed, in a line; undefined when it did not. */
  faultOf({ code, signal, timedOut }: Exit & { readonly timedOut: boolean }): string | undefined {
    if (timedOut) return 'not done in time';
    return code === 0 ? undefined : `exit ${code ?? signal}: ${this.lastWords.slice(-FAULT_WORDS)}`;
  }

  /** Ends the whole group, also what the process left behind. */
  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    if (this.pid === 0) return;
    try {
      process.kill(-this.pid, signal);
    } catch {
      // nobody is left in it
    }
  }
}
