// Sources that may provide only a part: nobody is ever asked for what it does not hold, what can be had is had, and what
// cannot be had ends the transfer at once. And routes that pause, or may have few connections.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { elementAt } from '../../../protocol/pattern.ts';
import { rangesHave } from '../../../protocol/ranges.ts';
import type { Range } from '../../../protocol/ranges.ts';
import type { PlayedTransfer } from './played-transfer.ts';
import { checkedPlays, dropped, messageOf, nextOf, upTo } from './plays.ts';

const { opened, playOf } = checkedPlays();

const run = (first: number, end: number): Range => ({ first, length: end - first });

describe('ranges held', () => {
  test('what each source lacks comes from the others, by pattern', () => {
    const play = opened({ routes: 3, segments: 300, heldBy: [[run(0, 150)], [run(100, 300)], [run(0, 300)]] });
    expect(play.finish()).toBe('done');
    expect(play.delivered).toEqual(upTo(300));
    const byPattern = play.snapshot.routes.reduce((sum, { patternBytes }) => sum + patternBytes, 0);
    expect(byPattern).toBeGreaterThan(0.9 * play.size);
  });

  test('patterns name only holders, whatever is held, and everything comes', () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 119 }), { maxLength: 6 });
    const steps = fc.array(fc.record({ channel: fc.integer({ min: 1, max: 3 }), count: fc.nat(8), ms: fc.nat(30) }), {
      maxLength: 40,
    });
    const outputs = fc.constantFrom<'any' | 'order'>('any', 'order');
    fc.assert(
      fc.property(
        cuts,
        fc.infiniteStream(fc.integer({ min: 1, max: 7 })),
        steps,
        outputs,
        (places, masks, life, output) => {
          const ends = [...new Set([0, ...places, 120])].sort((a, b) => a - b);
          const heldBy: Range[][] = [[], [], []];
          for (const [at, first] of ends.slice(0, -1).entries()) {
            const mask = masks.next().value as number;
            for (const route of [0, 1, 2])
              if ((mask >> route) % 2 === 1) heldBy[route]?.push(run(first, ends[at + 1]!));
          }
          const play = opened({ routes: 3, segments: 120, heldBy, options: { output } });
          for (const { channel, count, ms } of life) {
            play.up(channel, count);
            play.down(channel, count);
            play.pass(ms);
            const { pattern } = play.snapshot;
            for (let index = pattern.from; index < pattern.to; index += 1) {
              const element = elementAt(pattern, index);
              if (element > 0) expect(rangesHave(play.heldBy(element), index), `${index} of ${element}`).toBe(true);
            }
          }
          expect(play.finish()).toBe('done');
          expect(play.delivered.toSorted((a, b) => a - b)).toEqual(upTo(120));
          expect(play.faults).toEqual([]);
        },
      ),
      { numRuns: 150 },
    );
  });

  test('a source far behind all others in the object works from the beginning', () => {
    const play = opened({
      routes: 2,
      segments: 40_000,
      heldBy: [[run(0, 20_000)], [run(20_000, 40_000)]],
      options: { output: 'any' },
    });
    play.pass(50);
    play.up(2);
    play.down(2);
    expect(play.arrivals.findIndex((count) => count > 0)).toBeGreaterThanOrEqual(20_000);
    expect(play.snapshot.pattern.lead.length).toBeLessThan(8_000);
  });

  test('one whose only holder is still being dialled is waited for', () => {
    const play = playOf({ routes: 2, segments: 60, heldBy: [[run(0, 30)], [run(0, 60)]] });
    play.open(1);
    play.up(1);
    play.down(1);
    play.pass(2_000);
    expect(play.outcome).toBeUndefined();
    for (const channel of play.channels) if (!play.sources.has(channel)) play.open(channel);
    expect(play.finish()).toBe('done');
  });

  test('one whose only holder cannot be reached ends the transfer, and says who has what', () => {
    const play = playOf({ routes: 2, segments: 60, heldBy: [[run(0, 30)], [run(0, 60)]] });
    play.open(1);
    for (let dial = 0; dial < 10 && play.outcome === undefined; dial += 1) {
      for (const channel of play.channels) if (play.routes.get(channel) === 1) play.end(channel, 'unreachable');
      play.pass(300);
    }
    expect(play.outcome).toBe('no-source-for-range');
    expect(messageOf(play)).toContain('segments 30 to 59');
    expect(messageOf(play)).toContain('{route 0} has 0 to 29');
    expect(messageOf(play)).toContain('{route 1} is out of use (unreachable)');
  });

  test('one whose holder is lost for good is given up after a while, though others work', () => {
    const play = opened({ routes: 2, segments: 60, heldBy: [[run(0, 30)], [run(30, 60)]] });
    play.end(2);
    for (let second = 0; second < 40 && play.outcome === undefined; second += 1) {
      for (const channel of play.channels) if (play.routes.get(channel) === 1) play.end(channel, 'unreachable');
      play.up(1);
      play.down(1);
      play.pass(1_000);
    }
    expect(play.outcome).toBe('no-source-for-range');
    expect(play.now).toBeGreaterThan(play.options.giveUpMs);
  });

  test('one whose only holder stands by is called in', () => {
    const heldBy = [[run(0, 30)], [run(0, 30)], [run(0, 10)], [run(25, 60)]];
    const play = playOf({ routes: 4, segments: 60, heldBy, options: { activeRoutes: 2, probeIntervalMs: 1e9 } });
    expect(play.finish(2_000)).toBe('done');
    expect(play.now).toBeLessThan(5_000);
  });

  test('a source that refuses what it claimed is not asked again, and another brings it', () => {
    const play = opened({ routes: 2, segments: 100 });
    play.up(1);
    const index = nextOf(play, 1);
    play.feed(dropped(1, index, 'not-held', play.snapshot.pattern.epoch));
    play.pass(100);
    expect(elementAt(play.snapshot.pattern, index)).toBe(2);
    expect(play.finish()).toBe('done');
  });

  test('what was claimed by all and is held by none ends the transfer', () => {
    const play = opened({ segments: 20 });
    play.up(1);
    const index = nextOf(play, 1);
    play.feed(dropped(1, index, 'not-held', play.snapshot.pattern.epoch));
    expect(play.outcome).toBe('no-source-for-range');
  });

  test('a later channel may hold more', () => {
    const heldBy: Range[][] = [[run(0, 40)], [run(0, 60)]];
    const play = playOf({ routes: 2, segments: 60, heldBy });
    play.open(1);
    play.end(1);
    heldBy[0] = [run(0, 60)];
    play.feed({ type: 'refused', channel: 2, code: 'refused' });
    play.pass(300);
    expect(play.outcome).toBe('no-source-for-range');
    // the same, when the new channel came before the other route was lost
    const other = playOf({ routes: 2, segments: 60, heldBy: [[run(0, 60)], [run(0, 60)]] });
    other.feed({ type: 'connected', channel: 1, connectMs: 20 }, 20);
    other.feed({ type: 'hello', channel: 1, size: other.size, held: [run(0, 40)] });
    other.feed({ type: 'connected', channel: 2, connectMs: 20 });
    other.end(1);
    other.pass(300);
    other.open(3);
    other.feed({ type: 'refused', channel: 2, code: 'refused' });
    expect(other.finish()).toBe('done');
  });
});

