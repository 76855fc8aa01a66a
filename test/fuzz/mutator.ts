// Inputs for a decoder: its samples, bent by a seed. Mostly a few small changes, so that many inputs come close to being
// accepted; now and then two samples spliced, or nothing but noise.
import type { Random } from '../simulation/random.ts';

/** Numbers at which decoders break. */
const EDGES = [0x00, 0x01, 0x7f, 0x80, 0xff, 0x20, 0x0a, 0x0d, 0x2e, 0x2f, 0x3a, 0x7b, 0x22];
const MOST_BYTES = 4_096;
const MOST_CHANGES = 4;

/** Makes one input after another; each is valid until the next is made. */
export class Mutator {
  readonly #random: Random;
  readonly #samples: readonly Uint8Array[];
  readonly #bytes = new Uint8Array(MOST_BYTES);
  #length = 0;

  constructor(samples: readonly Uint8Array[], random: Random) {
    this.#samples = samples;
    this.#random = random;
  }

  next(): Uint8Array {
    const dice = this.#below(100);
    if (dice === 0) this.#noise();
    else {
      this.#load(this.#sample());
      if (dice < 5) this.#splice();
      for (let change = this.#below(MOST_CHANGES + 1); change > 0; change -= 1) this.#change();
    }
    return this.#bytes.subarray(0, this.#length);
  }

  #below(end: number): number {
    return Math.floor(this.#random.next() * end);
  }

  #sample(): Uint8Array {
    return this.#samples[this.#below(this.#samples.length)] ?? new Uint8Array(0);
  }

  #load(sample: Uint8Array): void {
    this.#length = Math.min(sample.length, MOST_BYTES);
    this.#bytes.set(sample.subarray(0, this.#length));
  }

  #noise(): void {
    this.#length = this.#below(200);
    for (let at = 0; at < this.#length; at += 1) this.#bytes[at] = this.#below(256);
  }

  /** The beginning of one sample and the end of another. */
  #splice(): void {
    const other = this.#sample();
    const from = this.#below(other.length + 1);
    const at = this.#below(this.#length + 1);
    const tail = other.subarray(from, from + MOST_BYTES - at);
    this.#bytes.set(tail, at);
    this.#length = at + tail.length;
  }

  #change(): void {
    const at = this.#below(Math.max(1, this.#length));
    switch (this.#below(7)) {
      case 0:
        this.#bytes[at] = (this.#bytes[at] ?? 0) ^ (1 << this.#below(8));
        return;
      case 1:
        this.#bytes[at] = this.#below(256);
        return;
      case 2:
        this.#bytes[at] = EDGES[this.#below(EDGES.length)] ?? 0;
        return;
      case 3:
        this.#length = at;
        return;
      case 4:
        return this.#insert(at, this.#below(8) + 1);
      case 5:
        return this.#remove(at, this.#below(8) + 1);
      default:
        for (let place = at; place < Math.min(at + 4, this.#length); place += 1) this.#bytes[place] = 0xff;
    }
  }

  #insert(at: number, count: number): void {
    if (this.#length + count > MOST_BYTES) return;
    this.#bytes.copyWithin(at + count, at, this.#length);
    const byte = this.#below(256);
    this.#bytes.fill(byte, at, at + count);
    this.#length += count;
  }

  #remove(at: number, count: number): void {
    this.#bytes.copyWithin(at, at + count, this.#length);
    this.#length = Math.max(at, this.#length - count);
  }
}
