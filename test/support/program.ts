// The program as its users run it: `node client/cli.ts …` in a process of its own, whose output is collected, which can be
// waited for, signalled and measured, and which never outlives its owner.
import { spawn } from 'node:child_process';
import type { ChildProcess, StdioOptions } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Ends the program when the channel to its parent breaks; does not keep it running. */
const TETHER = 'data:text/javascript,process.once("disconnect", () => process.exit()); process.channel?.unref();';

const CLI = join(import.meta.dirname, '../../client/cli.ts');

/** How the program is started, beyond its arguments. */
export type ProgramOptions = {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Where standard output goes: collected, a file descriptor, or left to the test to read. */
  readonly stdout?: 'collect' | 'leave' | number;
  /** Arguments of node itself. */
  readonly nodeArguments?: readonly string[];
  /** For what never ends by itself: it ends when the test's process does, however that ends. */
  readonly tethered?: boolean;
  /** Another runtime, and another copy of the program, than those of the checkout. */
  readonly node?: string;
  readonly cli?: string;
};

/** How the program ended, and all it said. */
export type Outcome = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: string;
};

/** Runs the program to its end. */
export async function heddle(args: readonly string[], options: ProgramOptions = {}): Promise<Outcome> {
  await using program = startProgram(args, options);
  return await program.ended;
}

/** Starts the program. */
export function startProgram(args: readonly string[], options: ProgramOptions = {}): Program {
  return new Program(args, options);
}

/** A running program. */
export class Program {
  /** Settles when the process has ended and its output is read. */
  readonly ended: Promise<Outcome>;
  readonly child: ChildProcess;
  readonly #stdout: Buffer[] = [];
  readonly #stderr: Buffer[] = [];
  readonly #lookers = new Set<() => void>();

  constructor(args: readonly string[], options: ProgramOptions) {
    const { cwd, env, stdout = 'collect', nodeArguments = [], tethered = false } = options;
    const { node = process.execPath, cli = CLI } = options;
    const stdio: StdioOptions = ['ignore', typeof stdout === 'number' ? stdout : 'pipe', 'pipe'];
    if (tethered) stdio.push('ipc');
    const tether = tethered ? ['--import', TETHER] : [];
    this.child = spawn(node, [...tether, ...nodeArguments, cli, ...args], {
      stdio,
      cwd: cwd ?? tmpdir(),
      // what one test's program remembers is nobody else's business: ports come back with other origins behind them
      env: { ...process.env, NO_COLOR: '1', XDG_STATE_HOME: '/dev/null', ...env },
    });
    if (stdout === 'collect') this.child.stdout?.on('data', (chunk: Buffer) => this.#take(this.#stdout, chunk));
    this.child.stderr?.on('data', (chunk: Buffer) => this.#take(this.#stderr, chunk));
    const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
    this.ended = promise;
    const reap = (): void => void this.child.kill('SIGKILL');
    process.once('exit', reap);
    this.child.once('error', reject);
    this.child.once('close', (code, signal) => {
      process.off('exit', reap);
      resolve({ code, signal, stdout: this.stdout, stderr: this.stderr });
    });
    void promise.then(() => this.#look()).catch(() => this.#look());
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  get stdout(): Buffer {
    return Buffer.concat(this.#stdout);
  }

  get stderr(): string {
    return Buffer.concat(this.#stderr).toString();
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Waits until standard output matches; fails when the program ends before. */
  said(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#until(pattern, () => this.stdout.toString());
  }

  /** The same for standard error. */
  complained(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#until(pattern, () => this.stderr);
  }

  async #until(pattern: RegExp, said: () => string): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(said());
      if (match !== null) return match;
      if (!this.running) throw new Error(`the program ended without saying ${pattern}: ${this.stderr}`);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#lookers.add(resolve);
      await promise;
    }
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** Ends it at once, as a crash of the machine would. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.ended;
  }

  /** Largest resident memory so far, bytes; undefined where the system does not tell. */
  peakMemoryBytes(): number | undefined {
    try {
      const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8')) ?? [];
      return kilobytes === undefined ? undefined : Number(kilobytes) * 1_024;
    } catch {
      return undefined;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.running) this.signal('SIGKILL');
    this.child.stdout?.destroy();
    await this.ended.catch(() => undefined);
  }

  #take(parts: Buffer[], chunk: Buffer): void {
    parts.push(chunk);
    this.#look();
  }

  #look(): void {
    for (const look of this.#lookers) look();
    this.#lookers.clear();
  }
}
