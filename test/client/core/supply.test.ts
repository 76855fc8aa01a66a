// Whether what is missing can be had: the flow is as large as the narrowest cut allows, and of least cost.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Holdings } from '../../../client/core/holdings.ts';
import { demandOf, flowOf, groupAt, isScarce, leastCost } from '../../../client/core/supply.ts';
import type { Demand, Supplier } from '../../../client/core/supply.ts';
import { rangesHave } from '../../../protocol/ranges.ts';
import type { Range } from '../../../protocol/ranges.ts';

const SEGMENTS = 20;

type World = { readonly suppliers: readonly (Supplier & { readonly ranges: readonly Range[] })[] };

const suppliers = fc
  .record({
    ranges: fc.array(fc.record({ first: fc.nat(SEGMENTS), length: fc.integer({ min: 1, max: 12 }) }), { maxLength: 3 }),
    leftBytes: fc.oneof(fc.nat(15), fc.constant(Number.POSITIVE_INFINITY)),
    price: fc.nat(3),
  })
  .map((each) => ({ ...each, holds: new Holdings(each.ranges) }));
const worlds: fc.Arbitrary<World> = fc.record({ suppliers: fc.array(suppliers, { minLength: 1, maxLength: 4 }) });

/** One byte a segment: all of [0, SEGMENTS) is missing. */
const demandIn = (world: World): Demand => demandOf(world.suppliers, 0, SEGMENTS, (first, end) => end - first);
const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

/** The smallest cut over all choices of groups: what must come from those who hold one of them, and the rest. */
function narrowest({ suppliers: all }: World, { groups }: Demand): number {
  let least = Number.POSITIVE_INFINITY;
  for (let choice = 0; choice < 2 ** groups.length; choice += 1) {
    const chosen = groups.filter((_, at) => (choice >> at) % 2 === 1);
    const rest = groups.filter((_, at) => (choice >> at) % 2 === 0);
    const holders = new Set(chosen.flatMap((group) => group.holders));
    const through = sum([...holders].map((holder) => all[holder]?.leftBytes ?? 0));
    least = Math.min(least, through + sum(rest.map(({ bytes }) => bytes)));
  }
  return least;
}

describe('the demand', () => {
  test('names for every segment those who hold it, and counts each once', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const demand = demandIn(world);
        expect(sum(demand.groups.map(({ bytes }) => bytes))).toBe(SEGMENTS);
        for (let index = 0; index < SEGMENTS; index += 1) {
          const holders = [...world.suppliers.keys()].filter((at) => rangesHave(world.suppliers[at]!.ranges, index));
          expect(demand.groups[groupAt(demand, index)!]?.holders).toEqual(holders);
        }
        expect(groupAt(demand, SEGMENTS)).toBeUndefined();
      }),
    );
  });

  test('leaves out what is not missing', () => {
    const demand = demandOf(
      [{ holds: new Holdings([{ first: 0, length: 5 }]), leftBytes: 9, price: 0 }],
      0,
      20,
      (first) => (first === 0 ? 0 : 15),
    );
    expect(groupAt(demand, 3)).toBeUndefined();
    expect(groupAt(demand, 7)).toBe(1);
  });
});

describe('the flow', () => {
  test('brings all that can be brought, and nothing twice, beyond a quota, or of what is not held', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const demand = demandIn(world);
        const { carried, unmet } = flowOf(world.suppliers, demand);
        expect(SEGMENTS - sum(unmet)).toBeCloseTo(narrowest(world, demand), 6);
        for (const [at, brings] of carried.entries()) {
          expect(sum(brings)).toBeLessThanOrEqual(world.suppliers[at]!.leftBytes + 1e-6);
          for (const [group, bytes] of brings.entries()) {
            expect(bytes).toBeGreaterThanOrEqual(0);
            if (bytes > 0) expect(demand.groups[group]!.holders).toContain(at);
          }
        }
        for (const [group, { bytes }] of demand.groups.entries()) {
          expect(sum(carried.map((brings) => brings[group] ?? 0)) + unmet[group]!).toBeCloseTo(bytes, 6);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('costs no more than any other that brings as much', () => {
    fc.assert(
      fc.property(worlds, fc.array(fc.nat(3), { minLength: 4, maxLength: 4 }), (world, order) => {
        const demand = demandIn(world);
        const best = flowOf(world.suppliers, demand);
        // another greatest flow: the suppliers in another order, as if other prices made it
        const others = world.suppliers.map((each, at) => ({ ...each, price: order[at] ?? 0 }));
        const other = flowOf(others, demand);
        expect(sum(other.unmet)).toBeCloseTo(sum(best.unmet), 6);
        expect(leastCost(world.suppliers, best)).toBeLessThanOrEqual(leastCost(world.suppliers, other) + 1e-6);
      }),
      { numRuns: 300 },
    );
  });

  test('a group is scarce exactly when one byte more of it lets more be met', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const demand = demandIn(world);
        const flow = flowOf(world.suppliers, demand);
        for (const [group, { holders, bytes }] of demand.groups.entries()) {
          const helped: Demand = {
            ...demand,
            groups: demand.groups.map((each, at) => (at === group ? { holders, bytes: Math.max(0, bytes - 1) } : each)),
          };
          if (bytes < 1) continue;
          const after = sum(flowOf(world.suppliers, helped).unmet);
          expect(after < sum(flow.unmet) - 0.9).toBe(isScarce(demand, flow, group));
        }
      }),
      { numRuns: 200 },
    );
  });
});
