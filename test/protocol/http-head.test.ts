// Heads of HTTP messages: what is written holds one head and no more, what is read may come in any pieces.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeddleError } from '../../protocol/errors.ts';
import { formatRequestHead, formatResponseHead, parseResponseHead } from '../../protocol/http-head.ts';
import type { ResponseHead } from '../../protocol/http-head.ts';
import { LIMITS } from '../../protocol/limits.ts';

const latin1 = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text, 'latin1'));
const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}$/);
const value = fc
  .string({ unit: fc.constantFrom(...Array.from('abc019,;=" \t:/'), 'é', 'ÿ'), maxLength: 20 })
  .map((text) => text.replace(/^[ \t]+|[ \t]+$/g, ''));
const headers = fc.array(fc.tuple(token, value), { maxLength: 6 });
const anything = fc.oneof(
  fc.string({
    unit: fc.constantFrom(...Array.from('ab: \t\r\n\0'), '\u010a', '\u010d', '\u2028', 'é', '\u001b', '\u0085'),
  }),
  fc.string({ unit: 'binary' }),
  token,
);

const answer =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nupgrade:heddle/1\r\nVia: a\r\nVIA:  b \t\r\nX-Empty:\r\n\r\n';
const parsed = (head: ResponseHead | undefined): unknown => head && { ...head, headers: [...head.headers] };

