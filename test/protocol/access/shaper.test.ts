// Bytes per second on a virtual clock: nobody gets more than the limits say, nothing is left lying while somebody wants it,
// and sessions share fairly whatever the sizes of their reads.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Account } from '../../../protocol/access/accounts.ts';
import { Shaper } from '../../../protocol/access/shaper.ts';
import type { Share } from '../../../protocol/access/shaper.ts';

const TURN_MS = 20;

type Reader = { readonly share: Share; readonly readBytes: number; got: number; waits: boolean };

function accountOf(maxBytesPerSecond?: number, maxBytes = Number.POSITIVE_INFINITY): Account {
  return { open: 0, usedBytes: 0, maxBytesPerSecond, maxSessions: undefined, maxBytes, expiresAt: 0 };
}

/** Readers that always want more, and `seconds` of turns. */
function play(shaper: Shaper, readers: readonly Reader[], seconds: number, from = 0): void {
  for (let now = from; now <= from + seconds * 1_000; now += TURN_MS) {
    for (const reader of readers) {
      while (!reader.waits) {
        reader.got += reader.readBytes;
        reader.waits = !reader.share.took(reader.readBytes);
      }
    }
    shaper.turn(now);
  }
}

function readerOf(shaper: Shaper, account: Account, readBytes = 16_384): Reader {
  const reader: Reader = { share: shaper.open(account), readBytes, got: 0, waits: false };
  reader.share.listen(
    () => (reader.waits = false),
    () => (reader.waits = true),
  );
  return reader;
}

const limits = (all: number, perToken = 0): { maxBytesPerSecond: number; maxBytesPerSecondPerToken: number } => ({
  maxBytesPerSecond: all,
  maxBytesPerSecondPerToken: perToken,
});

