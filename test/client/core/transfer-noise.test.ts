// Inputs that mean nothing to a transfer change nothing, but for what was received in vain.
import { describe, expect, test } from 'vitest';
import type { Input } from '../../../client/core/messages.ts';
import { CORE_DEFAULTS } from '../../../client/core/options.ts';
import { SEGMENT } from './core-state.ts';
import type { PlayedTransfer } from './played-transfer.ts';
import { checkedPlays, dropped, typesOf, upTo } from './plays.ts';

const { opened } = checkedPlays();

describe('what means nothing', () => {
  /** A running transfer with segments 0 and up received over channel 1, and channel 3 closed. */
  function running(): PlayedTransfer {
    const play = opened({ routes: 3, segments: 200 });
    play.up(1);
    play.down(1, 3);
    play.end(3);
    play.pass(5);
    play.effects.length = 0;
    return play;
  }

  /** Everything of the snapshot but what was received in vain. */
  function essence(play: PlayedTransfer): unknown {
    const { counters, routes, ...rest } = play.snapshot;
    const { receivedBytes, wasteBytes, ...others } = counters;
    const useful = routes.map((route) => ({ ...route, counts: { ...route.counts, waste: 0, wasteBytes: 0 } }));
    return { ...rest, routes: useful, others, useful: receivedBytes - wasteBytes };
  }

  const received = (play: PlayedTransfer): number => play.arrivals.findIndex((count) => count > 0);

  test.each<[string, (play: PlayedTransfer) => Input]>([
    ['PONG with an unknown nonce', () => ({ type: 'pong', channel: 1, nonce: 99_999, epoch: 1, queued: 0 })],
    ['IDLE of an old epoch', () => ({ type: 'idle', channel: 1, epoch: 0 })],
    ['proof page nobody asked for', () => ({ type: 'proof', channel: 1, first: 5_120, count: 512, ok: true })],
    ['DROPPED of what is here', (play) => dropped(1, received(play), 'not-held')],
    ['DROPPED nobody waits for', () => dropped(1, 190, 'not-held')],
    ['DROPPED of a SEND that was never sent', () => ({ ...dropped(1, 190, 'cancelled'), by: 'send' })],
    ['second HELLO', () => ({ type: 'hello', channel: 1, size: 200 * SEGMENT, held: [] })],
    ['second "connected"', () => ({ type: 'connected', channel: 1, connectMs: 1 })],
    ['HELLO on a channel that is gone', () => ({ type: 'hello', channel: 3, size: 5, held: [] })],
    ['bytes on a channel that is gone', () => ({ type: 'received', channel: 3, bytes: 1_000 })],
    ['end of a channel that is gone', () => ({ type: 'closed', channel: 3, code: 'connection-lost' })],
    ['refusal on a channel that is gone', () => ({ type: 'refused', channel: 3, code: 'refused' })],
    ['end of a channel that never was', () => ({ type: 'closed', channel: 77, code: 'connection-lost' })],
    ['"taken" of what was taken', (play) => ({ type: 'taken', index: play.delivered[0] ?? 0 })],
    ['"taken" of what is missing', () => ({ type: 'taken', index: 180 })],
    [
      'verdict on what was delivered',
      (play) => ({ type: 'verified', channel: 1, index: play.delivered[0] ?? 0, ok: true }),
    ],
    ['verdict on what is missing', () => ({ type: 'verified', channel: 1, index: 180, ok: true })],
  ])('%s changes nothing', (_, input) => {
    const play = running();
    const before = essence(play);
    const effects = play.feed(input(play));
    expect(essence(play)).toEqual(before);
    expect(typesOf(effects).filter((type) => !['pattern', 'credit'].includes(type))).toEqual([]);
    expect(play.finish()).toBe('done');
    expect(play.delivered).toEqual(upTo(200));
  });

  test.each([1, 2, 3, 77])('a segment that is here already, over channel %i, is waste and nothing else', (channel) => {
    const play = running();
    const index = received(play);
    const before = essence(play);
    const { wasteBytes } = play.snapshot.counters;
    const effects = play.feed({ type: 'segment', channel, index, epoch: 1, by: 'pattern' });
    expect(typesOf(effects)).toEqual(['discard']);
    expect(play.snapshot.counters.wasteBytes).toBe(wasteBytes + SEGMENT);
    const ofRoutes = play.snapshot.routes.reduce((sum, { counts }) => sum + counts.wasteBytes, 0);
    expect(ofRoutes).toBe(channel === 77 ? wasteBytes : wasteBytes + SEGMENT);
    const routes = (essence(play) as { routes: { corrupt: number }[] }).routes.map((route) => ({
      ...route,
      corrupt: 0,
    }));
    expect({ ...(essence(play) as object), routes }).toEqual(before);
    expect(play.finish()).toBe('done');
  });

  test('who goes on sending what nobody asked for is banned', () => {
    const play = running();
    for (let index = 190; index < 190 + CORE_DEFAULTS.corruptLimit; index += 1) {
      play.feed({ type: 'segment', channel: 2, index, epoch: 1, by: 'pattern' });
    }
    expect(play.route(1)).toMatchObject({ state: 'excluded', reason: 'corrupt' });
    expect(play.finish()).toBe('done');
  });
});
