// Whether the next bytes of an open file probably lie in the page cache: what was read lately came without input from a
// disk, and nobody had to wait for it. Only then may a read do without the thread pool, whose hop costs as much as half
// the read. What a guess that proves wrong costs is one read of a disk on the main thread; each time it does, four times as
// much must be read calmly before the next guess.

/** What the system says of the process so far. */
export type InputCounters = { readonly fsRead: number; readonly voluntaryContextSwitches: number };

/** Bytes read calmly before the first guess. */
const CALM_BYTES = 4_194_304;
const MOST_CALM_BYTES = 1_073_741_824;
const BACK_OFF = 4;
/** A read through the thread pool that takes longer came from elsewhere than memory. */
const POOL_MS = 20;
/** A read at once that takes longer, and during which a thread of the process waited for something, was no read of memory. */
const DIRECT_MS = 1;

/** The guess about one open file. */
export class MemoryGuess {
  readonly #counters: () => InputCounters;
  readonly #clock: () => number;
  #calmBytes = 0;
  #wantedBytes = CALM_BYTES;

  /** `clock` in ms. */
  constructor(
    counters: () => InputCounters = () => process.resourceUsage(),
    clock: () => number = () => performance.now(),
  ) {
    this.#counters = counters;
    this.#clock = clock;
  }

  /** True: read at once. */
  get isInMemory(): boolean {
    return this.#calmBytes >= this.#wantedBytes;
  }

  /** A read begins; call what this gives when `bytes` have been read. */
  watch(way: 'pool' | 'direct'): (bytes: number) => void {
    const startedAt = this.#clock();
    const before = this.#counters();
    return (bytes) => {
      const ms = this.#clock() - startedAt;
      const { fsRead, voluntaryContextSwitches } = this.#counters();
      // that it was only kept from the processor for long does not count
      const waited = ms > DIRECT_MS && voluntaryContextSwitches !== before.voluntaryContextSwitches;
      const isCalm = fsRead === before.fsRead && (way === 'pool' ? ms <= POOL_MS : !waited);
      if (isCalm) this.#calmBytes += bytes;
      else this.#wasWrong();
    };
  }

  #wasWrong(): void {
    if (this.isInMemory) this.#wantedBytes = Math.min(MOST_CALM_BYTES, this.#wantedBytes * BACK_OFF);
    this.#calmBytes = 0;
  }
}
