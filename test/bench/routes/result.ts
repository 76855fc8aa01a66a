// What one run gave. Types only.
import type { LinkUse } from './network.ts';
import type { ProgressFigures } from './progress-figures.ts';

/** One run of one peer. Undefined is not known, never zero. */
export type RunResult = ProgressFigures & {
  readonly scenario: string;
  readonly peer: string;
  readonly seed: number;
  /** Ended well, with the bytes of the object. */
  readonly correct: boolean;
  readonly fault: string | undefined;
  /** From the start of the client to its end. */
  readonly wallSeconds: number;
  readonly idealSeconds: number;
  /** idealSeconds / wallSeconds; 0 when not correct. */
  readonly ofIdeal: number;
  readonly launchSeconds: number | undefined;
  /** What Heddle itself says the transfer took: far less than wallSeconds means that it lingers at its end. */
  readonly transferSeconds: number | undefined;
  /** Payload received beyond the object, as a fraction of it: headers, frames, repetitions of TCP and of the peer. */
  readonly overhead: number | undefined;
  /** As Heddle counts it: payload that came more than once. */
  readonly waste: number | undefined;
  readonly hedges: number | undefined;
  readonly patterns: number | undefined;
  readonly creditBeyondWindowBytes: number | undefined;
  /** Packets that full queues refused. */
  readonly dropped: number | undefined;
  /** Fraction of the capacity used in the 10 s around the worst change. */
  readonly aroundChanges: number | undefined;
  readonly lateFraction: number;
  readonly latestMs: number;
  readonly foreignCores: number | undefined;
  /** Why this run says little; empty when it is trusted. */
  readonly distrust: readonly string[];
  readonly links: readonly LinkUse[];
};
