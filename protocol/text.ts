// Text inside frames: well-formed Unicode without control characters, so that it has one byte form only and may be
// printed on a terminal or in a log as it came. Used by the frames only.
import { HeddleError } from './errors.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The UTF-8 of `text`. Throws `bad-frame` for a lone surrogate or a control character. */
export function encodeText(text: string): Uint8Array<ArrayBuffer> {
  if (!text.isWellFormed()) throw new HeddleError('bad-frame', 'a text holds half a character');
  return encoder.encode(withoutControls(text, 'local'));
}

/** The text whose UTF-8 is `bytes`. Throws `bad-frame`, side remote, for what encodeText would not have written. */
export function decodeText(bytes: Uint8Array): string {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch (cause) {
    throw new HeddleError('bad-frame', 'a text is not UTF-8', { side: 'remote', cause });
  }
  return withoutControls(text, 'remote');
}

/**
 * The UTF-8 of a text for people, whatever it holds: control characters become spaces, half characters U+FFFD, and
 * what exceeds `maximumBytes` is cut between two characters.
 */
export function encodeMessage(text: string, maximumBytes: number): Uint8Array<ArrayBuffer> {
  const room = new Uint8Array(maximumBytes);
  const { written } = encoder.encodeInto(text.replace(/\p{Cc}/gu, ' '), room);
  return room.subarray(0, written);
}

/** True for what a compact JWS can consist of; the empty text, an unsigned object's manifest, as well. */
export function isCompactJws(text: string): boolean {
  return /^[\w.-]*$/.test(text);
}

function withoutControls(text: string, side: 'local' | 'remote'): string {
  if (/\p{Cc}/u.test(text)) throw new HeddleError('bad-frame', 'a text holds a control character', { side });
  return text;
}
