// One channel: its table of states, event by event, and its account of what is asked, due and half here.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Channel, CHANNEL_STATES } from '../../../client/core/channel.ts';
import type { ChannelEvent, ChannelState } from '../../../client/core/channel.ts';
import { NOBODY } from '../../../protocol/pattern.ts';
import { leadOf, SEGMENT } from './core-state.ts';

const EVENTS: readonly ChannelEvent[] = ['connected', 'hello', 'lag', 'silence', 'bytes', 'surplus', 'ended'];

/** Events that lead to each state, from the beginning. */
const WAY: Readonly<Record<ChannelState, readonly ChannelEvent[]>> = {
  dialing: [],
  opening: ['connected'],
  open: ['connected', 'hello'],
  slow: ['connected', 'hello', 'lag'],
  stalled: ['connected', 'hello', 'silence'],
  draining: ['connected', 'hello', 'surplus'],
  closed: ['ended'],
};
const STATES = Object.keys(WAY) as ChannelState[];

/** What changes a state, written out, so that a changed table is noticed; every other event changes nothing. */
const CHANGES: Readonly<Record<ChannelState, Partial<Readonly<Record<ChannelEvent, ChannelState>>>>> = {
  dialing: { connected: 'opening', ended: 'closed' },
  opening: { hello: 'open', silence: 'stalled', ended: 'closed' },
  open: { lag: 'slow', silence: 'stalled', surplus: 'draining', ended: 'closed' },
  slow: { bytes: 'open', silence: 'stalled', surplus: 'draining', ended: 'closed' },
  stalled: { hello: 'open', bytes: 'open', ended: 'closed' },
  draining: { silence: 'stalled', ended: 'closed' },
  closed: {},
};

function channelIn(state: ChannelState): Channel {
  const channel = new Channel(1, 0, SEGMENT, 0);
  for (const event of WAY[state]) channel.apply(event);
  return channel;
}

describe('states', () => {
  test.each(STATES.flatMap((state) => EVENTS.map((event) => ({ state, event, next: CHANGES[state][event] ?? state }))))(
    '$state + $event → $next',
    ({ state, event, next }) => {
      const channel = channelIn(state);
      expect(channel.state).toBe(state);
      expect(channel.apply(event), 'says whether the state changed').toBe(state !== next);
      expect(channel.state).toBe(next);
    },
  );

  test('the table names nothing but states and events, and never a transition to the same state', () => {
    expect(Object.keys(CHANNEL_STATES).sort()).toEqual([...STATES].sort());
    for (const state of STATES) {
      for (const [event, next] of Object.entries(CHANNEL_STATES[state])) {
        expect(EVENTS).toContain(event);
        expect(STATES).toContain(next);
        expect(next).not.toBe(state);
      }
    }
  });

  test('frames can be written from the upgrade on, answers are expected of who is not silent, patterns deal to who stays', () => {
    const can = STATES.map((state) => {
      const { writable, sound, usable } = channelIn(state);
      return [state, writable, sound, usable];
    });
    expect(can).toEqual([
      ['dialing', false, false, false],
      ['opening', true, true, true],
      ['open', true, true, true],
      ['slow', true, true, false],
      ['stalled', true, false, false],
      ['draining', true, true, false],
      ['closed', false, false, false],
    ]);
  });
});

describe('gaps', () => {
  /** A channel at 1,000 bytes per ms and 20 ms that is heard every ms until 300, then again after `gapMs`. */
  function heardAfter(gapMs: number): number {
    const channel = channelIn('open');
    channel.ledger.pattern(
      leadOf(
        1,
        Array.from({ length: 99 }, () => 1),
      ),
    );
    for (let at = 0; at < 99; at += 1) channel.ledger.grant();
    channel.settle(20, 0);
    for (let now = 21; now <= 300; now += 1) {
      channel.hear(1_000, 20, now);
      if (now % 10 === 0) channel.rate.tick(now, 20, false);
    }
    return channel.hear(20_000, 20, 300 + gapMs);
  }

  test('most of a round trip without a byte in a stream that flowed is one, a few ms are none', () => {
    expect(heardAfter(21)).toBe(21);
    expect(heardAfter(5)).toBe(0);
  });
});

