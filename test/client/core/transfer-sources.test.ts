// What becomes of a transfer whose sources send bad segments, or have not got all of the object.
import { describe, expect, test } from 'vitest';
import { elementAt } from '../../../protocol/pattern.ts';
import { SEGMENT } from './core-state.ts';
import { checkedPlays, dropped, nextOf, upTo } from './plays.ts';

const { opened, playOf } = checkedPlays();

describe('a bad segment', () => {
  test('is asked for elsewhere, and only it', () => {
    const play = opened({ routes: 2, segments: 100 });
    play.up(1);
    const index = nextOf(play, 1);
    play.bad.add(index);
    play.feed({ type: 'segment', channel: 1, index, epoch: play.snapshot.pattern.epoch, by: 'pattern' });
    const sends = play.effects.filter((effect) => effect.type === 'send');
    expect(sends).toEqual([{ type: 'send', channel: 2, ranges: [{ first: index, length: 1 }], again: false }]);
    expect(play.snapshot.counters.corrupt).toBe(1);
    expect(play.snapshot.routes.map(({ corrupt }) => corrupt)).toEqual([1, 0]);
    expect(play.finish()).toBe('done');
    expect(play.delivered).toEqual(upTo(100));
  });

  test('is asked for again from the only source', () => {
    const play = opened({ segments: 20 });
    play.bad.add(3);
    expect(play.finish()).toBe('done');
    expect(play.arrivals[3]).toBe(2);
    expect(play.delivered).toEqual(upTo(20));
  });

  test('bans its route after a few, and the others deliver the object', () => {
    const play = opened({ routes: 2, segments: 100 });
    play.up(1);
    for (let index = 0; index < 100; index += 1) if (elementAt(play.snapshot.pattern, index) === 1) play.bad.add(index);
    play.down(1);
    expect(play.route(0)).toMatchObject({ state: 'excluded', reason: 'corrupt' });
    expect(play.route(1).corrupt).toBe(0);
    play.bad.clear();
    expect(play.finish()).toBe('done');
    expect(play.effects.filter((effect) => effect.type === 'dial' && effect.route === 0)).toHaveLength(1);
  });

  test('from the only route ends the transfer as corrupt', () => {
    const play = opened({ segments: 20 });
    for (const index of upTo(20)) play.bad.add(index);
    expect(play.finish()).toBe('corrupt');
  });

  test('is blamed on its route even if the channel has ended meanwhile', () => {
    const play = opened({ routes: 2, segments: 100 });
    play.verifies = false;
    play.up(1);
    const [answer] = play.down(1, 1);
    play.end(1);
    play.feed({ type: 'verified', channel: 1, index: (answer as { index: number }).index, ok: false });
    expect(play.snapshot.routes.map(({ corrupt }) => corrupt)).toEqual([1, 0]);
  });

  test('nothing is delivered before its verdict', () => {
    const play = opened({ segments: 20 });
    play.verifies = false;
    play.up(1);
    play.down(1);
    play.pass(500);
    expect(play.delivered).toEqual([]);
    play.feed({ type: 'verified', channel: 1, index: 1, ok: true });
    expect(play.delivered).toEqual([]);
    play.feed({ type: 'verified', channel: 1, index: 0, ok: true });
    // what is proven goes out at an even pace
    play.pass(300);
    expect(play.delivered).toEqual([0, 1]);
  });
});

describe('a source that does not have all', () => {
  test('what it drops is asked of another', () => {
    const play = opened({ routes: 2, segments: 50 });
    play.up(1);
    const index = nextOf(play, 1);
    play.feed(dropped(1, index, 'read-failed', play.snapshot.pattern.epoch));
    expect(play.effects.filter((effect) => effect.type === 'send')).toMatchObject([
      { channel: 2, ranges: [{ first: index, length: 1 }] },
    ]);
    expect(play.finish()).toBe('done');
  });

  test('what nobody has ends the transfer at once, instead of being asked for without end', () => {
    const play = playOf({ segments: 50, held: [{ first: 0, length: 40 }] });
    play.open(1);
    expect(play.outcome).toBe('no-source-for-range');
    expect(play.effects.at(-1)).toMatchObject({
      message: expect.stringContaining(`bytes ${40 * SEGMENT} to ${50 * SEGMENT - 1} (segments 40 to 49)`),
    });
  });

  test('it is never asked for what its HELLO says it does not have', () => {
    const play = playOf({ routes: 2, segments: 50 });
    play.open(1);
    play.feed({ type: 'connected', channel: 2, connectMs: 20 }, 20);
    play.feed({ type: 'hello', channel: 2, size: play.size, held: [{ first: 0, length: 10 }] }, 20);
    const { pattern } = play.snapshot;
    for (let index = 10; index < 50; index += 1) expect(elementAt(pattern, index)).not.toBe(2);
  });
});
