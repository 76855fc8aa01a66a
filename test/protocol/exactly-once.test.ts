// The exactly-once rule of the wire as a property: random patterns, credits, SENDs, delays and deaths between one client
// (ledgers) and the sources of its channels (segment sets). Each segment arrives exactly once over healthy channels.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ChannelLedger } from '../../protocol/channel-ledger.ts';
import type { Pattern } from '../../protocol/pattern.ts';
import { rangesOf } from '../../protocol/ranges.ts';
import { SegmentSet } from '../../protocol/segment-set.ts';
import type { Answer } from '../../protocol/segment-set.ts';
import { randomPattern } from './random-pattern.ts';

type ToSource = Parameters<SegmentSet['handle']>[0];
type Channel = {
  readonly ledger: ChannelLedger;
  readonly source: SegmentSet;
  readonly up: ToSource[];
  readonly down: Answer[];
  alive: boolean;
};

class World {
  readonly segments: number;
  readonly received: number[];
  readonly channels = new Map<number, Channel>();
  readonly unowned: string[] = [];
  #epoch = 0;
  #newest: Pattern | undefined;
  readonly #random: () => number;

  constructor(segments: number, random: () => number) {
    this.segments = segments;
    this.received = Array.from({ length: segments }, () => 0);
    this.#random = random;
  }

  pick<T>(list: readonly T[]): T | undefined {
    return list[Math.floor(this.#random() * list.length)];
  }

  alive(): [number, Channel][] {
    return [...this.channels].filter(([, channel]) => channel.alive);
  }

  open(number: number): void {
    const source = new SegmentSet(number, this.segments, [{ first: 0, length: this.segments }]);
    this.channels.set(number, { ledger: new ChannelLedger(number), source, up: [], down: [], alive: true });
    this.deal();
  }

  die(number: number): void {
    const channel = this.channels.get(number);
    if (channel !== undefined) channel.alive = false;
    this.deal();
  }

  /** A new pattern: maySend stays where it is, the rest goes to anybody. */
  deal(): void {
    const ledgers = new Map(this.alive().map(([number, { ledger }]) => [number, ledger]));
    this.#epoch += 1;
    const leastFrom = this.#newest?.from ?? 0;
    this.#send(randomPattern({ epoch: this.#epoch, received: this.received, leastFrom, ledgers }, this.#random));
  }

  #send(pattern: Pattern): void {
    this.#newest = pattern;
    for (const [, channel] of this.alive()) {
      channel.ledger.pattern(pattern);
      channel.up.push({ type: 'pattern', pattern });
    }
  }

  grant(number: number): void {
    const channel = this.channels.get(number);
    if (channel === undefined || !channel.alive) return;
    channel.ledger.grant();
    channel.up.push({ type: 'credit', total: channel.ledger.credit });
  }

  /** A SEND for a segment nobody may send; the next pattern leaves it with its holder. */
  send(number: number): void {
    const channel = this.channels.get(number);
    if (channel === undefined || !channel.alive) return;
    const reserved = new Set(this.alive().flatMap(([, { ledger }]) => [...ledger.maySend()]));
    const free = this.received.flatMap((count, index) => (count === 0 && !reserved.has(index) ? [index] : []));
    const index = this.pick(free);
    if (index === undefined) return;
    channel.ledger.send(index);
    channel.up.push({ type: 'send', ranges: rangesOf([index]), again: false });
    this.deal();
  }

  /** One frame reaches the source, which then decides up to `decisions` times. */
  upstream(number: number, decisions: number): void {
    const channel = this.channels.get(number);
    const frame = channel?.up.shift();
    if (channel === undefined) return;
    if (frame !== undefined) channel.source.handle(frame);
    for (let at = 0; at < decisions; at += 1) {
      const answer = channel.source.next();
      if (answer === undefined) return;
      channel.down.push(answer);
    }
  }

  /** One answer reaches the client. */
  downstream(number: number): void {
    const channel = this.channels.get(number);
    const answer = channel?.down.shift();
    if (channel === undefined || answer === undefined || !channel.alive) return;
    if (answer.type === 'idle') return channel.ledger.confirm(answer.epoch);
    if (!channel.ledger.maySend().has(answer.index)) this.unowned.push(`${number} sent ${answer.index}`);
    const sent = answer.type === 'segment' || answer.reason === 'not-held';
    if (channel.ledger.answer(answer.index, answer.epoch, answer.by, sent) === 'unasked') this.unowned.push('unasked');
    if (answer.type === 'segment') this.received[answer.index] = (this.received[answer.index] ?? 0) + 1;
  }

  /** Everything in flight arrives, everything missing is dealt and granted, until the object is whole. */
  finish(): void {
    for (let round = 0; round < 4 * this.segments && this.received.includes(0); round += 1) {
      for (const [number, channel] of this.alive()) {
        while (channel.up.length > 0) this.upstream(number, this.segments);
        this.upstream(number, this.segments);
        while (channel.down.length > 0) this.downstream(number);
      }
      this.deal();
      for (const [number, { ledger }] of this.alive()) if (ledger.nextToGrant() !== undefined) this.grant(number);
    }
  }
}

const step = fc.record({
  kind: fc.constantFrom(
    'deal',
    'grant',
    'grant',
    'grant',
    'up',
    'up',
    'up',
    'down',
    'down',
    'down',
    'send',
    'die',
    'open',
  ),
  channel: fc.integer({ min: 1, max: 6 }),
  amount: fc.integer({ min: 0, max: 4 }),
});

function play(seed: number, steps: readonly { kind: string; channel: number; amount: number }[]): World {
  let state = seed >>> 0 || 1;
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 0x1_0000_0000;
  };
  const world = new World(40, random);
  world.open(1);
  world.open(2);
  world.open(3);
  let opened = 3;
  for (const { kind, channel, amount } of steps) {
    if (kind === 'deal') world.deal();
    else if (kind === 'grant') world.grant(channel);
    else if (kind === 'up') world.upstream(channel, amount);
    else if (kind === 'down') world.downstream(channel);
    else if (kind === 'send') world.send(channel);
    else if (kind === 'die' && world.alive().length > 1) world.die(channel);
    else if (kind === 'open' && opened < 6) world.open((opened += 1));
  }
  world.finish();
  return world;
}

