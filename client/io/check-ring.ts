// The memory through which the verifier and its thread talk: a ring of places, each a segment to be judged and then what
// was found. A message costs as much as hashing a small segment; a place costs a few writes. Judges nothing.
import { HASH_BYTES } from '../../protocol/limits.ts';
import { SEGMENT_ENCODINGS } from '../../protocol/frames.ts';
import type { Encoded, Extent, Verdict } from './segment-decoder.ts';

/** A piece of memory, under a number that is never used again. What is forgotten will not be named any more. */
export type PieceOfMemory = {
  readonly number: number;
  readonly memory: SharedArrayBuffer;
  readonly forget: readonly number[];
};

/** A segment to be judged. */
export type Place = {
  /** Number of the piece of memory that it lies in. */
  readonly piece: number;
  readonly extent: Extent;
  /** What it has to be. */
  readonly node: Uint8Array;
  readonly encoded: Encoded | undefined;
};

/** Places of the ring: a power of two. */
export const PLACES = 1_024;
/** Counters, 32 bits each: how many were given, judged, and how many of these were seen. They go round. */
const GIVEN = 0;
const JUDGED = 1;
const SEEN = 2;
/** How the thread waits: not at all, for a moment, or until it is woken. */
const SLEEP = 3;
const AWAKE = 0;
const NAPPING = 1;
const ASLEEP = 2;
/** Who naps comes back by himself, and is woken only for so many: waking somebody costs as much as hashing two. */
const WORTH_WAKING = 16;
/** 32-bit numbers before the first place: each counter's cache line is its own matter. */
const HEAD_WORDS = 64;
const LINE_WORDS = 16;
/** Of a place: piece, start, end, encoding, most bytes, whether it is good, where the plain bytes are, and the node. */
const NODE_AT = 8;
const PLACE_WORDS = NODE_AT + HASH_BYTES / 4;

/** One end of the ring. The verifier gives and sees, the thread takes and answers. */
export class CheckRing {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(4 * (HEAD_WORDS + PLACES * PLACE_WORDS))) {
    this.memory = memory;
    this.#words = new Int32Array(memory);
    this.#bytes = new Uint8Array(memory);
  }

  /** Places that may be given. */
  get room(): number {
    return PLACES - difference(this.#count(GIVEN), this.#count(SEEN));
  }

  /** The verifier: one segment more, behind all others. There is room. */
  give({ piece, extent, node, encoded }: Place): void {
    const given = this.#count(GIVEN);
    const at = wordOf(given);
    this.#words[at] = piece;
    this.#words[at + 1] = extent.start;
    this.#words[at + 2] = extent.end;
    this.#words[at + 3] = encoded === undefined ? 0 : SEGMENT_ENCODINGS.indexOf(encoded.encoding);
    this.#words[at + 4] = encoded?.mostBytes ?? 0;
    this.#bytes.set(node, 4 * (at + NODE_AT));
    Atomics.store(this.#words, GIVEN * LINE_WORDS, (given + 1) | 0);
    const sleep = this.#count(SLEEP);
    if (sleep === AWAKE || (sleep === NAPPING && difference(given, this.#count(JUDGED)) < WORTH_WAKING)) return;
    Atomics.store(this.#words, SLEEP * LINE_WORDS, AWAKE);
    Atomics.notify(this.#words, GIVEN * LINE_WORDS);
  }

  /** The verifier: what was found of the oldest segment that was not seen; undefined while there is none. */
  see(): Verdict | undefined {
    const seen = this.#count(SEEN);
    if (seen === this.#count(JUDGED)) return undefined;
    const at = wordOf(seen);
    const ok = this.#words[at + 5] === 1;
    const isEncoded = this.#words[at + 3] !== 0;
    const verdict = isEncoded && ok ? { ok, plain: this.#extentAt(at + 6) } : { ok };
    Atomics.store(this.#words, SEEN * LINE_WORDS, (seen + 1) | 0);
    return verdict;
  }

  /** The thread: judged, and not seen by the verifier. */
  get unseen(): number {
    return difference(this.#count(JUDGED), this.#count(SEEN));
  }

  /** The thread: the oldest segment that was not judged; undefined while there is none. */
  take(): Place | undefined {
    const judged = this.#count(JUDGED);
    if (judged === this.#count(GIVEN)) return undefined;
    const at = wordOf(judged);
    const encoding = SEGMENT_ENCODINGS[this.#words[at + 3] ?? 0] ?? 'identity';
    const node = this.#bytes.subarray(4 * (at + NODE_AT), 4 * (at + PLACE_WORDS));
    const encoded = encoding === 'identity' ? undefined : { encoding, mostBytes: this.#words[at + 4] ?? 0 };
    return { piece: this.#words[at] ?? 0, extent: this.#extentAt(at + 1), node, encoded };
  }

  /** The thread: what it found of the segment it took last. */
  answer({ ok, plain }: Verdict): void {
    const judged = this.#count(JUDGED);
    const at = wordOf(judged);
    this.#words[at + 5] = ok ? 1 : 0;
    this.#words[at + 6] = plain?.start ?? 0;
    this.#words[at + 7] = plain?.end ?? 0;
    Atomics.store(this.#words, JUDGED * LINE_WORDS, (judged + 1) | 0);
  }

  /** The thread: stands still until there is something to take; false when nothing came within `ms`. */
  wait(ms?: number): boolean {
    const judged = this.#count(JUDGED);
    Atomics.store(this.#words, SLEEP * LINE_WORDS, ms === undefined ? ASLEEP : NAPPING);
    Atomics.wait(this.#words, GIVEN * LINE_WORDS, judged, ms);
    Atomics.store(this.#words, SLEEP * LINE_WORDS, AWAKE);
    return this.#count(GIVEN) !== judged;
  }

  #extentAt(at: number): Extent {
    return { start: this.#words[at] ?? 0, end: this.#words[at + 1] ?? 0 };
  }

  #count(which: number): number {
    return Atomics.load(this.#words, which * LINE_WORDS);
  }
}

function wordOf(count: number): number {
  return HEAD_WORDS + (count & (PLACES - 1)) * PLACE_WORDS;
}

function difference(later: number, earlier: number): number {
  return (later - earlier) | 0;
}
