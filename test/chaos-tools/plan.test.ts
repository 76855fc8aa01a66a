// The plans of the chaos suite: the same seed is the same run, faults come in their order, and what stands still goes on.
import { describe, expect, test } from 'vitest';
import { describePlan, planOf } from '../chaos/plan.ts';
import type { Fault } from '../chaos/plan.ts';

const SEEDS = Array.from({ length: 300 }, (_, seed) => seed + 1);
const plans = SEEDS.map(planOf);

describe('plans', () => {
  test('of one seed are the same', () => {
    for (const plan of plans.slice(0, 50)) expect(planOf(plan.seed)).toEqual(plan);
    expect(new Set(plans.map(describePlan)).size).toBe(plans.length);
  });

  test('strike in the order of their times, at routes that are there', () => {
    for (const { faults, routes } of plans) {
      expect(faults.map(({ atMs }) => atMs)).toEqual(faults.map(({ atMs }) => atMs).toSorted((a, b) => a - b));
      for (const fault of faults) if ('route' in fault) expect(fault.route).toBeLessThan(routes.length);
    }
  });

  test('leave nothing stopped, and no origin dead', () => {
    const ends: Partial<Record<Fault['type'], Fault['type']>> = {
      'stop relay': 'continue relay',
      'stop client': 'continue client',
      'kill origin': 'restart origin',
    };
    for (const { faults } of plans) {
      for (const fault of faults) {
        const end = ends[fault.type];
        if (end === undefined) continue;
        expect(faults.some(({ type, atMs }) => type === end && atMs > fault.atMs)).toBe(true);
      }
    }
  });

  test('hold every fault, every lie and every output somewhere', () => {
    const faults = new Set(plans.flatMap((plan) => plan.faults.map(({ type }) => type)));
    const lies = new Set(plans.flatMap((plan) => plan.routes.map(({ lie }) => lie)));
    expect([faults.size, lies.size, new Set(plans.map(({ output }) => output)).size]).toEqual([17, 10, 4]);
  });
});