describe('exactly once', () => {
  test('a channel sends only what its ledger says it may', () => {
    fc.assert(
      fc.property(fc.integer(), fc.array(step, { maxLength: 300 }), (seed, steps) => {
        expect(play(seed, steps).unowned).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });

  test('each segment arrives exactly once whatever the epochs, delays, SENDs and deaths', () => {
    fc.assert(
      fc.property(fc.integer(), fc.array(step, { maxLength: 300 }), (seed, steps) => {
        expect(play(seed, steps).received).toEqual(Array.from({ length: 40 }, () => 1));
      }),
      { numRuns: 1_000 },
    );
  });

  test('a pattern that names a segment with an open SEND releases the one behind it', () => {
    const ledger = new ChannelLedger(1);
    const source = new SegmentSet(1, 8, [{ first: 0, length: 8 }]);
    const pattern: Pattern = { epoch: 1, from: 0, to: 8, lead: new Uint16Array(0), cycle: Uint16Array.of(1) };
    ledger.send(0);
    source.handle({ type: 'send', ranges: [{ first: 0, length: 1 }], again: false });
    ledger.pattern(pattern);
    source.handle({ type: 'pattern', pattern });
    ledger.grant();
    source.handle({ type: 'credit', total: 1 });
    expect(source.next()).toMatchObject({ index: 0, by: 'send' });
    expect(source.next()).toMatchObject({ index: 1, by: 'pattern' });
    expect(ledger.maySend(), 'before either answer is here').toEqual(new Set([0, 1]));
    expect(ledger.answer(0, 1, 'send', true)).toBe('expected');
    expect(ledger.answer(1, 1, 'pattern', true)).toBe('expected');
  });

  test('leaving out the reservation is noticed (the property can fail)', () => {
    const ledger = new ChannelLedger(1);
    const source = new SegmentSet(1, 4, [{ first: 0, length: 4 }]);
    const first: Pattern = { epoch: 1, from: 0, to: 4, lead: new Uint16Array(0), cycle: Uint16Array.of(1) };
    ledger.pattern(first);
    source.handle({ type: 'pattern', pattern: first });
    ledger.grant();
    source.handle({ type: 'credit', total: 1 });
    expect(source.next()).toMatchObject({ type: 'segment', index: 0 });
    expect(ledger.maySend()).toEqual(new Set([0]));
    ledger.pattern({ epoch: 2, from: 0, to: 4, lead: Uint16Array.of(2, 2), cycle: Uint16Array.of(1) });
    expect(ledger.maySend(), 'what an older pattern may have released stays until the new one is confirmed').toContain(
      0,
    );
  });
});