describe('account', () => {
  test('begins with nothing asked, nothing heard and no upgrade', () => {
    const channel = new Channel(1, 0, SEGMENT, 5);
    expect(channel).toMatchObject({ helloSeen: false, opened: false, outBytes: 0, receivedBytes: 0, heardAt: 5 });
    channel.openedAt = 6;
    expect(channel.opened).toBe(true);
  });

  test('what it hears is what it delivers, and waiting for the first answer is not slowness', () => {
    const channel = channelIn('open');
    channel.ledger.pattern(leadOf(1, [1]));
    channel.ledger.grant();
    channel.settle(200, 0);
    for (let now = 0; now <= 1_200; now += 10) {
      if (now > 200) channel.hear(1_000, 20, now);
      channel.rate.tick(now, 20, false);
    }
    expect(channel.rate.measured).toBeGreaterThan(90);
    expect(channel.rate.measured).toBeLessThan(110);
  });

  test('bytes asked for and not yet here never go below zero, whatever comes', () => {
    const step = fc.constantFrom('grant', 'send', 'bytes', 'answer');
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const channel = channelIn('open');
        channel.ledger.pattern(
          leadOf(
            1,
            Array.from({ length: 60 }, () => 1),
          ),
        );
        for (const [now, kind] of steps.entries()) {
          if (kind === 'grant') channel.ledger.grant();
          if (kind === 'send') channel.ledger.send(100 + now);
          if (kind === 'bytes') channel.hear(10_000, 20, now);
          const next = channel.ledger.expected[0];
          if (kind === 'answer' && next !== undefined) {
            channel.ledger.answer(next, 1, 'pattern', true);
            channel.answered();
          }
          channel.settle(20, now);
          expect(channel.outBytes).toBeGreaterThanOrEqual(0);
          expect(channel.outBytes).toBeLessThanOrEqual(channel.ledger.outstanding * SEGMENT);
          expect(channel.creditBytes).toBeGreaterThanOrEqual(channel.outBytes);
        }
      }),
      { numRuns: 100 },
    );
  });

  test('a half segment counts as half', () => {
    const channel = channelIn('open');
    channel.ledger.pattern(leadOf(1, [1, 1]));
    channel.ledger.grant();
    channel.ledger.grant();
    channel.settle(20, 0);
    channel.hear(SEGMENT / 2, 20, 30);
    expect(channel.outBytes).toBe(1.5 * SEGMENT);
    channel.hear(SEGMENT / 2, 20, 40);
    channel.ledger.answer(0, 1, 'pattern', true);
    channel.answered();
    expect(channel.outBytes).toBe(SEGMENT);
  });

  test('silence begins when something is due, not before, and ends with every byte', () => {
    const channel = channelIn('open');
    channel.hear(100, 20, 0);
    expect(channel.silence(10_000), 'nothing was asked').toBe(0);
    channel.ledger.pattern(leadOf(1, [1, 1]));
    channel.ledger.grant();
    channel.settle(50, 10_000);
    expect(channel.silence(10_040), 'the round trip is not over').toBe(0);
    expect(channel.silence(10_150)).toBe(100);
    channel.hear(100, 20, 10_150);
    expect(channel.silence(10_170)).toBe(20);
    channel.ledger.answer(0, 1, 'pattern', true);
    channel.answered();
    channel.settle(50, 10_170);
    expect(channel.silence(20_000), 'all is answered').toBe(0);
  });

  test('more asked of a busy channel does not excuse its silence', () => {
    const channel = channelIn('open');
    channel.ledger.pattern(leadOf(1, [1, 1]));
    channel.ledger.grant();
    channel.settle(50, 0);
    channel.ledger.grant();
    channel.settle(50, 140);
    expect(channel.silence(150)).toBe(100);
  });

  test('what a new pattern gives it comes behind what it may have been sending under the old one', () => {
    const channel = channelIn('open');
    channel.ledger.pattern(leadOf(1, [1, 1, 1, 1]));
    for (let at = 0; at < 3; at += 1) channel.ledger.grant();
    channel.promise(20, 0);
    expect(channel.asked()).toEqual([0, 1, 2]);
    // 0 and 1 came from elsewhere: the new pattern does not name anybody for them
    channel.ledger.pattern(leadOf(2, [NOBODY, NOBODY, 1, 1, 2, 1]));
    channel.ledger.send(9);
    channel.promise(500, 100);
    expect(channel.ledger.expected).toEqual([2, 3, 5]);
    expect(channel.asked()).toEqual([0, 1, 2, 3, 5, 9]);
    expect([channel.promises.get(2), channel.promises.get(3), channel.promises.get(5)]).toEqual([20, 600, 600]);
    // it says that it knows the new one: what only the old one gave it will not come
    channel.ledger.confirm(2);
    expect(channel.asked()).toEqual([2, 3, 5, 9]);
    channel.promise(500, 200);
    expect(channel.promises.has(0)).toBe(false);
  });
});

describe('credit', () => {
  /** A channel that brings so many bytes per ms and may be owed `granted` segments. */
  function channelOf(rate: number, granted: number): Channel {
    const channel = new Channel(1, 0, SEGMENT, 0);
    for (let now = 0; now <= 500; now += 10) {
      channel.rate.add(10 * rate, now);
      channel.rate.tick(now, 1, false);
    }
    channel.ledger.pattern(
      leadOf(
        1,
        Array.from({ length: granted }, () => 1),
      ),
    );
    for (let segment = 0; segment < granted; segment += 1) channel.ledger.grant();
    channel.raised();
    return channel;
  }
  const answersUntilWorth = (channel: Channel): number => {
    let answers = 0;
    for (; !channel.isWorthCredit && answers < 1_000; answers += 1) channel.ledger.answer(answers, 1, 'pattern', true);
    return answers;
  };

  test('is worth a frame for every segment on lines of up to 15 MB/s', () => {
    expect(answersUntilWorth(channelOf(1_000, 40))).toBe(0);
    expect(answersUntilWorth(channelOf(SEGMENT / 2 - 1_000, 40))).toBe(0);
  });

  test('and for those of two milliseconds on quicker ones', () => {
    const answers = answersUntilWorth(channelOf(5 * SEGMENT, 100));
    expect(answers).toBeGreaterThanOrEqual(7);
    expect(answers).toBeLessThanOrEqual(11);
  });

  test('but never waits until half of what was granted is used', () => {
    expect(answersUntilWorth(channelOf(1_000 * SEGMENT, 8))).toBe(4);
  });
});
