// The account of work under way, for those who must wait for its end before they stop.

/** Work under way. */
export class Running {
  readonly #work = new Set<Promise<unknown>>();

  /** Counts `work` until it settles; returns it. */
  track<Result>(work: Promise<Result>): Promise<Result> {
    this.#work.add(work);
    work.catch(() => {}).finally(() => this.#work.delete(work));
    return work;
  }

  /** Settles when nothing is under way, however it ended. */
  async idle(): Promise<void> {
    while (this.#work.size > 0) await Promise.allSettled(this.#work);
  }
}
