// Transfers played by hand in the tests of one file: made, opened, and each looked over for broken rules when its test
// ends. And the few words that these tests have in common.
import { afterEach, expect } from 'vitest';
import type { Effect, Input } from '../../../client/core/messages.ts';
import { PlayedTransfer } from './played-transfer.ts';
import type { PlayOrder } from './played-transfer.ts';

/** How a test comes by transfers. */
export type Plays = {
  playOf(order: PlayOrder): PlayedTransfer;
  /** A transfer over `routes` routes, each with an open channel; channel n is on route n − 1. */
  opened(order: PlayOrder): PlayedTransfer;
};

/** Call it once at the top of a file: behind each test no transfer of its may have broken a rule. */
export function checkedPlays(): Plays {
  const plays: PlayedTransfer[] = [];
  afterEach(() => {
    for (const play of plays.splice(0)) expect(play.faults).toEqual([]);
  });
  const playOf = (order: PlayOrder): PlayedTransfer => {
    const play = new PlayedTransfer(order);
    plays.push(play);
    return play;
  };
  const opened = (order: PlayOrder): PlayedTransfer => {
    const play = playOf(order);
    const channels = order.routes ?? 1;
    for (let channel = 1; channel <= channels && play.outcome === undefined; channel += 1) play.open(channel);
    return play;
  };
  return { playOf, opened };
}

/** 0 to `count` − 1. */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

export function typesOf(effects: readonly Effect[]): string[] {
  return effects.map(({ type }) => type);
}

/** What the transfer said when it failed; '' when it did not. */
export function messageOf(play: PlayedTransfer): string {
  const last = play.effects.at(-1);
  return last?.type === 'fail' ? last.message : '';
}

/** The segment that the source of `channel` sends next; it counts as sent. */
export function nextOf(play: PlayedTransfer, channel: number): number {
  return (play.sources.get(channel)!.set.next() as { index: number }).index;
}

/** The source of `channel` will not bring `index`, which it was to bring by pattern. */
export function dropped(
  channel: number,
  index: number,
  reason: Extract<Input, { type: 'dropped' }>['reason'],
  epoch = 1,
): Extract<Input, { type: 'dropped' }> {
  return { type: 'dropped', channel, index, epoch, by: 'pattern', reason };
}