describe('an answer', () => {
  const expected = {
    status: 101,
    headers: [
      ['connection', 'Upgrade'],
      ['upgrade', 'heddle/1'],
      ['via', 'a, b'],
      ['x-empty', ''],
    ],
    bytes: answer.length,
  };

  it('is read whatever follows it, split at every byte', () => {
    const bytes = latin1(`${answer}\u0021\u0000\r\n\r\n`);
    for (let length = 0; length <= bytes.length; length += 1) {
      const head = parseResponseHead(bytes.subarray(0, length));
      if (length < answer.length) expect(head).toBeUndefined();
      else expect(parsed(head)).toEqual(expected);
    }
  });

  it('is found where it ends when earlier bytes were searched before', () => {
    const bytes = latin1(`${answer}abc`);
    for (let searched = 0; searched < answer.length; searched += 1) {
      for (const step of [1, 2, 5, 1_000]) {
        const head = parseResponseHead(bytes.subarray(0, searched + step), searched);
        if (searched + step < answer.length) expect(head).toBeUndefined();
        else expect(parsed(head)).toEqual(expected);
      }
    }
  });

  it('is read as it was written', () => {
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 599 }), value, headers, (status, reason, list) => {
        const head = parseResponseHead(latin1(formatResponseHead(status, reason, list)));
        const joined = new Map<string, string>();
        for (const [name, text] of list) {
          const before = joined.get(name.toLowerCase());
          joined.set(name.toLowerCase(), before === undefined ? text : `${before}, ${text}`);
        }
        expect(head?.status).toBe(status);
        expect(head?.headers).toEqual(joined);
      }),
    );
  });

  const nonsense = [
    'HTTP/2 200\r\n\r\n',
    'HTTP/1.1 20\r\n\r\n',
    'HTTP/1.1 600 x\r\n\r\n',
    'HTTP/1.1  200 x\r\n\r\n',
    'HTTP/1.1 200 a\u0001\r\n\r\n',
    'HTTP/1.1 200 OK\r\nA : b\r\n\r\n',
    'HTTP/1.1 200 OK\r\n: b\r\n\r\n',
    'HTTP/1.1 200 OK\r\nA\r\n\r\n',
    'HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n',
    'HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n',
    'HTTP/1.1 200 OK\r\nA: b\rC: d\r\n\r\n',
    'HTTP/1.1 200 OK\r\nA: \0\r\n\r\n',
    'HTTP/1.1 200 OK\r\n\u00e9: b\r\n\r\n',
    'HTTP/1.1 200 OK\n\nA: b\r\n\r\n',
    '\r\nHTTP/1.1 200 OK\r\n\r\n',
    'SSH-2.0',
    'GET / HTTP/1.1\r\n\r\n',
    `HTTP/1.1 200 OK\r\nA: ${'a'.repeat(LIMITS.maxHeadBytes)}`,
    `HTTP/1.1 200 OK\r\nA: ${'a'.repeat(LIMITS.maxHeadBytes)}\r\n\r\n`,
    `HTTP/1.1 200 OK\r\nA: ${' '.repeat(30_000)}\u0001\r\n\r\n`,
  ];
  it.each(nonsense.map((text) => [JSON.stringify(text.slice(0, 40)), text]))('%s is none', (_, text) => {
    expect(() => parseResponseHead(latin1(text))).toThrow(
      expect.objectContaining({ code: 'handshake-failed', side: 'remote' }),
    );
  });

  it('of any bytes is a head, unfinished, or nonsense, and the same whatever comes after it', () => {
    const start = fc.constantFrom('', 'HTTP/1.1 200 OK\r\n', 'HTTP/1.1 101\r\nA: b\r\n', 'HTTP/1.');
    const rest = fc.array(fc.oneof(fc.constantFrom(10, 13, 13, 10, 32, 58, 65, 0, 0x85, 0xff), fc.nat(255)), {
      maxLength: 30,
    });
    const outcome = (bytes: Uint8Array): unknown => {
      try {
        return parsed(parseResponseHead(bytes));
      } catch (error) {
        expect(error).toEqual(expect.objectContaining({ code: 'handshake-failed', side: 'remote' }));
        return 'nonsense';
      }
    };
    fc.assert(
      fc.property(start, rest, (text, tail) => {
        const bytes = Uint8Array.of(...latin1(text), ...tail);
        const whole = outcome(bytes);
        for (let length = 0; length < bytes.length; length += 1) {
          const part = outcome(bytes.subarray(0, length));
          if (part !== undefined) expect(part).toEqual(whole);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('a head that is written', () => {
  it('is the head asked for', () => {
    const lines = [
      ['Host', 'a'],
      ['Upgrade', 'heddle/1'],
    ] as const;
    expect(formatRequestHead('GET', '/v1/segments/a', lines)).toBe(
      'GET /v1/segments/a HTTP/1.1\r\nHost: a\r\nUpgrade: heddle/1\r\n\r\n',
    );
    expect(formatResponseHead(101, 'Switching Protocols', lines)).toBe(
      'HTTP/1.1 101 Switching Protocols\r\nHost: a\r\nUpgrade: heddle/1\r\n\r\n',
    );
  });

  /** What the far end sees: the lines of the text as it was written, or nothing when it was refused. */
  function linesOf(write: () => string): string[] | undefined {
    let text: string;
    try {
      text = write();
    } catch (error) {
      expect(error).toBeInstanceOf(HeddleError);
      expect(error).toEqual(expect.objectContaining({ code: 'bad-request', side: 'local' }));
      return undefined;
    }
    return Buffer.from(text, 'latin1')
      .toString('latin1')
      .split(/\r\n|[\r\n\0]/);
  }

  it('has one line for each header and no other, whatever stands in it', () => {
    const lists = fc.array(fc.tuple(fc.oneof(token, anything), anything), { maxLength: 4 });
    fc.assert(
      fc.property(fc.oneof(token, anything), fc.oneof(fc.constant('/a'), anything), lists, (method, target, list) => {
        const request = linesOf(() => formatRequestHead(method, target, list));
        if (request !== undefined) {
          expect(request).toHaveLength(1 + list.length + 2);
          expect(request[0]?.split(' ')).toEqual([method, target, 'HTTP/1.1']);
          for (const [place, [name, text]] of list.entries()) expect(request[place + 1]).toBe(`${name}: ${text}`);
          for (const [name] of list) expect(name).toMatch(/^[^\s:]+$/);
        }
        const response = linesOf(() => formatResponseHead(200, target, list));
        if (response !== undefined) expect(response).toHaveLength(1 + list.length + 2);
      }),
      { numRuns: 1_000 },
    );
  });

  const injections: [string, string, string, string][] = [
    ['a line break in a value', 'GET', '/', 'a\r\nHost: evil'],
    ['a character that latin1 cuts down to a line feed', 'GET', '/', 'a\u010aHost: evil'],
    ['a NUL', 'GET', '/', 'a\0b'],
    ['an escape sequence', 'GET', '/', '\u001b[2J'],
    ['a space in the target', 'GET', '/ HTTP/1.1 x', 'a'],
    ['a line break in the target', 'GET', '/\r\nA: b', 'a'],
    ['an empty target', 'GET', '', 'a'],
    ['a method of two words', 'GET /x', '/', 'a'],
  ];
  it.each(injections)('is refused for %s', (_, method, target, text) => {
    expect(() => formatRequestHead(method, target, [['A', text]])).toThrow(
      expect.objectContaining({ code: 'bad-request' }),
    );
  });

  it('is refused for a name that is none, or a status that is none', () => {
    for (const name of ['', 'a b', 'a:', 'a\n', 'é']) {
      expect(() => formatRequestHead('GET', '/', [[name, '']])).toThrow(
        expect.objectContaining({ code: 'bad-request' }),
      );
    }
    for (const status of [99, 600, 1.5, Number.NaN])
      expect(() => formatResponseHead(status, '', [])).toThrow(HeddleError);
    expect(() => formatResponseHead(200, 'a\r\nb', [])).toThrow(HeddleError);
  });
});
