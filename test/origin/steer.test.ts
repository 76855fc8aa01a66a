// Steering: the next segments go to whoever drains, DEALT says so, and under random epochs, delays, deals and deaths every
// segment still arrives exactly once: the client's ledgers and the origin's groups played against each other.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SteerGroup } from '../../origin/steer.ts';
import { dealByDrain, movedPart } from '../../origin/steer-deal.ts';
import { ChannelLedger } from '../../protocol/channel-ledger.ts';
import { checkDealt, elementAt, NOBODY, withDealt } from '../../protocol/pattern.ts';
import type { Pattern } from '../../protocol/pattern.ts';
import { SegmentSet } from '../../protocol/segment-set.ts';
import type { Answer } from '../../protocol/segment-set.ts';
import { randomPattern } from '../protocol/random-pattern.ts';

const SEGMENT = 32_768;
const SEGMENTS = 60;

type ToSource = Parameters<SegmentSet['handle']>[0];
type ToClient = Answer | { readonly type: 'dealt'; readonly pattern: Pattern };
type Channel = {
  readonly ledger: ChannelLedger;
  readonly source: SegmentSet;
  readonly group: SteerGroup;
  readonly up: ToSource[];
  readonly down: ToClient[];
  drained: number;
  alive: boolean;
};

/** One client; its channels end at two origins, each of which steers its own. */
class World {
  readonly received: number[] = Array.from({ length: SEGMENTS }, () => 0);
  readonly channels = new Map<number, Channel>();
  readonly faults: string[] = [];
  deals = 0;
  dropped = 0;
  readonly #groups = [new SteerGroup(SEGMENT, 0), new SteerGroup(SEGMENT, 0)];
  readonly #random: () => number;
  #now = 0;
  #epoch = 0;
  #newest: Pattern | undefined;

  constructor(random: () => number) {
    this.#random = random;
  }

  alive(): [number, Channel][] {
    return [...this.channels].filter(([, channel]) => channel.alive);
  }

  open(number: number): void {
    const group = this.#groups[number % 3 === 0 ? 1 : 0] as SteerGroup;
    const held = [{ first: 0, length: SEGMENTS }];
    const source = new SegmentSet(number, SEGMENTS, held, (index) => group.isElsewhere(index, number));
    const channel: Channel = {
      ledger: new ChannelLedger(number),
      source,
      group,
      up: [],
      down: [],
      drained: 0,
      alive: true,
    };
    this.channels.set(number, channel);
    group.join({
      number,
      set: source,
      drainedBytes: () => channel.drained,
      pendingBytes: () => 0,
      announce: (pattern) => {
        this.deals += 1;
        channel.down.push({ type: 'dealt', pattern: checkDealt(pattern) });
      },
    });
    this.deal();
  }

  /** The client hears of the end at once, the origin when `bury` is called. */
  die(number: number): void {
    const channel = this.channels.get(number);
    if (channel !== undefined) channel.alive = false;
    this.deal();
  }

  bury(): void {
    for (const [number, { alive, group }] of this.channels) if (!alive) group.leave(number);
  }

