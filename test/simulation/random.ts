// Seeded randomness: the only kind in a simulation. Each part of the world forks its own stream by name, so that a change
// in one part does not move the dice of the others.

/** A stream of numbers from a seed (sfc32). */
export class Random {
  readonly #seed: number;
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor(seed: number) {
    this.#seed = seed;
    this.#a = seed | 0;
    this.#b = Math.trunc(seed / 0x1_0000_0000) ^ 0x9e3779b9;
    this.#c = 0x243f6a88;
    this.#d = 1;
    for (let round = 0; round < 12; round += 1) this.next();
  }

  /** A stream of its own for `name`. */
  fork(name: string): Random {
    let hash = 0x811c9dc5 ^ this.#seed;
    for (let at = 0; at < name.length; at += 1) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
    return new Random((hash >>> 0) + (this.#seed % 1_000_003) * 0x1_0000_0000);
  }

  /** At least 0, below 1. */
  next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#d) | 0;
    this.#d = (this.#d + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    this.#c |= 0;
    return (sum >>> 0) / 0x1_0000_0000;
  }

  between(least: number, most: number): number {
    return least + (most - least) * this.next();
  }

  /** Between `least` and `most` (both above 0) so that each factor is as likely as the other. */
  betweenFactors(least: number, most: number): number {
    return least * (most / least) ** this.next();
  }

  /** A whole number, both ends included. */
  whole(least: number, most: number): number {
    return Math.min(most, Math.floor(this.between(least, most + 1)));
  }

  chance(probability: number): boolean {
    return probability > 0 && this.next() < probability;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.whole(0, choices.length - 1)] as T;
  }
}
