// Where bodies end: whatever their framing and however their bytes are cut up, the data is handed on once, whole, and what
// comes behind the end is noticed.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseResponseHead } from '../../protocol/http-head.ts';
import { framingOf } from '../../relay/body-framing.ts';
import type { BodyFraming } from '../../relay/body-framing.ts';

function framing(headers: string, method = 'GET', status = 200): BodyFraming {
  const head = parseResponseHead(Buffer.from(`HTTP/1.1 ${status} x\r\n${headers}\r\n`, 'latin1'));
  if (head === undefined) throw new Error('not a head');
  return framingOf(head, method);
}

/** What comes of `wire` in pieces that end at `cuts`. */
function play(body: BodyFraming, wire: Buffer, cuts: readonly number[] = []): { data: string; isComplete: boolean } {
  const ends = [...new Set(cuts.map((cut) => cut % (wire.length + 1))), wire.length].toSorted((a, b) => a - b);
  const data: Buffer[] = [];
  let isComplete = body.take(Buffer.alloc(0), () => {});
  let at = 0;
  for (const end of ends) {
    isComplete = body.take(wire.subarray(at, end), (run) => data.push(Buffer.from(run)));
    at = end;
  }
  return { data: Buffer.concat(data).toString('latin1'), isComplete };
}

const chunk = (text: string, extension = ''): string => `${text.length.toString(16)}${extension}\r\n${text}\r\n`;

describe('a body', () => {
  it('in chunks is complete behind its trailer, however it is cut', () => {
    const texts = fc.array(fc.string({ unit: fc.constantFrom('a', '\r', '\n', '0', ';'), minLength: 1 }), {
      maxLength: 5,
    });
    fc.assert(
      fc.property(texts, fc.array(fc.nat()), fc.constantFrom('', 'X: 1\r\n'), (parts, cuts, trailer) => {
        const wire = Buffer.from(`${parts.map((part) => chunk(part, ';a=b')).join('')}0\r\n${trailer}\r\n`, 'latin1');
        const body = framing('Transfer-Encoding: Chunked\r\n');
        expect(play(body, wire, cuts)).toEqual({ data: parts.join(''), isComplete: true });
        expect(body.hasSurplus).toBe(false);
        // without its last byte it is not complete
        expect(play(framing('Transfer-Encoding: chunked\r\n'), wire.subarray(0, -1), cuts).isComplete).toBe(false);
      }),
    );
  });

  it('that is counted ends with its last byte', () => {
    const body = framing('Content-Length: 5\r\n');
    expect(play(body, Buffer.from('hel'))).toEqual({ data: 'hel', isComplete: false });
    expect(play(body, Buffer.from('lo more'))).toEqual({ data: 'lo', isComplete: true });
    expect(body.hasSurplus).toBe(true);
  });

  it('in chunks notices what comes behind it', () => {
    const body = framing('Transfer-Encoding: chunked\r\n');
    expect(play(body, Buffer.from(`${chunk('a')}0\r\n\r\nHTTP/1.1`))).toEqual({ data: 'a', isComplete: true });
    expect(body.hasSurplus).toBe(true);
  });

  it('without a length ends with the connection', () => {
    const body = framing('');
    expect([play(body, Buffer.from('all of it')).data, body.endsWithConnection]).toEqual(['all of it', true]);
  });

  it.each([
    ['HEAD', 200],
    ['GET', 204],
    ['GET', 304],
  ])('is none for %s with %i', (method, status) => {
    expect(play(framing('Content-Length: 5\r\n', method, status), Buffer.alloc(0)).isComplete).toBe(true);
  });
});

describe('nonsense', () => {
  it.each(['Content-Length: 5, 6', 'Content-Length: -1', 'Content-Length: ', 'Transfer-Encoding: gzip, chunked'])(
    'in the head is refused: %s',
    (line) => {
      expect(() => framing(`${line}\r\n`)).toThrow(expect.objectContaining({ code: 'handshake-failed' }));
    },
  );

  it.each(['x\r\n', '\r\n', '5\n', '1\r\nab\r\n', `${'0'.repeat(13)}\r\n`, `1;${'a'.repeat(300)}`])(
    'in chunks is refused: %j',
    (wire) => {
      const body = framing('Transfer-Encoding: chunked\r\n');
      expect(() => play(body, Buffer.from(wire))).toThrow(expect.objectContaining({ code: 'handshake-failed' }));
    },
  );
});