describe('rates', () => {
  test('without limits every read may be followed by the next', () => {
    const shaper = new Shaper(limits(0));
    const share = shaper.open(accountOf());
    for (let reads = 0; reads < 1_000; reads += 1) expect(share.took(1e9)).toBe(true);
  });

  test('in all are kept and used up, and shared evenly whatever is read at once', () => {
    const shaper = new Shaper(limits(10e6), () => 0);
    const readers = [1_000, 16_384, 262_144, 786_432].map((bytes) => readerOf(shaper, accountOf(), bytes));
    play(shaper, readers, 20);
    const total = readers.reduce((sum, { got }) => sum + got, 0);
    expect(total).toBeGreaterThan(0.98 * 200e6);
    expect(total).toBeLessThan(1.02 * 200e6 + 1.1e6);
    for (const { got } of readers) expect(Math.abs(got / 50e6 - 1)).toBeLessThan(0.03);
  });

  test('of a token are kept, and what it cannot take goes to the others', () => {
    const shaper = new Shaper(limits(10e6, 8e6), () => 0);
    const thin = accountOf(1e6);
    const readers = [
      readerOf(shaper, thin),
      readerOf(shaper, thin),
      readerOf(shaper, accountOf()),
      readerOf(shaper, accountOf(20e6)),
    ];
    play(shaper, readers, 10);
    const rates = readers.map(({ got }) => got / 10e6);
    for (const [at, expected] of [0.5, 0.5, 4.5, 4.5].entries())
      expect(Math.abs((rates[at] ?? 0) / expected - 1)).toBeLessThan(0.05);
    const alone = new Shaper(limits(10e6, 8e6), () => 0);
    const reader = readerOf(alone, accountOf(20e6));
    play(alone, [reader], 10);
    expect(Math.abs(reader.got / 80e6 - 1)).toBeLessThan(0.05);
  });

  test('that are lifted let everybody go on', () => {
    const changing = { maxBytesPerSecond: 1_000, maxBytesPerSecondPerToken: 0 };
    const shaper = new Shaper(changing, () => 0);
    const reader = readerOf(shaper, accountOf(), 786_432);
    play(shaper, [reader], 1);
    expect(reader.waits).toBe(true);
    changing.maxBytesPerSecond = 0;
    shaper.turn(1_020);
    expect(reader.waits).toBe(false);
    expect(reader.share.took(1e9)).toBe(true);
  });

  test('hold for who reads on as soon as it is told', () => {
    const shaper = new Shaper(limits(1e6), () => 0);
    const share = shaper.open(accountOf());
    let got = 0;
    const read = (): void => {
      do got += 10_000;
      while (share.took(10_000));
    };
    share.listen(read, () => {});
    read();
    for (let now = 0; now <= 10_000; now += TURN_MS) shaper.turn(now);
    expect(got).toBeGreaterThan(9.8e6);
    expect(got).toBeLessThan(10.2e6);
  });

  test('whoever is over is dealt nothing', () => {
    const shaper = new Shaper(limits(1e6), () => 0);
    const [gone, stays] = [readerOf(shaper, accountOf()), readerOf(shaper, accountOf())];
    play(shaper, [gone, stays], 1);
    gone.waits = true;
    gone.share.end();
    const before = stays.got;
    play(shaper, [stays], 10, 1_000);
    expect(stays.got - before).toBeGreaterThan(9.5e6);
  });

  test('hold for every mix of limits, accounts and reads', () => {
    const anyReader = fc.record({ account: fc.nat(3), bytes: fc.integer({ min: 1_000, max: 400_000 }) });
    const anyRates = fc.array(fc.option(fc.integer({ min: 100_000, max: 5_000_000 }), { nil: undefined }), {
      minLength: 4,
      maxLength: 4,
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 100_000, max: 5_000_000 }),
        anyRates,
        fc.array(anyReader, { minLength: 1, maxLength: 8 }),
        (all, rates, wants) => {
          const shaper = new Shaper(limits(all), () => 0);
          const accounts = rates.map((rate) => accountOf(rate));
          const readers = wants.map(({ account, bytes }) => readerOf(shaper, accounts[account]!, bytes));
          const seconds = 10;
          play(shaper, readers, seconds);
          const slack = (these: readonly Reader[]): number => these.reduce((sum, { readBytes }) => sum + readBytes, 0);
          const sum = (these: readonly Reader[]): number => these.reduce((total, { got }) => total + got, 0);
          const most = (rate: number, these: readonly Reader[]): number => rate * (seconds + 0.2) + slack(these);
          expect(sum(readers)).toBeLessThanOrEqual(most(all, readers));
          for (const account of accounts) {
            const own = readers.filter(({ share }) => share.account === account);
            if (account.maxBytesPerSecond === undefined) continue;
            expect(sum(own)).toBeLessThanOrEqual(most(account.maxBytesPerSecond, own));
          }
          // what the accounts may take together, or all that there is, is used
          const takable = accounts.reduce((total, account) => {
            const wanted = readers.some(({ share }) => share.account === account);
            return total + (wanted ? Math.min(account.maxBytesPerSecond ?? all, all) : 0);
          }, 0);
          expect(sum(readers)).toBeGreaterThan(0.9 * Math.min(all, takable) * (seconds - 0.2));
        },
      ),
      { numRuns: 50 },
    );
  });
});

test('an account that has used up its bytes is told so', () => {
  const shaper = new Shaper(limits(0));
  const account = accountOf(undefined, 1_000);
  let spent = 0;
  const share = shaper.open(account);
  share.listen(
    () => {},
    () => (spent += 1),
  );
  share.took(999);
  expect(spent).toBe(0);
  share.took(1);
  expect(spent).toBe(1);
  expect(account.usedBytes).toBe(1_000);
});

test('what everybody has waited together is counted, up to now', () => {
  let now = 0;
  const shaper = new Shaper(limits(1_000_000), () => now);
  const [one, two] = [readerOf(shaper, accountOf()), readerOf(shaper, accountOf())];
  one.share.took(16_384);
  now = 300;
  expect([shaper.waiting, shaper.waitedMs()]).toEqual([1, 300]);
  two.share.took(16_384);
  now = 500;
  expect([shaper.waiting, shaper.waitedMs()]).toEqual([2, 700]);
  two.share.end();
  now = 600;
  expect([shaper.waiting, shaper.waitedMs()]).toEqual([1, 800]);
  shaper.turn(now);
  now = 10_000;
  expect([shaper.waiting, shaper.waitedMs()]).toEqual([0, 800]);
});
