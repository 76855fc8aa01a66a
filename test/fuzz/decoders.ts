// Every decoder that reads what others wrote, with samples of what it accepts, and what must hold for any input: it is
// refused with one of the documented codes, or accepted; and what a binary decoder accepts has that one byte form.
import { isDeepStrictEqual } from 'node:util';
import { gzipSync } from 'node:zlib';
import { open } from '../../client/io/identity.ts';
import { judgeAnswer } from '../../client/io/range-answer.ts';
import { refusalOf } from '../../client/io/refusal.ts';
import { judgeSegment } from '../../client/io/segment-decoder.ts';
import { sha256 } from '../../client/io/sha256.ts';
import { CLIENT_SETTINGS } from '../../client/settings.ts';
import { ORIGIN_SETTINGS } from '../../origin/settings.ts';
import { formatChannelHeaders, parseChannelHeaders } from '../../protocol/channel-request.ts';
import { HeddleError } from '../../protocol/errors.ts';
import { decodeBody, FrameReader, readHeader, SOURCE_FRAME_TYPES } from '../../protocol/frame-reader.ts';
import { encodeFrame } from '../../protocol/frame-writer.ts';
import { FRAME_HEADER_BYTES } from '../../protocol/frames.ts';
import { parseResponseHead } from '../../protocol/http-head.ts';
import { LEAF_BYTES, LIMITS } from '../../protocol/limits.ts';
import { checkManifestHeader, encodeManifest, parseManifest } from '../../protocol/manifest.ts';
import { nodeAt, verifyPage } from '../../protocol/merkle.ts';
import { keyOfSegmentsPath, pathsOf, splitVia } from '../../protocol/paths.ts';
import { RELAY_SETTINGS } from '../../relay/settings.ts';
import type { AnyTable } from '../../protocol/settings/setting.ts';
import { checkText } from '../../protocol/settings/settings-file.ts';
import { SignedObject } from '../client/io/signed-object.ts';
import { GOLDEN_FRAMES } from '../protocol/golden-frames.ts';

/** A decoder under test. `run` is true when the input was accepted, and throws when something is wrong. */
export type Decoder = {
  readonly name: string;
  readonly samples: readonly Uint8Array[];
  run(input: Uint8Array): boolean;
};

