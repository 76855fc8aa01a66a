// How a command of the command line fails well.
import { expect } from 'vitest';
import type { Outcome } from './program.ts';

/** The program ended with `exit`, one clear line on standard error, no stack trace and no code of the system. */
export function expectOneLine(outcome: Outcome, exit: number): void {
  expect(outcome.stderr).toMatch(/^heddle: [^\n]+\n$/);
  expect(outcome.stderr).not.toMatch(/\bat .*:\d+:\d+|node:internal|Node\.js v/);
  // nor the system's own words, such as ENOENT
  expect(outcome.stderr).not.toMatch(/\bE[A-Z]{4,}\b/);
  expect(outcome).toMatchObject({ code: exit, signal: null });
}
