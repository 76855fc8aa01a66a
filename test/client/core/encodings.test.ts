// Which channels are asked to encode: those of routes that are known to be slow, as long as what comes can be decoded.
import { expect, test } from 'vitest';
import { CORE_DEFAULTS } from '../../../client/core/options.ts';
import type { CoreOptions } from '../../../client/core/options.ts';
import type { RouteTerms } from '../../../client/core/route-terms.ts';
import { acceptedOf } from '../../../protocol/frames.ts';
import { SEGMENT } from './core-state.ts';
import { PlayedTransfer } from './played-transfer.ts';

const GZIP = acceptedOf(['gzip']);
const SEGMENTS = 20_000;

/** Every ENCODE so far: channel and what it accepts. */
function asked(play: PlayedTransfer): [number, number][] {
  return play.effects.flatMap((effect) => (effect.type === 'encode' ? [[effect.channel, effect.accepted]] : []));
}

/** A transfer over routes of these terms, whose first channels have greeted. */
function begun(terms: readonly RouteTerms[], core: Partial<CoreOptions> = {}): PlayedTransfer {
  const play = new PlayedTransfer({ routes: terms.length, terms, segments: SEGMENTS, options: core });
  for (const at of terms.keys()) play.open(at + 1);
  return play;
}

/** Every channel brings up to so many segments every 10 ms. */
function bring(play: PlayedTransfer, segments: readonly number[], rounds: number): void {
  for (let round = 0; round < rounds && play.outcome === undefined; round += 1) {
    for (const [at, most] of segments.entries()) {
      play.up(at + 1);
      play.down(at + 1, most);
    }
    play.pass(10);
  }
}

test('a slow route is asked once it is known to be slow, each of its channels once, and not before', () => {
  const play = begun([{}]);
  expect(asked(play)).toEqual([]);
  bring(play, [2], 200);
  expect(play.snapshot.routes[0]).toMatchObject({ slowStart: false });
  expect(asked(play).filter(([channel]) => channel === 1)).toEqual([[1, GZIP]]);
});

test('one that is remembered as slow is asked at its greeting', () => {
  const play = begun([{ rememberedBytesPerSecond: 1_000_000 }]);
  play.pass(10);
  expect(asked(play)).toEqual([[1, GZIP]]);
});

test('a quick route never is', () => {
  const play = begun([{}], { encodeBelowBytesPerSecond: 100 * SEGMENT });
  bring(play, [4], 300);
  expect(play.snapshot.routes[0]?.carriedBytesPerSecond).toBeGreaterThan(100 * SEGMENT);
  expect(asked(play)).toEqual([]);
});

test('nor is a mirror, which cannot prove what it decodes to, nor anybody where the user does not want it', () => {
  const slow = { rememberedBytesPerSecond: 1_000 };
  const mirror = begun([slow, { ...slow, proves: false }]);
  mirror.pass(10);
  expect(asked(mirror)).toEqual([[1, GZIP]]);
  const off = begun([slow], { encode: false });
  bring(off, [1], 50);
  expect(asked(off)).toEqual([]);
});

test('when more comes than can be decoded all are told to stop, for good', () => {
  const decodeMostBytesPerSecond = 400 * SEGMENT;
  const play = begun([{ rememberedBytesPerSecond: 1_000 }, {}], { decodeMostBytesPerSecond });
  play.pass(10);
  expect(asked(play)).toEqual([[1, GZIP]]);
  bring(play, [8, 8], 100);
  expect(asked(play)).toEqual([
    [1, GZIP],
    [1, 0],
  ]);
  bring(play, [1, 1], 300);
  expect(asked(play)).toHaveLength(2);
});

test('the default bounds leave room for several slow routes', () => {
  const { encodeBelowBytesPerSecond, decodeMostBytesPerSecond } = CORE_DEFAULTS;
  expect(4 * encodeBelowBytesPerSecond).toBeLessThanOrEqual(decodeMostBytesPerSecond / 2);
});
