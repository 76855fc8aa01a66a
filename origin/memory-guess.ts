// Whether the next bytes of an open file probably lie in the page cache: what was read lately came without input from a
// disk, and soon. Only then may a read do without the thread pool, whose hop costs as much as half the read. What a guess
// that proves wrong costs is one read of a disk on the main thread; each time it does, four times as much must be read
// calmly before the next guess.

/** Bytes read calmly before the first guess. */
const CALM_BYTES = 4_194_304;
const MOST_CALM_BYTES = 1_073_741_824;
const BACK_OFF = 4;
/** A read that takes no longer did no harm, wherever it came from: nobody asks the system about it. */
const HARMLESS_MS = 1;
/** A read that takes longer came from elsewhere than memory, whatever the system counts (it may not count a network). */
const MOST_MS = 20;

/** The guess about one open file. */
export class MemoryGuess {
  readonly #inputs: () => number;
  readonly #clock: () => number;
  #calmBytes = 0;
  #wantedBytes = CALM_BYTES;
  /** Inputs of the process when they were last counted. */
  #inputsBefore = -1;

  /** `inputs` counts what the process has read from disks, `clock` in ms. */
  constructor(
    inputs: () => number = () => process.resourceUsage().fsRead,
    clock: () => number = () => performance.now(),
  ) {
    this.#inputs = inputs;
    this.#clock = clock;
  }

  /** True: read at once. */
  get isInMemory(): boolean {
    return this.#calmBytes >= this.#wantedBytes;
  }

  /** A read begins, through the thread pool or at once; call what this gives when `bytes` have been read. */
  watch(way: 'pool' | 'direct'): (bytes: number) => void {
    const startedAt = this.#clock();
    if (way === 'pool') this.#inputsBefore = this.#inputs();
    return (bytes) => {
      const ms = this.#clock() - startedAt;
      const isHarmless = way === 'direct' && ms <= HARMLESS_MS;
      if (isHarmless || (!this.#hadInput() && ms <= MOST_MS)) this.#calmBytes += bytes;
      else this.#wasWrong();
    };
  }

  /** Whether anything came from a disk since this was last looked at. */
  #hadInput(): boolean {
    const inputs = this.#inputs();
    const had = inputs !== this.#inputsBefore;
    this.#inputsBefore = inputs;
    return had;
  }

  #wasWrong(): void {
    if (this.isInMemory) this.#wantedBytes = Math.min(MOST_CALM_BYTES, this.#wantedBytes * BACK_OFF);
    this.#calmBytes = 0;
  }
}
