// Which channels there are: dials and redials in their time, stalls and replacements, exclusion, and giving up with the
// most telling reason.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Channel } from '../../../client/core/channel.ts';
import { CORE_DEFAULTS } from '../../../client/core/options.ts';
import type { CoreOptions } from '../../../client/core/options.ts';
import type { TransferState } from '../../../client/core/state.ts';
import { Supervisor } from '../../../client/core/supervisor.ts';
import type { ErrorCode } from '../../../protocol/errors.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import { coreState, leadOf, owe, taken } from './core-state.ts';

const { redialMs, dialTimeoutMs, firstDials, giveUpMs, replaceStalledMs } = CORE_DEFAULTS;

/** A supervisor on a virtual clock; what it told to be lost is kept. */
class Kit {
  readonly state: TransferState;
  readonly supervisor: Supervisor;
  readonly lost: number[] = [];
  now = 0;

  constructor(routes: number, options: Partial<CoreOptions> = {}) {
    this.state = coreState({ routes, segments: 1_000, options });
    this.state.size = undefined;
    this.supervisor = new Supervisor(this.state, (channel) => this.lost.push(channel.number), 0);
  }

  /** Turns every 10 ms for `ms`; the numbers of the channels dialled, by route. */
  run(ms: number): { dials: number[]; verdict: string | undefined } {
    const dials: number[] = [];
    let verdict: string | undefined;
    for (const end = this.now + ms; this.now < end && verdict === undefined; ) {
      this.now += 10;
      verdict = this.supervisor.turn(this.now)?.code;
      for (const effect of this.state.effects.splice(0)) if (effect.type === 'dial') dials.push(effect.route);
    }
    return { dials, verdict };
  }

  /** The newest channel of a route. */
  channelOf(route: number): Channel {
    return this.state.channels.of(route).at(-1)!;
  }

  /** The newest channel of a route greets. */
  open(route: number): Channel {
    const channel = this.channelOf(route);
    channel.apply('connected');
    channel.apply('hello');
    channel.helloSeen = true;
    this.state.size = 1_000 * this.state.options.segmentBytes;
    this.supervisor.heard(channel, true, this.now);
    return channel;
  }

  fail(route: number, code: ErrorCode = 'unreachable'): void {
    this.supervisor.ended(this.channelOf(route), code, this.now);
  }
}

describe('dialling', () => {
  test('every route at once, each channel with a number of its own', () => {
    const kit = new Kit(3);
    expect(kit.run(10).dials).toEqual([0, 1, 2]);
    expect(new Set(kit.state.channels.all.map(({ number }) => number)).size).toBe(3);
    for (const channel of kit.state.channels.all) channel.apply('connected');
    expect(kit.run(1_000).dials).toEqual([]);
  });

  test('while nobody answers, more and more: the path is long; all are given up with the first', () => {
    const { longOrderRttMs, longConnections } = CORE_DEFAULTS;
    const kit = new Kit(1);
    expect(kit.run(longOrderRttMs).dials).toEqual([0]);
    const before = kit.run(150).dials.length;
    expect(before).toBeGreaterThan(5);
    expect(before).toBeLessThan(longConnections - 1);
    expect(before + kit.run(1_000).dials.length).toBe(longConnections - 1);
    const started = kit.state.channels.all.map(({ startedAt }) => startedAt);
    expect(new Set(started).size).toBe(longConnections);
    kit.fail(0);
    expect(kit.state.channels.size).toBe(0);
    expect(kit.state.routes[0]?.failedDials).toBe(1);
    // whoever failed once is asked by one at a time
    expect(kit.run(redialMs + 1_000).dials).toEqual([0]);
  });

  test('a machine that was busy itself takes no path for a long one', () => {
    const kit = new Kit(1);
    kit.run(10);
    kit.now += 1_000;
    kit.supervisor.turn(kit.now);
    expect(kit.run(CORE_DEFAULTS.longOrderRttMs - 40).dials).toEqual([]);
    expect(kit.run(100).dials.length).toBeGreaterThan(0);
  });

  test('no more than one pattern can name', () => {
    const kit = new Kit(4, { firstConnections: 100 });
    expect(kit.run(1_000).dials).toHaveLength(LIMITS.maxPatternChannels);
  });

  test('a lost channel is dialled again after the pause, under a new number', () => {
    const kit = new Kit(2);
    kit.run(10);
    const { number } = kit.open(0);
    kit.open(1);
    kit.fail(0, 'connection-lost');
    expect(kit.lost).toEqual([number]);
    expect(kit.run(redialMs - 20).dials).toEqual([]);
    expect(kit.run(30).dials).toEqual([0]);
    expect(kit.channelOf(0).number).toBeGreaterThan(number);
  });

  test('as long as the transfer runs, and never more often than the pause allows', () => {
    const kit = new Kit(2);
    kit.run(10);
    kit.open(0);
    let dials = 0;
    for (let second = 0; second < 20; second += 1) {
      if (kit.state.channels.size === 2) kit.fail(1);
      dials += kit.run(1_000).dials.length;
    }
    expect(dials).toBe(20);
    for (let turn = 0; turn < 100; turn += 1) {
      if (kit.state.channels.size === 2) kit.fail(1);
      dials += kit.run(10).dials.length;
    }
    expect(dials - 20).toBeLessThanOrEqual(1_000 / redialMs);
  });

  test('a pause that the server asked for is kept', () => {
    const kit = new Kit(2);
    kit.run(10);
    kit.open(0);
    kit.supervisor.ended(kit.channelOf(1), 'overloaded', kit.now, 3_000);
    expect(kit.run(2_980).dials).toEqual([]);
    expect(kit.run(30).dials).toEqual([1]);
  });

  test('one that is not answered is given up: closed, and dialled again', () => {
    const kit = new Kit(2);
    kit.run(10);
    kit.open(0);
    const { number } = kit.channelOf(1);
    for (let at = 0; at < dialTimeoutMs + 20; at += 10) {
      kit.now += 10;
      kit.supervisor.turn(kit.now);
    }
    const closed = taken(kit.state, 'close');
    expect(closed[0]).toEqual({ type: 'close', channel: number, graceful: false });
    expect(closed).toHaveLength(CORE_DEFAULTS.longConnections);
    expect(kit.state.routes[1]?.lastCode).toBe('timeout');
    expect(kit.run(redialMs + 20).dials).toEqual([1]);
  });
});

