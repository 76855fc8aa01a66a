// Numbers with units: every way to write one, and that what is written is read back exactly.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { amountFault, formatAmount, parseAmount } from '../../../protocol/settings/amount.ts';
import type { Amount } from '../../../protocol/settings/amount.ts';

const UNITS = ['bytes', 'bytes/s', 'ms', 's', 'sessions'];

describe('amounts', () => {
  test.each<[text: string, unit: string, value: number | undefined]>([
    ['0', 'bytes', 0],
    ['1234', 'bytes', 1_234],
    ['64KiB', 'bytes', 65_536],
    ['64 KiB', 'bytes', 65_536],
    ['1.5GiB', 'bytes', 1_610_612_736],
    ['0.1MB', 'bytes', 100_000],
    ['2TB', 'bytes', 2e12],
    ['7B', 'bytes', 7],
    ['10MB/s', 'bytes/s', 1e7],
    ['100Mbit/s', 'bytes/s', 12_500_000],
    ['1Gbit/s', 'bytes/s', 125_000_000],
    ['30s', 'ms', 30_000],
    ['0.25s', 'ms', 250],
    ['2m', 'ms', 120_000],
    ['2min', 'ms', 120_000],
    ['1h', 'ms', 3_600_000],
    ['1d', 's', 86_400],
    ['1500ms', 's', 1.5],
    ['12', 'sessions', 12],
    ...['', ' ', 'KiB', '64 K', '64kib', '-1', '+1', '1e3', '0x10', '1_000', '1,5', '1.', '.5', '30s', '1 2'].map(
      (text): [string, string, undefined] => [text, 'bytes', undefined],
    ),
    ['5s', 'sessions', undefined],
    ['64KiB', 'ms', undefined],
    ['10MB', 'bytes/s', undefined],
  ])('%j %s', (text, unit, value) => {
    expect(parseAmount(text, unit)).toBe(value);
  });

  test('are written so that they read back the same', () => {
    fc.assert(
      fc.property(
        fc.maxSafeNat(),
        fc.constantFrom(...UNITS),
        fc.constantFrom(1, 1_000, 1_024, 60_000, 2 ** 20),
        (n, unit, factor) => {
          const value = Math.min(n, Math.floor(Number.MAX_SAFE_INTEGER / factor)) * factor;
          expect(parseAmount(formatAmount(value, unit), unit)).toBe(value);
        },
      ),
    );
    expect([65_536, 1_000_000, 65_537, 0].map((value) => formatAmount(value, 'bytes'))).toEqual([
      '64KiB',
      '1MB',
      '65537',
      '0',
    ]);
    expect([100, 30_000, 300_000, 86_400_000].map((value) => formatAmount(value, 'ms'))).toEqual([
      '100ms',
      '30s',
      '5m',
      '1d',
    ]);
  });

  test('are told their bounds', () => {
    const bounds: Amount = { value: 5, min: 2, max: 10, unit: 'sessions', why: '' };
    expect([1, 11, 2.5, Number.NaN, Infinity].map((value) => amountFault(value, bounds))).toEqual(
      ['1', '11', '2.5', 'NaN', 'Infinity'].map(
        (value) => `must be a whole number of sessions from 2 to 10, not ${value}`,
      ),
    );
    expect([2, 10].map((value) => amountFault(value, bounds))).toEqual([undefined, undefined]);
  });
});
