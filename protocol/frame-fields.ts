// The fields of frames that are more than a number, read from a body: patterns, ranges, flags, texts. Each refuses every
// form but the one that frame-writer.ts gives. The layouts are written beside the types in frames.ts.
import type { ByteReader } from './bytes.ts';
import { codeOfWire, ERROR_CODES, HeddleError } from './errors.ts';
import type { ErrorCode } from './errors.ts';
import type { SentBy } from './frames.ts';
import { LIMITS } from './limits.ts';
import { NOBODY } from './pattern.ts';
import type { Pattern } from './pattern.ts';
import { checkRanges } from './ranges.ts';
import type { Range } from './ranges.ts';
import { decodeText, isCompactJws } from './text.ts';

/** A pattern, its elements looked up in its channel table; not yet checked against the limits of a pattern. */
export function readPattern(reader: ByteReader): Pattern {
  const epoch = reader.u32();
  const from = reader.u32();
  const to = reader.u32();
  const channelCount = reader.u8();
  const leadCount = reader.u16();
  const cycleCount = reader.u16();
  const channels = [NOBODY];
  for (let at = 0; at < channelCount; at += 1) {
    const channel = reader.u16();
    if (channel <= (channels[at] ?? 0)) throw fault('bad-frame', 'pattern channels must ascend from 1');
    channels.push(channel);
  }
  const isUsed = new Uint8Array(channels.length).fill(1, 0, 1);
  const lead = readElements(reader, leadCount, channels, isUsed);
  const cycle = readElements(reader, cycleCount, channels, isUsed);
  if (isUsed.includes(0)) throw fault('bad-frame', 'a pattern names a channel that it does not use');
  return { epoch, from, to, lead, cycle };
}

function readElements(reader: ByteReader, count: number, channels: readonly number[], isUsed: Uint8Array): Uint16Array {
  const places = reader.raw(count);
  const elements = new Uint16Array(count);
  for (let at = 0; at < count; at += 1) {
    const place = places[at] ?? 0;
    const channel = channels[place];
    if (channel === undefined) throw fault('bad-frame', 'a pattern element is not in its channel table');
    isUsed[place] = 1;
    elements[at] = channel;
  }
  return elements;
}

/** Ranges behind their count. */
export function readRanges(reader: ByteReader): Range[] {
  const count = reader.u16();
  if (count > LIMITS.maxRanges) throw fault('frame-too-large', `more than ${LIMITS.maxRanges} ranges`);
  const list: Range[] = [];
  for (let at = 0; at < count; at += 1) {
    const first = reader.u32();
    list.push({ first, length: reader.u32() });
  }
  checkRanges(list, 'remote');
  return list;
}

/** 0 or 1. */
export function readFlag(reader: ByteReader): boolean {
  const value = reader.u8();
  if (value > 1) throw fault('bad-frame', 'a flag is neither 0 nor 1');
  return value === 1;
}

/** 0 for pattern, 1 for send. */
export function readSentBy(reader: ByteReader): SentBy {
  return readFlag(reader) ? 'send' : 'pattern';
}

/** A number from a newer peer has no word here; its text is all that can be told. */
export function readError(reader: ByteReader): { code: ErrorCode; text: string } {
  const number = reader.u8();
  const code = codeOfWire(number);
  const text = decodeText(reader.raw(reader.left));
  if (ERROR_CODES[code].wire !== number) throw fault('bad-frame', `error number ${number} is not known: ${text}`);
  return { code, text };
}

/** Nodes of a page. */
export function readNodeCount(reader: ByteReader): number {
  const count = reader.u16();
  if (count === 0) throw fault('bad-frame', 'a page has no nodes');
  if (count > LIMITS.maxProofNodes) throw fault('frame-too-large', `more than ${LIMITS.maxProofNodes} nodes`);
  return count;
}

/** A signed manifest, or the empty text. */
export function readManifest(reader: ByteReader): string {
  const length = reader.u16();
  if (length > LIMITS.maxManifestBytes) throw fault('frame-too-large', 'the manifest is too large');
  const manifest = decodeText(reader.raw(length));
  if (!isCompactJws(manifest)) throw fault('bad-frame', 'the manifest is not a compact JWS');
  return manifest;
}

function fault(code: 'bad-frame' | 'frame-too-large', text: string): HeddleError {
  return new HeddleError(code, text, { side: 'remote' });
}
