// Reads heddle/1 frames without keeping payload: tells of segments with their epochs, and of PONGs, so that a bench's client costs
// little beside the servers it measures. Checks nothing.
import { FRAME_HEADER_BYTES, FRAME_TYPES } from '../../../protocol/frames.ts';

/** Told what came. */
export type SkimmedFrames = {
  segment(epoch: number): void;
  pong(nonce: number): void;
  /** ERROR, or anything the skimmer does not expect to survive. */
  error(text: string): void;
};

const KEPT_BYTES = 512;
/** Index and epoch of a segment. */
const SEGMENT_KEPT_BYTES = 8;

/** One direction of one channel. */
export class FrameSkimmer {
  readonly #frames: SkimmedFrames;
  readonly #header = Buffer.alloc(FRAME_HEADER_BYTES);
  readonly #kept = Buffer.alloc(KEPT_BYTES);
  #headerBytes = 0;
  #type = 0;
  #bodyBytes = 0;
  #left = 0;

  constructor(frames: SkimmedFrames) {
    this.#frames = frames;
  }

  /** Takes bytes as they come; `bytes` may be reused afterwards. */
  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length)
      at += this.#headerBytes < FRAME_HEADER_BYTES ? this.#takeHeader(bytes, at) : this.#takeBody(bytes, at);
  }

  #takeHeader(bytes: Uint8Array, at: number): number {
    const wanted = Math.min(FRAME_HEADER_BYTES - this.#headerBytes, bytes.length - at);
    this.#header.set(bytes.subarray(at, at + wanted), this.#headerBytes);
    this.#headerBytes += wanted;
    if (this.#headerBytes < FRAME_HEADER_BYTES) return wanted;
    this.#type = this.#header.readUInt8(0);
    this.#bodyBytes = this.#header.readUIntBE(1, 3);
    this.#left = this.#bodyBytes;
    if (this.#left === 0) this.#end();
    return wanted;
  }

  #takeBody(bytes: Uint8Array, at: number): number {
    const taken = Math.min(this.#left, bytes.length - at);
    const place = this.#bodyBytes - this.#left;
    const keeps = this.#type === FRAME_TYPES.segment.number ? SEGMENT_KEPT_BYTES : KEPT_BYTES;
    if (place < keeps) this.#kept.set(bytes.subarray(at, at + Math.min(taken, keeps - place)), place);
    this.#left -= taken;
    if (this.#left === 0) this.#end();
    return taken;
  }

  #end(): void {
    this.#headerBytes = 0;
    if (this.#type === FRAME_TYPES.segment.number) this.#frames.segment(this.#kept.readUInt32BE(4));
    else if (this.#type === FRAME_TYPES.pong.number) this.#frames.pong(this.#kept.readUInt32BE(0));
    else if (this.#type === FRAME_TYPES.error.number) {
      this.#frames.error(this.#kept.toString('utf8', 1, Math.min(this.#bodyBytes, KEPT_BYTES)));
    }
  }
}