const text = (line: string): Uint8Array => Buffer.from(line, 'latin1');
const latin1 = (input: Uint8Array): string => Buffer.from(input).toString('latin1');
const golden = Object.values(GOLDEN_FRAMES).map(({ hex }) => Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const object = new SignedObject('data/a.bin', 41 * LEAF_BYTES + 7);
const leaves = object.levels[0] ?? new Uint8Array(0);

/** What `decode` gives, or undefined when it refuses as it should. */
function refusable<Value>(decode: () => Value, side?: 'remote'): { readonly value: Value } | undefined {
  try {
    return { value: decode() };
  } catch (error) {
    if (!(error instanceof HeddleError)) throw error;
    if (error.code === 'internal' || (side !== undefined && error.side !== side)) throw error;
    return undefined;
  }
}

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

const frame: Decoder = {
  name: 'frame',
  samples: golden,
  run(input) {
    const header = refusable(() => readHeader(input), 'remote')?.value;
    if (header?.type === undefined || input.length < FRAME_HEADER_BYTES) return false;
    const { type } = header;
    const body = input.subarray(FRAME_HEADER_BYTES);
    const decoded = refusable(() => decodeBody(type, body), 'remote');
    if (decoded === undefined) return false;
    const again = encodeFrame(decoded.value).subarray(FRAME_HEADER_BYTES);
    must(Buffer.compare(again, body) === 0, `${type} is written differently`);
    return true;
  },
};

const stream: Decoder = {
  name: 'frame stream',
  samples: [Buffer.concat(golden.slice(0, 8)), Buffer.concat(golden.slice(8)), ...golden],
  run(input) {
    const whole = refusable(() => new FrameReader(SOURCE_FRAME_TYPES).push(input), 'remote');
    const reader = new FrameReader(SOURCE_FRAME_TYPES);
    const pieces = refusable(() => {
      const frames = [];
      for (let at = 0; at < input.length; at += 3) frames.push(...reader.push(input.subarray(at, at + 3)));
      return frames;
    }, 'remote');
    must((whole === undefined) === (pieces === undefined), 'pieces are judged differently');
    if (whole === undefined || pieces === undefined) return false;
    must(isDeepStrictEqual(whole.value, pieces.value), 'pieces are read differently');
    must(reader.heldBytes <= input.length, 'more is held than came');
    return whole.value.length > 0;
  },
};

const channelRequest: Decoder = {
  name: 'channel request',
  samples: [
    formatChannelHeaders({ transfer: '0123456789abcdef'.repeat(2), number: 7, segmentBytes: 65_536, first: [] }),
    formatChannelHeaders({
      transfer: 'f'.repeat(32),
      number: 65_535,
      segmentBytes: 32_768,
      first: [
        {
          type: 'pattern',
          pattern: { epoch: 1, from: 0, to: 9, lead: Uint16Array.of(1, 0), cycle: Uint16Array.of(1) },
        },
        { type: 'credit', total: 4 },
      ],
    }),
  ].map(([channel, first]) => text(`${channel?.[1]}\n${first?.[1]}`)),
  run(input) {
    const [channel, first] = latin1(input).split('\n', 2);
    const request = refusable(() => parseChannelHeaders(channel, first), 'remote');
    if (request === undefined) return false;
    const [again, frames] = formatChannelHeaders(request.value);
    must(again?.[1] === channel, 'the request is written differently');
    // frames of optional types that are not known are skipped, all others have one form
    const same = isDeepStrictEqual(parseChannelHeaders(again?.[1], frames?.[1]), request.value);
    must(same && (frames?.[1].length ?? 0) <= (first ?? '').length, 'the first frames are written differently');
    if (frames?.[1].length === (first ?? '').length)
      must(frames[1] === (first ?? ''), 'the first frames have two forms');
    return true;
  },
};

const [jwsHeader = '', jwsPayload = ''] = object.signed().split('.');

const manifest: Decoder = {
  name: 'manifest',
  samples: [
    Buffer.from(jwsPayload, 'base64url'),
    encodeManifest({ ...object.manifest, modified: 1_700_000_000_000, contentType: 'text/plain; charset="utf-8"' }),
  ],
  run(input) {
    const parsed = refusable(() => parseManifest(input), 'remote');
    if (parsed === undefined) return false;
    must(Buffer.compare(encodeManifest(parsed.value), input) === 0, 'the manifest is written differently');
    return true;
  },
};

const manifestHeader: Decoder = {
  name: 'manifest header',
  samples: [Buffer.from(jwsHeader, 'base64url')],
  run(input) {
    let value: unknown;
    try {
      value = JSON.parse(latin1(input));
    } catch {
      return false;
    }
    return refusable(() => checkManifestHeader(value), 'remote') !== undefined;
  },
};

const signedManifest: Decoder = {
  name: 'signed manifest',
  samples: [text(object.signed())],
  run(input) {
    const jws = latin1(input);
    const opened = refusable(() => open(jws), 'remote');
    if (opened === undefined) return false;
    // the last digit of the signature has spare bits: the same manifest all the same
    must(isDeepStrictEqual(opened.value.manifest, object.manifest), 'another manifest passes under the signature');
    return true;
  },
};

const page: Decoder = {
  name: 'proof page',
  samples: [1, 2, 8, 64].flatMap((span) =>
    [0, 17, 40].map((leaf) => encodeFrame({ type: 'proof', page: object.page(leaf, span) }).subarray(4)),
  ),
  run(input) {
    const decoded = refusable(() => decodeBody('proof', input), 'remote');
    if (decoded?.value.type !== 'proof') return false;
    const { page: claimed } = decoded.value;
    if (!verifyPage(claimed, { size: object.bytes.length, root: object.root }, sha256)) return false;
    const level = object.levels[Math.min(claimed.level, object.levels.length - 1)] ?? leaves;
    const { first, nodes } = claimed;
    for (let at = 0; at * 32 < nodes.length; at += 1) {
      must(Buffer.compare(nodeAt(nodes, at), nodeAt(level, first + at)) === 0, 'a false node is proven');
    }
    return true;
  },
};

const leaf = object.bytes.subarray(0, LEAF_BYTES);
const dull = new Uint8Array(LEAF_BYTES);
const leafNode = nodeAt(leaves, 0);

const encodedSegment: Decoder = {
  name: 'encoded segment',
  // one that is right, one that is longer than a segment may be, and what is left of a large one
  samples: [leaf.subarray(0, 2_000), dull, new Uint8Array(4 * LEAF_BYTES)].map((bytes) => gzipSync(bytes)),
  run(input) {
    const buffer = new Uint8Array(Math.max(input.length, LEAF_BYTES));
    buffer.set(input);
    const encoded = { encoding: 'gzip', mostBytes: LEAF_BYTES } as const;
    const { ok, plain } = judgeSegment(buffer, { start: 0, end: input.length }, leafNode, encoded);
    must(!ok, 'another segment passes for the first');
    must(plain === undefined || plain.end - plain.start <= LEAF_BYTES, 'more comes out than may');
    return plain !== undefined;
  },
};

const HEADS = [
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: heddle/1\r\nConnection: Upgrade\r\n\r\n',
  'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Type: application/problem+json\r\n\r\n{"code":"overloaded","detail":"full"}',
  'HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-99/1000\r\nETag: "abc"\r\nContent-Length: 100\r\nRepr-Digest: sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:\r\n\r\n',
  'HTTP/1.1 302 Found\r\nLocation: http://mirror.example/a.bin\r\nContent-Length: 0\r\n\r\n',
];
const AT = new URL('http://mirror.example/a.bin');

const head: Decoder = {
  name: 'HTTP head',
  samples: HEADS.map(text),
  run(input) {
    const parsed = refusable(() => parseResponseHead(input), 'remote');
    const length = parsed?.value?.bytes ?? input.length;
    must(length <= Math.min(input.length, LIMITS.maxHeadBytes), 'a head is longer than it may be');
    if (parsed?.value === undefined) return false;
    const again = parseResponseHead(input.slice(0, length), Math.max(0, length - 2));
    must(isDeepStrictEqual(again, parsed.value), 'a head in pieces is read differently');
    const refusal = refusalOf(parsed.value, latin1(input.subarray(length)));
    must((refusal.retryAfterMs ?? 0) >= 0 && (refusal.retryAfterMs ?? 0) <= 60_000, 'a pause without bounds');
    must(/^[\x20-\x7e]*$/.test(refusal.text), 'a refusal that is not one line of text');
    refusable(() => judgeAnswer(parsed.value as never, { first: 0, last: 99 }, undefined, AT));
    return true;
  },
};

const path: Decoder = {
  name: 'path',
  samples: ['/v1/via/eu/v1/via/main/v1/segments/data/a%20b.bin?x=1', pathsOf('data/ä b.bin').segments].map(text),
  run(input) {
    const raw = latin1(input);
    const via = refusable(() => splitVia(raw), 'remote')?.value;
    if (via !== undefined)
      must(raw.endsWith(via.rest) && !/(?:^|\/)\.\.(?:\/|$)/.test(via.rest), 'the rest leads elsewhere');
    const key = refusable(() => keyOfSegmentsPath(raw), 'remote')?.value;
    if (key !== undefined) must(!key.split('/').includes('..') && !key.startsWith('/'), 'a key leads elsewhere');
    return via !== undefined || key !== undefined;
  },
};

const YAML: readonly (readonly [string, AnyTable, string])[] = [
  [
    'client configuration',
    CLIENT_SETTINGS,
    'routes:\n  - name: eu\n    url: https://relay-eu:9001/v1/via/main\n  - {name: us, url: "http://us:1", localAddress: 10.0.0.1}\nsegmentBytes: 64KiB\n',
  ],
  ['relay configuration', RELAY_SETTINGS, 'listen: 0.0.0.0:9000\nupstreams:\n  main: http://origin:8080\n'],
  ['origin configuration', ORIGIN_SETTINGS, 'dir: /srv/objects\nlisten: 127.0.0.1:8080\n'],
];

const configurations = YAML.map(
  ([name, table, sample]): Decoder => ({
    name,
    // one that refers to itself and one that multiplies, which no configuration may
    samples: [text(sample), text('a: &a [x, *a]\n'), text('a: &a [1,1]\nb: &b [*a,*a]\nc: [*b,*b]\n')],
    run(input) {
      const { faults } = checkText(Buffer.from(input).toString('utf8'), '/etc/heddle/FILE', table);
      for (const { place, text: line } of faults) {
        must(place.line >= 1 && place.column >= 1 && !line.includes('\n'), 'a mistake without place, or of many lines');
      }
      return faults.length === 0;
    },
  }),
);

/** All of them. */
export const DECODERS: readonly Decoder[] = [
  frame,
  stream,
  channelRequest,
  manifest,
  manifestHeader,
  signedManifest,
  page,
  encodedSegment,
  head,
  path,
  ...configurations,
];
