// How much of the machine others used during a run: everything busy, minus the processes of the run and the bench
// itself. A run beside a busy neighbour says little, so this decides whether it is trusted.
import { machineCpuSeconds, usageOf } from './usage.ts';

const LOOK_MS = 200;

/** Watches from its making on. */
export class ForeignLoad implements Disposable {
  readonly #pids: () => readonly number[];
  readonly #last = new Map<number, number>();
  readonly #own: Map<number, number>;
  readonly #begunAt: number = performance.now();
  readonly #machine: number | undefined = machineCpuSeconds();
  readonly #self: NodeJS.CpuUsage = process.cpuUsage();
  readonly #timer: NodeJS.Timeout;

  /** `pids` names the processes that belong to the run; it may change meanwhile. */
  constructor(pids: () => readonly number[]) {
    this.#pids = pids;
    this.#look();
    this.#own = new Map(this.#last);
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  /** Cores that others kept busy on average; undefined where that cannot be known. */
  cores(): number | undefined {
    this.#look();
    const machine = machineCpuSeconds();
    if (machine === undefined || this.#machine === undefined) return undefined;
    const { user, system } = process.cpuUsage(this.#self);
    let own = (user + system) / 1e6;
    for (const [pid, seconds] of this.#last) own += seconds - (this.#own.get(pid) ?? 0);
    const elapsed = (performance.now() - this.#begunAt) / 1_000;
    return Math.max(0, machine - this.#machine - own) / Math.max(elapsed, LOOK_MS / 1_000);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    for (const pid of this.#pids()) {
      const usage = usageOf(pid);
      if (usage !== undefined) this.#last.set(pid, usage.cpuSeconds);
    }
  }
}
