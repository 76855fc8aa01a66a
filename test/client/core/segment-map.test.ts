// Who brought which segment: the counts of any stretch are those of its segments one by one.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SegmentMap } from '../../../client/core/segment-map.ts';
import { PlayedTransfer } from './played-transfer.ts';

const FROM = 10;
const ROUTES = 3;
const steps = fc.array(
  fc.record({
    kind: fc.constantFrom('bring', 'spoil', 'hedge', 'keep'),
    index: fc.nat(3_000),
    route: fc.nat(ROUTES - 1),
  }),
  { maxLength: 200 },
);

test('a stretch counts what its segments tell, beyond what was ever heard of as well', () => {
  fc.assert(
    fc.property(steps, fc.nat(4_000), fc.nat(4_000), (life, one, other) => {
      const map = new SegmentMap(FROM, ROUTES);
      const owners = new Map<number, number | 'earlier'>();
      const [hedged, spoilt] = [new Set<number>(), new Set<number>()];
      for (const { kind, index: at, route } of life) {
        const index = FROM + at;
        if (kind === 'hedge') map.hedge(index);
        else if (kind === 'keep') map.keep(index);
        else if (kind === 'bring') map.bring(index, route);
        else map.spoil(index);
        if (kind === 'hedge') hedged.add(index);
        else if (kind === 'spoil') owners.delete(index);
        else owners.set(index, kind === 'keep' ? 'earlier' : route);
        if (kind === 'spoil') spoilt.add(index);
      }
      const [first, end] = [FROM + Math.min(one, other), FROM + Math.max(one, other)];
      const within = (all: Iterable<number>): number =>
        [...all].filter((index) => index >= first && index < end).length;
      const ownedBy = (owner: number | 'earlier'): number =>
        within([...owners].flatMap(([index, its]) => (its === owner ? [index] : [])));
      expect(map.count(first, end)).toEqual({
        by: [0, 1, 2].map(ownedBy),
        earlier: ownedBy('earlier'),
        hedged: within(hedged),
        spoilt: within(spoilt),
      });
      for (const { index } of life) expect(map.ownerOf(FROM + index)).toBe(owners.get(FROM + index));
    }),
  );
});

test('a transfer keeps one only when it is asked to', () => {
  const play = new PlayedTransfer({ segments: 20, have: [{ first: 3, length: 4 }], isMapped: true });
  play.open(1);
  play.bad.add(9);
  expect(play.finish()).toBe('done');
  expect(play.transfer.map?.count(0, 20)).toEqual({ by: [16], earlier: 4, hedged: 0, spoilt: 1 });
  expect(new PlayedTransfer({ segments: 1 }).transfer.map).toBeUndefined();
});
