// Proof pages: asked for ahead of the segments, once, of whoever answers soonest, and elsewhere when that one is silent,
// gone, or lied.
import { describe, expect, test } from 'vitest';
import { ProofPlan } from '../../../client/core/proof-plan.ts';
import { SegmentTable } from '../../../client/core/segment-table.ts';
import type { TransferState } from '../../../client/core/state.ts';
import { coreState, openChannel, SEGMENT, taken } from './core-state.ts';

const PAGE = 512;
const LONG_MS = 60_000;

/** A transfer of `segments` with an open channel on each of `routes` routes; channel n is on route n − 1. */
function planOf(segments: number, routes = 2): { state: TransferState; plan: ProofPlan } {
  const state = coreState({ routes, segments });
  for (let route = 0; route < routes; route += 1) openChannel(state, route + 1, { route, rate: 1_000 });
  return { state, plan: new ProofPlan(state) };
}

/** The pages asked for since the last call, by their first node. */
const asked = (state: TransferState): number[] => taken(state, 'prove').map(({ first }) => first);

describe('what is asked for', () => {
  test('the page of the highest segment and the one behind it, each once', () => {
    const { state, plan } = planOf(10 * PAGE);
    plan.turn(3, 0);
    expect(taken(state, 'prove')).toMatchObject([
      { first: 0, count: PAGE },
      { first: PAGE, count: PAGE },
    ]);
    plan.turn(PAGE - 1, 1);
    expect(asked(state)).toEqual([]);
    plan.turn(PAGE, 2);
    expect(asked(state)).toEqual([2 * PAGE]);
  });

  test('nothing before the size is known, nor of an empty object', () => {
    const unknown = coreState({ routes: 1 });
    openChannel(unknown, 1);
    new ProofPlan(unknown).turn(100, 0);
    expect(asked(unknown)).toEqual([]);
    const empty = coreState({ routes: 1, segments: 0 });
    openChannel(empty, 1);
    new ProofPlan(empty).turn(100, 0);
    expect(asked(empty)).toEqual([]);
  });

  test('the last page ends with the object', () => {
    const { state, plan } = planOf(PAGE + 10);
    plan.turn(PAGE + 9, 0);
    expect(taken(state, 'prove')).toMatchObject([
      { first: 0, count: PAGE },
      { first: PAGE, count: 10 },
    ]);
    plan.turn(1e9, 1);
    expect(asked(state)).toEqual([]);
  });

  test('what is proven is not asked for again, whoever sent it', () => {
    const { state, plan } = planOf(4 * PAGE);
    plan.proven(0, PAGE);
    plan.turn(3 * PAGE, 0);
    expect(asked(state)).toEqual([PAGE, 2 * PAGE, 3 * PAGE]);
    plan.proven(PAGE, PAGE);
    plan.turn(3 * PAGE, LONG_MS);
    expect(asked(state)).toEqual([2 * PAGE, 3 * PAGE]);
  });

  test('a part of a page is not the page', () => {
    const { state, plan } = planOf(4 * PAGE);
    plan.proven(0, 64);
    plan.turn(0, 0);
    expect(asked(state)).toContain(0);
  });

  test('nor is it asked for once more because of it: every source sends the first part with its HELLO', () => {
    const { state, plan } = planOf(4 * PAGE);
    plan.turn(0, 0);
    expect(asked(state)).toEqual([0, PAGE]);
    plan.proven(0, 64);
    plan.turn(0, 1);
    expect(asked(state)).toEqual([]);
  });

  test.each([0, PAGE])('a short last page is whole, behind %i others', (before) => {
    const { state, plan } = planOf(before + 10);
    plan.proven(0, Math.min(PAGE, before + 10));
    plan.proven(before, 9);
    plan.turn(before + 9, 0);
    expect(asked(state)).toEqual(before === 0 ? [] : [before]);
    plan.proven(before, 10);
    plan.turn(before + 9, LONG_MS);
    expect(asked(state)).toEqual([]);
  });

  test('nobody without a HELLO is asked', () => {
    const state = coreState({ routes: 1, segments: PAGE });
    openChannel(state, 1).helloSeen = false;
    new ProofPlan(state).turn(0, 0);
    expect(asked(state)).toEqual([]);
  });
});

