// The closing line for people: what was fetched now and what was here before, and why a route brought nothing.
import { expect, test } from 'vitest';
import { summary } from '../../../client/commands/report-lines.ts';
import type { SessionReport } from '../../../client/io/report.ts';

function report(more: Record<string, unknown>): SessionReport {
  const vouching = { verified: true, root: undefined, checks: ['pages'], announced: [] };
  return {
    bytes: 12_000_000,
    resumedBytes: 0,
    elapsedMs: 2_000,
    vouching,
    routes: [],
    ...more,
  } as unknown as SessionReport;
}

test('the rate is that of what was fetched, not of what was here', () => {
  expect(summary(report({}))).toBe('12.0 MB verified in 2 s (48.0 Mbit/s): ');
  expect(summary(report({ resumedBytes: 8_000_000 }))).toBe(
    '12.0 MB verified in 2 s (16.0 Mbit/s, 8.0 MB were here): ',
  );
});

test('a route that never worked says why, one that only ended does not', () => {
  const routes = [
    { name: 'eu', share: 0.6, payloadBytes: 6, state: 'active', why: undefined },
    { name: 'us', share: 0.4, payloadBytes: 4, state: 'down', why: 'the connection ended' },
    { name: 'dead', share: 0, payloadBytes: 0, state: 'connecting', why: 'connect ECONNREFUSED 192.0.2.1:80' },
    { name: 'other', share: 0, payloadBytes: 0, state: 'excluded', why: 'another \u001b[1mobject' },
  ];
  expect(summary(report({ routes }))).toBe(
    '12.0 MB verified in 2 s (48.0 Mbit/s): eu 60%, us 40%, dead 0% (down: connect ECONNREFUSED 192.0.2.1:80), ' +
      'other 0% (dropped: another ?[1mobject)',
  );
});