describe('surplus', () => {
  /** A route with four open channels that needs only one. */
  function crowded(): { kit: Kit; channels: readonly Channel[] } {
    const kit = new Kit(1, { firstConnections: 4 });
    kit.run(90);
    const channels = kit.state.channels.all;
    for (const channel of channels) {
      channel.apply('connected');
      channel.apply('hello');
      channel.helloSeen = true;
    }
    kit.state.routes[0]!.connections = () => 1;
    return { kit, channels };
  }

  test('one after another finishes what it was asked for and goes; the last stays', () => {
    const { kit, channels } = crowded();
    kit.run(200);
    expect(channels.filter(({ state }) => state === 'closed')).toHaveLength(3);
    expect(channels.filter(({ state }) => state === 'open')).toHaveLength(1);
    expect(kit.lost.length).toBeGreaterThanOrEqual(3);
    expect(kit.run(1_000).dials).toEqual([]);
  });

  test('the slowest goes first, and is closed only when nothing may come from it any more', () => {
    const { kit, channels } = crowded();
    for (const [at, channel] of channels.entries()) {
      channel.rate.becomesBusy(0);
      channel.rate.add(100_000 * (4 - at), 10);
      channel.rate.tick(0, 20, false);
      channel.rate.tick(10, 20, false);
      owe(kit.state, channel, leadOf(1, [channel.number]), 1, kit.now);
    }
    kit.run(10);
    expect(channels.map(({ state }) => state)).toEqual(['open', 'open', 'open', 'draining']);
    kit.run(100);
    expect(channels.map(({ state }) => state)).toEqual(['open', 'draining', 'draining', 'draining']);
    channels[3]!.ledger.answer(0, 1, 'pattern', true);
    kit.run(10);
    expect(channels.map(({ state }) => state)).toEqual(['open', 'draining', 'draining', 'closed']);
    expect(kit.state.channels.get(channels[3]!.number)).toBeUndefined();
  });
});

describe('exclusion', () => {
  test('closes every channel of the route and dials it never again', () => {
    const kit = new Kit(2);
    kit.run(10);
    kit.open(0);
    const { number } = kit.open(1);
    kit.supervisor.exclude(kit.state.routes[1]!, 'corrupt');
    expect(taken(kit.state, 'close')).toMatchObject([{ channel: number }]);
    expect(kit.lost).toEqual([number]);
    expect(kit.state.channels.get(number)).toBeUndefined();
    expect(kit.run(60_000).dials).toEqual([]);
  });
});

describe('stalls', () => {
  function stalledKit(): { kit: Kit; silent: Channel; alive: Channel } {
    const kit = new Kit(2);
    kit.run(10);
    const [silent, alive] = [kit.open(0), kit.open(1)];
    for (const channel of [silent, alive]) {
      owe(
        kit.state,
        channel,
        leadOf(
          1,
          Array.from({ length: 9 }, () => channel.number),
        ),
        9,
        kit.now,
      );
      channel.hear(1_000, 20, kit.now);
    }
    return { kit, silent, alive };
  }

  /** The other route goes on receiving for `ms`. */
  function receive(kit: Kit, alive: Channel, ms: number): number[] {
    const dials: number[] = [];
    for (let at = 0; at < ms; at += 10) {
      alive.hear(100, 20, kit.now);
      kit.supervisor.heard(alive, true, kit.now);
      dials.push(...kit.run(10).dials);
    }
    return dials;
  }

  test('a silent channel is told lost once, and stays open for what may still come', () => {
    const { kit, silent, alive } = stalledKit();
    receive(kit, alive, 900);
    expect(silent.state).toBe('stalled');
    expect(kit.lost).toEqual([silent.number]);
    expect(kit.state.channels.get(silent.number)).toBeDefined();
  });

  test('a fresh channel is opened beside it after a while, and it goes when the fresh one delivers', () => {
    const { kit, silent, alive } = stalledKit();
    expect(receive(kit, alive, replaceStalledMs / 2)).toEqual([]);
    expect(receive(kit, alive, replaceStalledMs + 300)).toEqual([0]);
    const fresh = kit.open(0);
    expect(kit.state.channels.get(silent.number)).toBeDefined();
    fresh.segments = 1;
    kit.supervisor.heard(fresh, true, kit.now);
    expect(kit.state.channels.get(silent.number)).toBeUndefined();
    expect(taken(kit.state, 'close')).toMatchObject([{ channel: silent.number, graceful: false }]);
  });

  test('if all are silent together none is', () => {
    const { kit, silent, alive } = stalledKit();
    kit.run(10_000);
    expect([silent.state, alive.state]).toEqual(['open', 'open']);
  });
});