describe('who is asked', () => {
  const askedOf = (state: TransferState): number[] => taken(state, 'prove').map(({ channel }) => channel);

  test('the channel that answers soonest', () => {
    const state = coreState({ routes: 2, segments: 10 });
    openChannel(state, 1, { route: 0, rttMs: 300, rate: 1_000 });
    openChannel(state, 2, { route: 1, rttMs: 30, rate: 1_000 });
    new ProofPlan(state).turn(0, 0);
    expect(askedOf(state)).toEqual([2]);
  });

  test('somebody else when there is no answer in time, and not before', () => {
    const { state, plan } = planOf(10);
    plan.turn(0, 0);
    const [first] = askedOf(state);
    plan.turn(0, 10);
    expect(askedOf(state)).toEqual([]);
    plan.turn(0, LONG_MS);
    expect(askedOf(state)).toEqual([3 - first!]);
  });

  test('on a long way later than on a short one', () => {
    const patience = (rttMs: number): number => {
      const state = coreState({ routes: 2, segments: 10 });
      for (const route of [0, 1]) openChannel(state, route + 1, { route, rttMs });
      const plan = new ProofPlan(state);
      plan.turn(0, 0);
      askedOf(state);
      let now = 0;
      do plan.turn(0, (now += 10));
      while (askedOf(state).length === 0);
      return now;
    };
    const [near, far] = [patience(20), patience(600)];
    expect(near).toBeGreaterThan(20);
    expect(far).toBeGreaterThan(2 * 600);
  });

  test('every route once before any of them again, however quick the silent ones are', () => {
    const state = coreState({ routes: 3, segments: 10 });
    for (const route of [0, 1, 2]) openChannel(state, route + 1, { route, rttMs: 20 * (route + 1), rate: 1_000 });
    const plan = new ProofPlan(state);
    const all = [0, 1, 2, 3, 4, 5].map((time) => {
      plan.turn(0, time * LONG_MS);
      return askedOf(state)[0];
    });
    expect(new Set(all.slice(0, 3))).toEqual(new Set([1, 2, 3]));
    expect(new Set(all.slice(3))).toEqual(new Set([1, 2, 3]));
  });

  test('each time with twice the patience, but not without end: late is not lost', () => {
    const { state, plan } = planOf(10);
    const times: number[] = [];
    for (let now = 0; times.length < 8; now += 10) {
      plan.turn(0, now);
      if (askedOf(state).length > 0) times.push(now);
    }
    const waits = times.slice(1).map((at, place) => at - (times[place] ?? 0));
    const [shortest = 1] = waits;
    expect(waits.map((wait) => Math.round(wait / shortest))).toEqual([1, 2, 4, 8, 8, 8, 8]);
  });

  test('how long one was asked for in vain is counted from the first time, until it is here or not needed', () => {
    const { state, plan } = planOf(4 * PAGE);
    expect(plan.waitMs(1_000)).toBe(0);
    plan.refuted(0, 0);
    expect(plan.waitMs(1_000)).toBe(0);
    for (let now = 1_000; now <= 41_000; now += 100) plan.turn(0, now);
    expect(askedOf(state).length).toBeGreaterThan(4);
    expect(plan.waitMs(41_000)).toBe(40_000);
    plan.proven(0, PAGE);
    plan.skip(2 * PAGE);
    expect(plan.waitMs(41_000)).toBe(0);
  });

  test('the same one again when there is nobody else', () => {
    const { state, plan } = planOf(10, 1);
    plan.turn(0, 0);
    expect(askedOf(state)).toEqual([1]);
    plan.turn(0, LONG_MS);
    expect(askedOf(state)).toEqual([1]);
  });

  test('somebody else at once when the channel is gone or stalled', () => {
    for (const event of ['ended', 'silence'] as const) {
      const { state, plan } = planOf(10);
      plan.turn(0, 0);
      const [first] = askedOf(state);
      state.channels.get(first!)?.apply(event);
      plan.turn(0, 1);
      expect(askedOf(state)).toEqual([3 - first!]);
    }
  });

  test('another route when a page was false', () => {
    const { state, plan } = planOf(10, 3);
    plan.turn(0, 0);
    const [first] = askedOf(state);
    plan.refuted(0, first! - 1);
    plan.turn(0, 1);
    const [second] = askedOf(state);
    expect(second).not.toBe(first);
    plan.refuted(0, second! - 1);
    plan.turn(0, 2);
    expect(askedOf(state)).toEqual([6 - first! - second!]);
  });

  test('once more those that lied, when nobody else is left: a transfer must not wait for nothing', () => {
    const { state, plan } = planOf(10, 1);
    plan.turn(0, 0);
    expect(askedOf(state)).toEqual([1]);
    plan.refuted(0, 0);
    plan.turn(0, 1);
    expect(askedOf(state)).toEqual([1]);
  });
});

test('a transfer of a range begins with the page of its first segment', () => {
  const { options, ...rest } = coreState({ routes: 1, segments: 10 * PAGE });
  const state: TransferState = { ...rest, options, size: 10 * PAGE * SEGMENT };
  openChannel(state, 1);
  const range: TransferState = { ...state, table: tableFrom(3 * PAGE + 5, 4 * PAGE) };
  new ProofPlan(range).turn(3 * PAGE + 5, 0);
  expect(asked(range)).toEqual([3 * PAGE]);
});

function tableFrom(from: number, to: number): TransferState['table'] {
  const table = new SegmentTable(from);
  table.bound(to);
  return table;
}