  /** Some time passes at the origins; they may deal. */
  steer(): void {
    this.#now += 100;
    for (const group of this.#groups) group.turn(this.#now);
  }

  deal(): void {
    const ledgers = new Map(this.alive().map(([number, { ledger }]) => [number, ledger]));
    this.#epoch += 1;
    const leastFrom = this.#newest?.from ?? 0;
    const newest = randomPattern({ epoch: this.#epoch, received: this.received, leastFrom, ledgers }, this.#random);
    this.#newest = newest;
    for (const [, channel] of this.alive()) {
      channel.ledger.pattern(newest);
      channel.up.push({ type: 'pattern', pattern: newest });
    }
  }

  grant(number: number): void {
    const channel = this.channels.get(number);
    if (channel === undefined || !channel.alive) return;
    channel.ledger.grant();
    channel.up.push({ type: 'credit', total: channel.ledger.credit });
  }

  /** A few frames reach the source, which then decides up to `decisions` times. */
  upstream(number: number, decisions: number): void {
    const channel = this.channels.get(number);
    if (channel === undefined) return;
    for (const frame of channel.up.splice(0, 2 * decisions + 2)) channel.source.handle(frame);
    for (let at = 0; at < decisions; at += 1) {
      const answer = channel.source.next();
      if (answer === undefined) return;
      if (answer.type === 'segment' && answer.by === 'pattern') channel.group.sent(answer.index, number);
      channel.drained += SEGMENT;
      channel.down.push(answer);
    }
  }

  /** One answer reaches the client. */
  downstream(number: number): void {
    const channel = this.channels.get(number);
    const answer = channel?.down.shift();
    if (channel === undefined || answer === undefined || !channel.alive) return;
    if (answer.type === 'idle') return channel.ledger.confirm(answer.epoch);
    if (answer.type === 'dealt') return this.#hear(number, answer.pattern);
    if (!channel.ledger.maySend().has(answer.index)) this.faults.push(`${number} sent ${answer.index}`);
    const isSent = answer.type === 'segment';
    if (!isSent) this.dropped += 1;
    if (channel.ledger.answer(answer.index, answer.epoch, answer.by, isSent) === 'unasked') this.faults.push('unasked');
    if (isSent) this.received[answer.index] = (this.received[answer.index] ?? 0) + 1;
  }

  /** Everything in flight arrives, everything missing is dealt and granted, until the object is whole. */
  finish(): void {
    for (let round = 0; round < 6 * SEGMENTS && this.received.includes(0); round += 1) {
      this.bury();
      for (const [number, channel] of this.alive()) {
        while (channel.up.length > 0) this.upstream(number, SEGMENTS);
        this.upstream(number, SEGMENTS);
        while (channel.down.length > 0) this.downstream(number);
      }
      this.deal();
      for (const [number, { ledger }] of this.alive()) if (ledger.nextToGrant() !== undefined) this.grant(number);
    }
  }

  #hear(number: number, dealt: Pattern): void {
    const owed = this.channels.get(number)?.ledger.mayOwe();
    for (const [at, taker] of dealt.lead.entries()) {
      const index = dealt.from + at;
      if (taker !== number && owed?.has(index) === true) this.channels.get(taker)?.ledger.claim(index, dealt.epoch);
    }
    this.channels.get(number)?.ledger.dealt(dealt);
  }
}

/** Steps of a play; with deaths a segment may come twice: what a dead channel owed is asked for again at once. */
const stepsWith = (...seldom: readonly string[]): fc.Arbitrary<{ kind: string; channel: number; amount: number }[]> => {
  const kind = fc.oneof(
    { weight: 1, arbitrary: fc.constantFrom(...seldom) },
    { weight: 6, arbitrary: fc.constant('steer') },
    { weight: 8, arbitrary: fc.constant('grant') },
    { weight: 12, arbitrary: fc.constant('up') },
    { weight: 6, arbitrary: fc.constant('down') },
  );
  const step = fc.record({ kind, channel: fc.integer({ min: 1, max: 6 }), amount: fc.integer({ min: 0, max: 4 }) });
  return fc.array(step, { maxLength: 300, size: 'max' });
};

function play(seed: number, steps: readonly { kind: string; channel: number; amount: number }[]): World {
  let state = seed >>> 0 || 1;
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 0x1_0000_0000;
  };
  const world = new World(random);
  for (const number of [1, 2, 3]) world.open(number);
  let opened = 3;
  for (const { kind, channel, amount } of steps) {
    if (kind === 'deal') world.deal();
    else if (kind === 'grant') for (let at = 0; at <= amount; at += 1) world.grant(channel);
    else if (kind === 'up') world.upstream(channel, Math.max(0, amount - 2));
    else if (kind === 'down') world.downstream(channel);
    else if (kind === 'steer') world.steer();
    else if (kind === 'bury') world.bury();
    else if (kind === 'die' && world.alive().length > 1) world.die(channel);
    else if (kind === 'open' && opened < 6) world.open((opened += 1));
  }
  world.finish();
  return world;
}

describe('though origins steer', () => {
  test('each segment arrives exactly once whatever the epochs, delays and deals', () => {
    let deals = 0;
    let dropped = 0;
    fc.assert(
      fc.property(fc.integer(), stepsWith('deal', 'open'), (seed, steps) => {
        const world = play(seed, steps);
        deals += world.deals;
        dropped += world.dropped;
        expect(world.faults, 'a channel sends only what its ledger says it may').toEqual([]);
        expect(world.received).toEqual(Array.from({ length: SEGMENTS }, () => 1));
      }),
      { numRuns: 200 },
    );
    expect(deals, 'the origins did steer').toBeGreaterThan(100);
    expect(dropped, 'some came to a segment second').toBeGreaterThan(0);
  });

  test('nothing is lost when channels die', () => {
    fc.assert(
      fc.property(fc.integer(), stepsWith('deal', 'open', 'die', 'bury'), (seed, steps) => {
        const world = play(seed, steps);
        expect(world.faults).toEqual([]);
        expect(world.received).not.toContain(0);
      }),
      { numRuns: 150 },
    );
  });
});

describe('dealing', () => {
  const open = (count: number): { owner: number; isOpen: boolean }[] =>
    Array.from({ length: count }, () => ({ owner: 1, isOpen: true }));

  test('shares follow what drains, evenly spread, and nobody is left out', () => {
    const elements = [
      ...dealByDrain(open(160), [
        { channel: 1, rate: 300 },
        { channel: 2, rate: 100 },
        { channel: 3, rate: 0 },
      ]),
    ];
    const count = (channel: number): number => elements.filter((element) => element === channel).length;
    expect(count(1) / count(2)).toBeCloseTo(3, 0);
    expect(count(3)).toBeGreaterThan(0);
    expect(count(3)).toBeLessThan(20);
    expect(elements.slice(0, 8).filter((element) => element === 2).length).toBeGreaterThan(0);
  });

  test('what is not open keeps its element', () => {
    const positions = [
      { owner: 7, isOpen: false },
      { owner: 1, isOpen: true },
      { owner: NOBODY, isOpen: false },
    ];
    expect([...dealByDrain(positions, [{ channel: 2, rate: 1 }])]).toEqual([7, 2, NOBODY]);
  });

  test('the moved part counts shares, not positions', () => {
    const positions = [
      { owner: 1, isOpen: true },
      { owner: 2, isOpen: true },
    ];
    expect(movedPart(positions, Uint16Array.of(2, 1))).toBe(0);
    expect(movedPart(positions, Uint16Array.of(1, 1))).toBe(0.5);
    expect(movedPart([], new Uint16Array(0))).toBe(0);
  });
});

test('what is dealt to a channel comes on top of what it owes; all else stays', () => {
  const elements = (max: number): fc.Arbitrary<Uint16Array> =>
    fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: max }).map((list) => Uint16Array.from(list));
  fc.assert(
    fc.property(
      elements(12),
      elements(7),
      elements(12),
      fc.nat(20),
      fc.nat(40),
      fc.nat(60),
      (lead, cycle, dealt, from, at, span) => {
        const pattern: Pattern = { epoch: 1, from, to: from + span, lead: lead.slice(0, span), cycle };
        const begin = Math.min(from + at, pattern.to);
        const over = { epoch: 1, from: begin, to: begin + dealt.length, lead: dealt, cycle: new Uint16Array(0) };
        const both = withDealt(pattern, over, 3);
        for (let index = 0; index < from + span + 10; index += 1) {
          const isDealt = index >= begin && index < over.to && index < pattern.to;
          const isOwn = isDealt && dealt[index - begin] === 3;
          expect(elementAt(both, index)).toBe(isOwn ? 3 : elementAt(pattern, index));
        }
      },
    ),
  );
});
