// The two headers that make an upgrade request a channel.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatChannelHeaders, isSegmentSize, parseChannelHeaders } from '../../protocol/channel-request.ts';
import type { ChannelRequest } from '../../protocol/channel-request.ts';
import { encodeFrame } from '../../protocol/frame-writer.ts';
import type { ClientFrame } from '../../protocol/frames.ts';
import { formatRequestHead } from '../../protocol/http-head.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { anyClientFrame } from './arbitraries.ts';

const transfer = '0123456789abcdef0123456789abcdef';
const request: ChannelRequest = { transfer, number: 1, segmentBytes: 65_536, first: [] };
const channel = `transfer=${transfer}; number=1; segment=65536`;
const requests: fc.Arbitrary<ChannelRequest> = fc.record({
  transfer: fc.stringMatching(/^[0-9a-f]{32}$/),
  number: fc.integer({ min: 1, max: 0xffff }),
  segmentBytes: fc.nat(5).map((power) => LIMITS.minSegmentBytes * 2 ** power),
  first: fc.array(anyClientFrame, { maxLength: 6 }),
});

describe('the headers of a channel', () => {
  it('are these', () => {
    const first: ClientFrame[] = [
      { type: 'credit', total: 1_000 },
      { type: 'ping', nonce: 0xfffe_fdfc },
    ];
    expect(formatChannelHeaders({ ...request, first })).toEqual([
      ['Heddle-Channel', channel],
      ['Heddle-First', 'AgAABAAAA-gGAAAE__79_A'],
    ]);
  });

  it('say the same at the other end, and fit into a head', () => {
    fc.assert(
      fc.property(requests, (sent) => {
        const lines = formatChannelHeaders(sent);
        expect(formatRequestHead('GET', '/', lines).length).toBeLessThan(LIMITS.maxHeadBytes);
        expect(parseChannelHeaders(lines[0]?.[1], lines[1]?.[1])).toEqual(sent);
      }),
    );
  });

  it('may come without first frames', () => {
    expect(parseChannelHeaders(channel, undefined)).toEqual(request);
    expect(parseChannelHeaders(channel, '')).toEqual(request);
  });

  const channels = [
    undefined,
    '',
    `${channel} `,
    `${channel}, ${channel}`,
    channel.replace('number=1', 'number=0'),
    channel.replace('number=1', 'number=01'),
    channel.replace('number=1', 'number=65536'),
    channel.replace('abc', 'ABC'),
    channel.replace('65536', '65535'),
    channel.replace('65536', '98304'),
    channel.replace('65536', '16384'),
    channel.replace('65536', '2097152'),
    channel.replaceAll('; ', ';'),
  ];
  it.each(channels)('are refused as %j', (text) => {
    expect(() => parseChannelHeaders(text, '')).toThrow(
      expect.objectContaining({ code: 'bad-request', side: 'remote' }),
    );
  });

  const firsts: [string, string][] = [
    ['AgAABAAAA-g=', 'bad-request'],
    ['AgAABAAAA+g', 'bad-request'],
    ['AgAABAAAA-h', 'bad-request'],
    ['BwAAAB', 'bad-request'],
    ['BwAAA', 'bad-request'],
    [' BwAAAA', 'bad-request'],
    ['BwAA', 'bad-request'],
    ['é', 'bad-request'],
    ['fwAAAA', 'unknown-frame'],
    ['JQAACAAAAAAAAAAA', 'bad-frame'],
    ['BwAAAQA', 'frame-too-large'],
  ];
  it.each(firsts)('are refused with first frames %j', (text, code) => {
    expect(() => parseChannelHeaders(channel, text)).toThrow(expect.objectContaining({ code, side: 'remote' }));
  });

  it('are refused with too many first frames before they are looked at', () => {
    const text = 'f'.repeat((LIMITS.maxFirstFrameBytes * 4) / 3 + 1);
    expect(() => parseChannelHeaders(channel, text)).toThrow(/too long/);
  });

  it('survive any text', () => {
    const text = fc.oneof(fc.string(), fc.base64String(), fc.stringMatching(/^[\w-]{0,60}$/));
    fc.assert(
      fc.property(text, text, (one, two) => {
        for (const header of [one, channel]) {
          try {
            parseChannelHeaders(header, two);
          } catch (error) {
            expect(error).toEqual(expect.objectContaining({ name: 'HeddleError', side: 'remote' }));
          }
        }
      }),
    );
  });

  it('hold first frames up to their limit', () => {
    const bye: ClientFrame = { type: 'bye' };
    const fitting = LIMITS.maxFirstFrameBytes / encodeFrame(bye).length;
    const full = { ...request, first: Array.from({ length: fitting }, () => bye) };
    const lines = formatChannelHeaders(full);
    expect(parseChannelHeaders(lines[0]?.[1], lines[1]?.[1])).toEqual(full);
    expect(() => formatChannelHeaders({ ...full, first: [...full.first, bye] })).toThrow(
      expect.objectContaining({ code: 'frame-too-large', side: 'local' }),
    );
  });

  const unsendable: Partial<ChannelRequest>[] = [
    { transfer: 'abc' },
    { number: 0 },
    { number: 65_536 },
    { number: 1.5 },
    { segmentBytes: 98_304 },
    { segmentBytes: Number.NaN },
  ];
  it.each(unsendable)('are not written for %j', (change) => {
    expect(() => formatChannelHeaders({ ...request, ...change })).toThrow(
      expect.objectContaining({ code: 'bad-request', side: 'local' }),
    );
  });
});

describe('a segment size', () => {
  it('is a leaf times a power of two, up to the largest segment', () => {
    const sizes = Array.from({ length: 64 }, (_, at) => (at + 1) * 16_384).filter(isSegmentSize);
    expect(sizes).toEqual([32_768, 65_536, 131_072, 262_144, 524_288, 1_048_576]);
    expect(isSegmentSize(2_097_152)).toBe(false);
    expect(isSegmentSize(65_537)).toBe(false);
  });
});
