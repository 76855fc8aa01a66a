// What mirrors say of their copies, and what the session is told to do about it: nothing is trusted before it was compared,
// nobody waits for ever, and what cannot be known is said.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { SessionRoute } from '../../../client/io/order.ts';
import { Agreement } from '../../../client/io/range-agreement.ts';
import type { Copy } from '../../../client/io/range-answer.ts';
import type { HeddleError } from '../../../protocol/errors.ts';

const SIZE = 1_000_000;

type Sampling = { readonly channel: number; readonly done: (bytes: readonly Uint8Array[]) => void };

/** An agreement whose events are kept. Channel 10 + n belongs to route n. */
class Table implements Disposable {
  readonly agreement: Agreement;
  readonly welcome: [channel: number, size: number, isFirst: boolean][] = [];
  readonly refused: [channel: number, text: string][] = [];
  readonly samplings: Sampling[] = [];
  readonly failures: HeddleError[] = [];
  changes = 0;

  constructor(mirrors: readonly ('copy' | 'primary' | undefined)[], isCheckedLater = false) {
    const routes = mirrors.map((mirror, at): SessionRoute => {
      const route = {
        name: `m${at}`,
        baseUrl: new URL('http://h/'),
        localAddress: undefined,
        authorization: undefined,
      };
      return { ...route, terms: {}, origin: 'h', ...(mirror === undefined ? {} : { mirror }) };
    });
    this.agreement = new Agreement(
      { routes, isCheckedLater, core: { segmentBytes: 32_768 } },
      {
        welcome: (channel, { size }, isFirst) => this.welcome.push([channel, size, isFirst]),
        sample: (channel, _, done) => this.samplings.push({ channel, done }),
        changed: () => (this.changes += 1),
        refuse: (channel, { message }) => this.refused.push([channel, message]),
        fail: (error) => this.failures.push(error),
      },
    );
  }

  /** Route `route` says how large its copy is. */
  says(route: number, size = SIZE, more: Partial<Copy> = {}): void {
    const copy = { size, etag: undefined, modified: undefined, digest: undefined, ...more };
    this.agreement.vote(10 + route, route, copy);
  }

  /** Route `route` brings its samples. */
  brings(route: number, text: string): void {
    this.samplings.find(({ channel }) => channel === 10 + route)?.done([Buffer.from(text)]);
  }

  trust(...routes: readonly number[]): unknown[] {
    return routes.map((route) => this.agreement.trusts(10 + route));
  }

  [Symbol.dispose](): void {
    this.agreement.end();
  }
}

test('one mirror alone is welcome and taken as it comes', () => {
  using table = new Table(['primary']);
  expect(table.trust(0)).toEqual([undefined]);
  table.says(0);
  expect(table.welcome).toEqual([[10, SIZE, true]]);
  expect(table.samplings).toEqual([]);
  expect(table.trust(0)).toEqual(['yes']);
  expect(table.agreement.checks).toEqual([]);
});

