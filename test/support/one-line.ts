// How a command of the command line fails well.
import { expect } from 'vitest';
import type { Outcome } from './program.ts';

/** The program ended with `exit`, one clear line on standard error and no stack trace. */
export function expectOneLine(outcome: Outcome, exit: number): void {
  expect(outcome.stderr).toMatch(/^heddle: [^\n]+\n$/);
  expect(outcome.stderr).not.toMatch(/\bat .*:\d+:\d+|node:internal|Node\.js v/);
  expect(outcome).toMatchObject({ code: exit, signal: null });
}
