// What commands show: sizes that fit, bars of their width, one line per error, and a block that is redrawn in place.
import type { WriteStream } from 'node:tty';
import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { bar, complain, formatBytes, formatRate, LiveBlock, paint } from '../../../client/commands/terminal.ts';
import { HeddleError } from '../../../protocol/errors.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

describe('formatBytes', () => {
  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_000, '1.0 kB'],
    [1_234_567, '1.2 MB'],
    [99_949, '99.9 kB'],
    [99_950, '100 kB'],
    [999_499, '999 kB'],
    [999_500, '1.0 MB'],
    [5e15, '5000 TB'],
  ])('%d is %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  test('is short, and off by five per cent at most', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999e12 }), (bytes) => {
        const [value = '', unit = ''] = formatBytes(bytes).split(' ');
        const scale = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 }[unit] ?? Number.NaN;
        expect(value.length).toBeLessThanOrEqual(4);
        expect(Math.abs(Number(value) * scale - bytes)).toBeLessThanOrEqual(0.05 * bytes);
      }),
    );
  });
});

test('rates are in the unit that links are sold in', () => {
  expect(formatRate(0)).toBe('0.0 Mbit/s');
  expect(formatRate(12_500_000)).toBe('100 Mbit/s');
  expect(formatRate(1_000_000)).toBe('8.0 Mbit/s');
});

describe('bar', () => {
  test('has its width whatever the fraction, full only at the end, empty only at the beginning', () => {
    fc.assert(
      fc.property(fc.double({ min: -2, max: 3, noNaN: true }), fc.integer({ min: 1, max: 80 }), (fraction, width) => {
        expect(bar(fraction, width)).toMatch(new RegExp(`^█*░*$`));
        expect(bar(fraction, width)).toHaveLength(width);
      }),
    );
    expect(bar(0, 4)).toBe('░░░░');
    expect(bar(0.5, 4)).toBe('██░░');
    expect(bar(1, 4)).toBe('████');
    expect(bar(7, 4)).toBe('████');
  });
});

describe('complain', () => {
  test('is one line with the code, on standard error only', () => {
    const written: string[] = [];
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => written.push(String(text)) > 0);
    const out = vi.spyOn(process.stdout, 'write');
    complain(new HeddleError('local-io', 'cannot write\n\tx: no space'));
    expect(written).toEqual(['heddle: cannot write x: no space (local-io)\n']);
    expect(out).not.toHaveBeenCalled();
  });
});

test('no colours where they are not wanted', () => {
  vi.stubEnv('NO_COLOR', '1');
  vi.stubEnv('FORCE_COLOR', undefined);
  expect(paint('green', 'text')).toBe('text');
});

describe('LiveBlock', () => {
  /** A terminal of a size, which keeps what is written. */
  function terminal(columns: number, rows: number): { stream: WriteStream; screen: () => string[] } {
    const lines: string[] = [''];
    let at = 0;
    const write = (text: string): boolean => {
      for (const [part] of text.matchAll(/\u001b\[(\d*)([A-Z])|\u001b\[[0-9;]*m|[\r\n]|[^\u001b\r\n]+/g)) {
        const up = /^\u001b\[(\d+)A$/.exec(part);
        if (up !== null) at -= Number(up[1]);
        else if (part === '\u001b[J') lines.splice(at, lines.length, '');
        else if (part === '\n') lines[(at += 1)] ??= '';
        else if (!part.startsWith('\u001b') && part !== '\r') lines[at] = part;
      }
      expect(at).toBeGreaterThanOrEqual(0);
      return true;
    };
    return { stream: { columns, rows, isTTY: true, write } as unknown as WriteStream, screen: () => lines };
  }

  test('draws over what it drew before', () => {
    const { stream, screen } = terminal(80, 24);
    const block = new LiveBlock(stream);
    block.draw(['one', 'two', 'three']);
    block.draw(['1', '2']);
    expect(screen()).toEqual(['1', '2', '']);
  });

  test('a line that stays stands above it', () => {
    const { stream, screen } = terminal(80, 24);
    const block = new LiveBlock(stream);
    block.say('before');
    block.draw(['one', 'two']);
    block.say('meanwhile');
    block.draw(['1', '2']);
    block.leave();
    block.draw(['new']);
    expect(screen()).toEqual(['before', 'meanwhile', '1', '2', 'new', '']);
  });

  test('never writes a line that the terminal would wrap, nor more lines than it shows', () => {
    const line = fc.array(fc.constantFrom('\u001b[32m', '\u001b[39m', 'abc', '█', ' '), { maxLength: 60 });
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 12 }),
        fc.integer({ min: 1, max: 60 }),
        fc.nat(8),
        (parts, columns, rows) => {
          const written: string[] = [];
          const write = (text: string): boolean => written.push(text) > 0;
          const lines = parts.map((part) => part.join(''));
          new LiveBlock({ columns, rows, write } as unknown as WriteStream).draw(lines);
          const shown = stripVTControlCharacters(written.join('')).split('\n').slice(0, -1);
          expect(shown.length).toBeLessThanOrEqual(Math.max(1, rows - 1));
          for (const [at, text] of shown.entries()) {
            expect(text.length).toBeLessThan(columns);
            expect(stripVTControlCharacters(lines[at] ?? '').startsWith(text)).toBe(true);
          }
        },
      ),
    );
  });
});
