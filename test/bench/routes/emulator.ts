// The running emulator: lines in, counters out. Knows links by name and nothing of namespaces or scenarios.
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Counters of one direction; `wanem.c` prints them. */
export type LaneCounters = {
  readonly out: number;
  readonly outBytes: number;
  readonly droppedQueue: number;
  readonly droppedLoss: number;
  readonly droppedDead: number;
  readonly late: number;
  readonly latestMs: number;
  /** 0 while nothing came. */
  readonly firstInSeconds: number;
};

/** Counters at the end of a run. */
export type EmulatorReport = {
  readonly links: Readonly<Record<string, { readonly up: LaneCounters; readonly down: LaneCounters }>>;
  readonly samples: readonly EmulatorSample[];
};

/** Bytes each link had carried down at a time after the start. */
export type EmulatorSample = { readonly t: number; readonly downBytes: readonly number[] };

type Line = { readonly type: 'ready' } | ({ readonly type: 'sample' } & EmulatorSample) | FinalLine;
type FinalLine = { readonly type: 'final'; readonly links: EmulatorReport['links'] };

/** Starts an emulator that ends with `scope`. */
export function startEmulator(scope: DisposableStack, program: string, seed: number): Emulator {
  const child = spawn(program, ['-s', String(seed)], { stdio: ['pipe', 'pipe', 'pipe'] });
  scope.defer(() => child.kill('SIGKILL'));
  return new Emulator(child);
}

/** A running emulator. */
export class Emulator {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #samples: EmulatorSample[] = [];
  readonly #ready = Promise.withResolvers<void>();
  readonly #final = Promise.withResolvers<FinalLine>();
  #complaint = '';

  constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    child.stderr.on('data', (text: Buffer) => {
      this.#complaint += text.toString();
    });
    child.stdin.on('error', () => {});
    createInterface({ input: child.stdout }).on('line', (line) => this.#read(JSON.parse(line) as Line));
    child.once('error', (error) => this.#fail(error.message));
    child.once('close', () => this.#fail(this.#complaint.trim()));
    this.#ready.promise.catch(() => {});
    this.#final.promise.catch(() => {});
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Sends lines; they take effect in order. */
  say(lines: readonly string[]): void {
    this.#child.stdin.write(lines.map((line) => `${line}\n`).join(''));
  }

  /** Settles when everything said so far is done. To be asked once. */
  async ready(): Promise<void> {
    this.say(['ready']);
    await this.#ready.promise;
  }

  /** Stops it and gives its counters. */
  async finish(): Promise<EmulatorReport> {
    this.#child.stdin.end();
    const { links } = await this.#final.promise;
    return { links, samples: this.#samples.filter(({ t }) => t >= 0) };
  }

  #read(line: Line): void {
    if (line.type === 'ready') this.#ready.resolve();
    else if (line.type === 'final') this.#final.resolve(line);
    else this.#samples.push(line);
  }

  #fail(reason: string): void {
    const error = new Error(`the emulator ended: ${reason}`);
    this.#ready.reject(error);
    this.#final.reject(error);
  }
}
