// What HELLOs lead to: who is welcome, who has to prove the size first, whose bad segments are not counted yet, and what
// ends that.
import { describe, expect, test, vi } from 'vitest';
import { CORE_DEFAULTS } from '../../../client/core/options.ts';
import { Greetings } from '../../../client/io/greetings.ts';
import type { Pins } from '../../../client/io/identity.ts';
import type { SessionOrder } from '../../../client/io/order.ts';
import { LEAF_BYTES } from '../../../protocol/limits.ts';
import type { HelloFrame } from '../../../protocol/frames.ts';
import { encodeManifest, formatRoot } from '../../../protocol/manifest.ts';
import { jwsOf, SignedObject } from './signed-object.ts';

const object = new SignedObject('a', 7 * LEAF_BYTES);
const root = formatRoot(object.root);

/** Everything that is told, in words. */
function listen(pins: Pins): { readonly greetings: Greetings; readonly told: string[] } {
  const told: string[] = [];
  const order = { key: 'a', pins, core: CORE_DEFAULTS } as unknown as SessionOrder;
  const greetings = new Greetings(order, {
    prove: (channel, leaf) => told.push(`${channel} prove ${leaf}`),
    welcome: (channel, { size }, isFirst) => told.push(`${channel} welcome ${size}${isFirst ? ' first' : ''}`),
    page: (channel) => told.push(`${channel} page`),
    refuse: (channel, { code }) => told.push(`${channel} refused ${code}`),
    bad: (channel, index) => told.push(`${channel} bad ${index}`),
    fail: ({ code, message }) => told.push(`fail ${code} ${message}`),
  });
  return { greetings, told };
}

/** A HELLO about the same root with another size. */
function claiming(size: number): HelloFrame {
  const header = Buffer.from(object.signed().split('.')[0] ?? '', 'base64url');
  const manifest = jwsOf(header, encodeManifest({ ...object.manifest, size }), object.signer.key);
  return object.hello({ size, manifest });
}

describe('with only the root pinned', () => {
  test('a size is believed when the telling leaves are proven, and others of that size at once', () => {
    const { greetings, told } = listen({ root });
    greetings.hello(1, object.hello(), 'o');
    expect(told.splice(0)).toEqual(['1 prove 0', '1 prove 4', '1 prove 6']);
    for (const leaf of [0, 4]) expect(greetings.page(1, object.page(leaf, 1))).toBe(true);
    expect(told).toEqual([]);
    greetings.page(1, object.page(6, 1));
    expect(told.splice(0)).toEqual([`1 welcome ${object.bytes.length} first`, '1 page', '1 page', '1 page']);
    greetings.hello(2, object.hello(), 'o');
    expect(told.splice(0)).toEqual([`2 welcome ${object.bytes.length}`]);
    expect(greetings.page(2, object.page(0, 1)), 'not asked for by a claim').toBe(false);
  });

  test('one page with every leaf proves it as well', () => {
    const { greetings, told } = listen({ root });
    greetings.hello(1, object.hello(), 'o');
    greetings.page(1, object.page(0, 8));
    expect(told).toContain(`1 welcome ${object.bytes.length} first`);
  });

  test('a false page, and a smaller size than is proven, are refused', () => {
    const { greetings, told } = listen({ root });
    greetings.hello(1, claiming(8 * LEAF_BYTES), 'o');
    greetings.page(1, object.page(6, 1));
    greetings.hello(2, object.hello(), 'o');
    greetings.page(2, object.page(0, 8));
    greetings.hello(3, claiming(6 * LEAF_BYTES), 'o');
    const verdicts = told.filter((line) => !line.includes('prove') && !line.endsWith('page'));
    expect(verdicts).toEqual([
      '1 refused corrupt',
      `2 welcome ${object.bytes.length} first`,
      '3 refused root-mismatch',
    ]);
  });

  test('bad segments of a channel that claims more count when it proves nothing in time', () => {
    vi.useFakeTimers();
    try {
      const { greetings, told } = listen({ root });
      greetings.hello(1, object.hello(), 'o');
      greetings.page(1, object.page(0, 8));
      greetings.hello(2, claiming(9 * LEAF_BYTES), 'o');
      told.length = 0;
      expect(greetings.isUndecided(1, 3), 'one that is welcome').toBe(false);
      expect([greetings.isUndecided(2, 3), greetings.isUndecided(2, 4)]).toEqual([true, true]);
      expect(told).toEqual([]);
      vi.advanceTimersByTime(2_000);
      expect(told).toEqual(['2 bad 3', '2 bad 4', '2 refused corrupt']);
      expect(greetings.isUndecided(2, 5)).toBe(false);
    } finally {
      vi.useRealTimers();
    }
  });

  test('they count when the channel goes', () => {
    const { greetings, told } = listen({ root });
    greetings.hello(2, claiming(9 * LEAF_BYTES), 'o');
    told.length = 0;
    greetings.isUndecided(2, 1);
    greetings.forget(2);
    expect(told).toEqual(['2 bad 1']);
  });
});

test('an object with more segments than can be numbered is refused', () => {
  const { greetings, told } = listen({});
  greetings.hello(1, claiming(0xffff_ffff * LEAF_BYTES + 1), 'o');
  expect(told).toEqual(['1 refused bad-manifest']);
});