describe('giving up', () => {
  test('when nothing ever answered: after a few dials of every route, with each one named', () => {
    const kit = new Kit(2);
    let verdict: string | undefined;
    for (let turn = 0; turn < 100 && verdict === undefined; turn += 1) {
      for (const route of [0, 1]) if (kit.channelOf(route) !== undefined) kit.fail(route);
      ({ verdict } = kit.run(redialMs));
    }
    expect(verdict).toBe('no-route');
    expect(kit.now).toBeLessThan((firstDials + 2) * redialMs + 1_000);
    expect(kit.supervisor.turn(kit.now)?.message).toBe('{route 0}: unreachable, {route 1}: unreachable');
  });

  test('not while one route has not been tried as often', () => {
    const kit = new Kit(2);
    for (let turn = 0; turn < 10; turn += 1) {
      kit.run(redialMs + 20);
      kit.fail(0);
      expect(kit.supervisor.turn(kit.now)).toBeUndefined();
    }
  });

  test('when all of it is here but what proves it, which everybody keeps back', () => {
    const kit = new Kit(1);
    kit.run(10);
    kit.open(0);
    kit.run(giveUpMs + 1_000);
    const kept = (waitMs: number) => kit.supervisor.turn(kit.now, { areMissing: true, waitMs: () => waitMs });
    expect(kept(giveUpMs)).toBeUndefined();
    expect(kept(giveUpMs + 1)).toEqual({ code: 'no-route', message: '{route 0}: keeps the proofs back' });
    kit.supervisor.heard(kit.channelOf(0), true, kit.now);
    expect(kept(giveUpMs + 1)).toBeUndefined();
  });

  test('not because of a server that wants to be asked again', () => {
    for (const code of ['overloaded', 'not-indexed', 'draining'] as const) {
      const kit = new Kit(1);
      for (let turn = 0; turn < 3 * firstDials; turn += 1) {
        expect(kit.run(redialMs + 20).verdict).toBeUndefined();
        kit.fail(0, code);
      }
      expect(kit.supervisor.turn(kit.now)).toBeUndefined();
    }
  });

  test('when every route is excluded: at once, with the code that tells most', () => {
    const codes: readonly ErrorCode[] = ['corrupt', 'key-mismatch', 'object-not-found', 'refused', 'bad-request'];
    const tellingFirst = ['corrupt', 'key-mismatch', 'object-not-found', 'refused'];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...codes), { minLength: 1, maxLength: 5 }), (reasons) => {
        const kit = new Kit(reasons.length);
        kit.run(10);
        for (const [route, code] of reasons.entries()) {
          expect(kit.supervisor.turn(kit.now)).toBeUndefined();
          kit.supervisor.exclude(kit.state.routes[route]!, code);
        }
        const expected = tellingFirst.find((code) => reasons.includes(code as ErrorCode)) ?? 'no-route';
        expect(kit.supervisor.turn(kit.now)?.code).toBe(expected);
      }),
      { numRuns: 100 },
    );
  });

  test('when nothing was heard of any route for long', () => {
    const kit = new Kit(2);
    kit.run(10);
    kit.open(0);
    kit.open(1);
    kit.fail(0, 'connection-lost');
    kit.fail(1, 'connection-lost');
    const heardAt = kit.now;
    let verdict: string | undefined;
    while (verdict === undefined && kit.now < 3 * giveUpMs) {
      ({ verdict } = kit.run(redialMs + 20));
      for (const route of [0, 1]) if (kit.channelOf(route) !== undefined) kit.fail(route);
    }
    expect(verdict).toBe('no-route');
    expect(kit.now - heardAt).toBeGreaterThan(giveUpMs);
    expect(kit.now - heardAt).toBeLessThan(giveUpMs + 2_000);
  });

  test('even if a connection still stands, over which nothing comes although it was asked', () => {
    const kit = new Kit(1);
    kit.run(10);
    const channel = kit.open(0);
    owe(kit.state, channel, leadOf(1, [channel.number]), 1, kit.now);
    expect(kit.run(3 * giveUpMs).verdict).toBe('no-route');
  });

  test('but not while nothing was asked: the reader may take its time', () => {
    const kit = new Kit(1);
    kit.run(10);
    kit.open(0);
    expect(kit.run(3 * giveUpMs).verdict).toBeUndefined();
  });
});
