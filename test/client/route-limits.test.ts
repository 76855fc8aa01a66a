// The limits of routes and mirrors as a user writes them: what makes no sense is refused in one line, the rest are terms.
import { describe, expect, test } from 'vitest';
import { resolveCore, resolveRoutes } from '../../client/options.ts';
import type { RouteOptions } from '../../client/options.ts';

const route = (more: Partial<RouteOptions> = {}): RouteOptions => ({ name: 'eu', url: 'http://relay:9001', ...more });

describe('limits', () => {
  test('become terms of routes and mirrors; a mirror keeps its own number of connections unless told', () => {
    const limits = { quotaBytes: 5e9, maxBytesPerSecond: 1e6, maxConnections: 2 };
    const mirrors = [
      { name: 'm', url: 'http://mirror/a', ...limits },
      { name: 'n', url: 'http://other/a', quotaBytes: 7 },
    ];
    const [eu, m, n] = resolveRoutes({ routes: [route(limits)], mirrors });
    expect(eu?.terms).toMatchObject(limits);
    expect(m?.terms).toMatchObject({ ...limits, proves: false });
    expect(n?.terms).toMatchObject({ quotaBytes: 7, maxConnections: 4 });
  });

  test.each([
    [{ quotaBytes: -1 }, 'quotaBytes -1'],
    [{ quotaBytes: Number.NaN }, 'quotaBytes NaN'],
    [{ maxBytesPerSecond: 0 }, 'maxBytesPerSecond 0'],
    [{ maxConnections: 0 }, 'maxConnections 0'],
    [{ maxConnections: 1.5 }, 'maxConnections 1.5'],
  ])('%j is refused', (limits, text) => {
    expect(() => resolveRoutes({ routes: [route(limits)] })).toThrow(`route eu: ${text}`);
  });

  test('of a transfer become options of the core', () => {
    const routes = [route()];
    expect(resolveCore({ routes, costBudget: 2, endsFirstBytes: 9 }, 'any')).toMatchObject({
      costBudget: 2,
      endsFirstBytes: 9,
    });
    expect(() => resolveCore({ routes, costBudget: -1 }, 'any')).toThrow('costBudget -1');
    expect(() => resolveCore({ routes, endsFirstBytes: -1 }, 'any')).toThrow('endsFirstBytes -1');
  });
});
