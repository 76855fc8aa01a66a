// HELLO: what an origin says of an object before the first byte of it. Only the frame; who is told is the channel's business.
import { encodeFrame } from '../protocol/frame-writer.ts';
import type { Range } from '../protocol/ranges.ts';
import type { PublishedObject } from './catalog.ts';

/** HELLO counts the bytes of the id in one byte. */
const MAX_ID_BYTES = 255;

/** The encoded HELLO of an object of which `held` is there. */
export function helloOf({ key, size, root, signed }: PublishedObject, held: readonly Range[]): Uint8Array {
  return encodeFrame({ type: 'hello', objectId: idOf(key), size, root, manifest: signed, held });
}

/** The key, where HELLO has room for it; the manifest has it in any case. */
function idOf(key: string): string {
  return Buffer.byteLength(key) <= MAX_ID_BYTES ? key : '';
}