describe('several', () => {
  test('are trusted once their samples agree', () => {
    using table = new Table(['copy', 'copy']);
    table.says(0, SIZE, { etag: '"a"' });
    expect(table.welcome).toEqual([]);
    table.says(1, SIZE, { etag: '"a"', digest: 'ff' });
    expect(table.welcome).toEqual([
      [10, SIZE, true],
      [11, SIZE, false],
    ]);
    expect(table.trust(0, 1)).toEqual([undefined, undefined]);
    table.brings(0, 'same');
    expect(table.trust(0, 1)).toEqual([undefined, undefined]);
    table.brings(1, 'same');
    expect(table.trust(0, 1)).toEqual(['yes', 'yes']);
    expect(table.agreement.checks).toEqual(['size', 'etag', 'samples']);
    expect(table.agreement.announced).toEqual(['sha256:ff']);
  });

  test('the odd one of three is refused for its size, as soon as two agree', () => {
    using table = new Table(['copy', 'copy', 'copy']);
    table.says(0, 5);
    table.says(1);
    expect(table.welcome).toEqual([]);
    table.says(2);
    expect(table.refused).toEqual([[10, `its copy has 5 bytes, the object ${SIZE}`]]);
    expect(table.welcome.map(([channel]) => channel)).toEqual([11, 12]);
    expect(table.trust(0)).toEqual(['no']);
  });

  test('the odd one of three is refused for its bytes, and its segments with it', () => {
    using table = new Table(['copy', 'copy', 'copy']);
    for (const route of [0, 1, 2]) table.says(route);
    table.brings(0, 'other');
    table.brings(1, 'same');
    expect(table.refused).toEqual([]);
    table.brings(2, 'same');
    expect(table.refused.map(([channel]) => channel)).toEqual([10]);
    expect(table.trust(0, 1, 2)).toEqual(['no', 'yes', 'yes']);
    expect(table.agreement.checks).toEqual(['size', 'samples']);
  });

  test.each([
    ['sizes', 5],
    ['bytes', SIZE],
  ])('two %s against each other: the transfer fails', (_, size) => {
    using table = new Table(['copy', 'copy']);
    table.says(0);
    table.says(1, size);
    table.brings(0, 'a');
    table.brings(1, 'b');
    expect(table.failures.map(({ code }) => code)).toEqual(['object-changed']);
    expect(table.failures[0]?.message).toMatch(/m0.*m1/);
  });

  test('of two that disagree the first is tried when the whole is checked later', () => {
    using table = new Table(['copy', 'copy'], true);
    table.says(0);
    table.says(1);
    table.brings(1, 'b');
    table.brings(0, 'a');
    expect(table.failures).toEqual([]);
    expect(table.trust(0, 1)).toEqual(['yes', 'no']);
  });

  test('the one that the user named is right', () => {
    using table = new Table(['primary', 'copy', 'copy']);
    table.says(1, 5);
    table.says(2, 5);
    expect(table.welcome).toEqual([]);
    table.says(0);
    expect(table.welcome).toEqual([[10, SIZE, true]]);
    expect(table.refused.map(([channel]) => channel)).toEqual([11, 12]);
  });

  test('one that goes before it was compared takes what it brought with it; nobody is blamed', () => {
    using table = new Table(['copy', 'copy']);
    table.says(0);
    table.says(1);
    table.agreement.forget(11);
    table.agreement.leave(1);
    expect(table.trust(1)).toEqual(['lost']);
    table.brings(0, 'a');
    expect(table.trust(0)).toEqual(['yes']);
  });

  test('one that goes after it voted takes its vote with it', () => {
    using table = new Table(['copy', 'copy']);
    table.says(0, 5);
    table.agreement.forget(10);
    table.agreement.leave(0);
    table.says(1);
    expect(table.failures).toEqual([]);
    expect(table.welcome).toEqual([[11, SIZE, true]]);
  });

  test('a new channel of one that was compared is trusted at once', () => {
    using table = new Table(['copy', 'copy']);
    table.says(0);
    table.says(1);
    table.brings(0, 'a');
    table.brings(1, 'a');
    const copy = { size: SIZE, etag: undefined, modified: undefined, digest: undefined };
    table.agreement.vote(77, 1, copy);
    expect(table.agreement.trusts(77)).toBe('yes');
    expect(table.samplings).toHaveLength(2);
  });

  test('an empty object has nothing to compare', () => {
    using table = new Table(['copy', 'copy']);
    table.says(0, 0);
    table.says(1, 0);
    expect(table.welcome).toEqual([
      [10, 0, true],
      [11, 0, false],
    ]);
  });
});

describe('nobody is waited for without end', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('a mirror that says nothing holds up neither size nor bytes', () => {
    using table = new Table(['copy', 'copy']);
    table.says(0);
    expect(table.welcome).toEqual([]);
    vi.runOnlyPendingTimers();
    expect(table.welcome).toEqual([[10, SIZE, true]]);
    table.brings(0, 'a');
    expect(table.trust(0)).toEqual([undefined]);
    vi.runOnlyPendingTimers();
    expect(table.trust(0)).toEqual(['yes']);
  });

  test('one whose samples are late gives up what it brought, and is trusted when they come', () => {
    using table = new Table(['copy', 'copy']);
    table.says(0);
    table.says(1);
    table.brings(0, 'a');
    vi.runOnlyPendingTimers();
    vi.runOnlyPendingTimers();
    expect(table.trust(0, 1)).toEqual(['yes', 'lost']);
    expect(table.agreement.checks).toEqual([]);
    table.brings(1, 'a');
    expect(table.trust(0, 1)).toEqual(['yes', 'yes']);
  });
});

describe('beside a source that proves', () => {
  test('nobody is welcome before it says how large the object is', () => {
    using table = new Table([undefined, 'copy', 'copy']);
    table.says(1);
    table.says(2, 5);
    expect(table.welcome).toEqual([]);
    table.agreement.settle(SIZE);
    expect(table.welcome).toEqual([[11, SIZE, false]]);
    expect(table.refused.map(([channel]) => channel)).toEqual([12]);
    expect(table.samplings).toEqual([]);
  });

  test('later ones are judged at once', () => {
    using table = new Table([undefined, 'copy']);
    table.agreement.settle(SIZE);
    table.says(1, 7);
    expect(table.refused.map(([channel]) => channel)).toEqual([11]);
  });
});
