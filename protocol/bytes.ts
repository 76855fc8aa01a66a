// Big-endian reading and writing over one Uint8Array, with bounds checked in one place: whatever runs past the end, or
// does not fit into its field, is a `bad-frame`, never a silent NaN or a number cut short. Used by the frames only.
import { HeddleError } from './errors.ts';

/** Writes fields one after another into a buffer of known size; a number that its field cannot hold throws `bad-frame`. */
export class ByteWriter {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  #at = 0;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.#view = new DataView(this.bytes.buffer);
  }

  u8(value: number): this {
    this.#view.setUint8(this.#at, fitting(value, 0xff));
    this.#at += 1;
    return this;
  }

  u16(value: number): this {
    this.#view.setUint16(this.#at, fitting(value, 0xffff));
    this.#at += 2;
    return this;
  }

  u24(value: number): this {
    return this.u8(fitting(value, 0xff_ffff) >>> 16).u16(value & 0xffff);
  }

  u32(value: number): this {
    this.#view.setUint32(this.#at, fitting(value, 0xffff_ffff));
    this.#at += 4;
    return this;
  }

  u64(value: number): this {
    const whole = fitting(value, Number.MAX_SAFE_INTEGER);
    return this.u32(Math.floor(whole / 0x1_0000_0000)).u32(whole % 0x1_0000_0000);
  }

  raw(value: Uint8Array): this {
    this.bytes.set(value, this.#at);
    this.#at += value.length;
    return this;
  }
}

/** Reads fields one after another; reading past the end throws `bad-frame`. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes not yet read. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  /** A u64 that must be exact as a number. */
  u64(): number {
    const value = this.u32() * 0x1_0000_0000 + this.u32();
    if (!Number.isSafeInteger(value)) throw new HeddleError('bad-frame', 'a size exceeds 2^53', { side: 'remote' });
    return value;
  }

  /** The next `length` bytes, a view into the input. */
  raw(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** Throws when anything is left: a frame has exactly the bytes its fields take. */
  end(): void {
    if (this.left !== 0) {
      throw new HeddleError('bad-frame', `${this.left} bytes follow the last field`, { side: 'remote' });
    }
  }

  #take(length: number): number {
    const at = this.#at;
    if (this.left < length) throw new HeddleError('bad-frame', 'the frame ends inside a field', { side: 'remote' });
    this.#at = at + length;
    return at;
  }
}

function fitting(value: number, maximum: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= maximum) return value;
  throw new HeddleError('bad-frame', `${value} does not fit into a field that ends at ${maximum}`);
}