describe('pauses and connections', () => {
  test.each(['draining', 'overloaded'] as const)('ERROR %s on an open channel pauses its route, no more', (code) => {
    const play = opened({ routes: 2, segments: 400 });
    play.feed({ type: 'refused', channel: 1, code });
    expect(play.route(0)).toMatchObject({ state: 'down', reason: code });
    expect(play.pass(play.options.pauseMs - 50).filter(({ type }) => type === 'dial')).toEqual([]);
    expect(play.pass(100).filter(({ type }) => type === 'dial')).toHaveLength(1);
    play.open(3);
    expect(play.route(0).state).toBe('active');
    expect(play.finish()).toBe('done');
  });

  test('the only route may pause as well', () => {
    const play = opened({ segments: 100 });
    play.feed({ type: 'refused', channel: 1, code: 'draining' });
    play.pass(1_500);
    expect(play.finish()).toBe('done');
  });

  test('a long route opens no more channels than it may, nor one beside a stalled one', () => {
    const most = (play: PlayedTransfer): number => play.channels.filter((each) => play.routes.get(each) === 0).length;
    const play = playOf({ routes: 2, segments: 4_000, terms: [{ maxConnections: 2 }, {}] });
    play.open(1, 600);
    play.open(2, 20);
    for (let turn = 0; turn < 600 && play.outcome === undefined; turn += 1) {
      play.up(2);
      play.down(2, 1);
      const ping = play.pings.shift();
      if (ping !== undefined) play.feed({ type: 'pong', ...ping, epoch: 1, queued: 0 });
      play.pass(10);
      expect(most(play)).toBeLessThanOrEqual(2);
    }
    const one = opened({ routes: 2, segments: 4_000, terms: [{ maxConnections: 1 }, {}] });
    for (let turn = 0; turn < 300; turn += 1) {
      one.up(2);
      one.down(2, 1);
      one.pass(10);
      expect(most(one)).toBeLessThanOrEqual(1);
    }
    expect(one.effects.filter((effect) => effect.type === 'dial' && effect.route === 0).length).toBeGreaterThan(1);
  });
});
