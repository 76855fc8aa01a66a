// The worker behind the verifier: decodes and hashes the segments of one batch after another where they lie, and sends the
// verdicts.
import { parentPort } from 'node:worker_threads';
import { judgeSegment } from './segment-decoder.ts';
import type { Encoded, Verdict } from './segment-decoder.ts';

/** Segments to be judged, and the pieces of memory that they lie in. */
export type VerifierBatch = {
  readonly memory: readonly SharedArrayBuffer[];
  readonly segments: readonly {
    /** Place in `memory`. */
    readonly piece: number;
    readonly start: number;
    readonly end: number;
    /** What it has to be. */
    readonly node: Uint8Array;
    readonly encoded?: Encoded | undefined;
  }[];
};

/** What was found, in the order of the batch. */
export type VerifierVerdicts = { readonly verdicts: readonly Verdict[] };

parentPort?.on('message', ({ memory, segments }: VerifierBatch) => {
  const pieces = memory.map((piece) => new Uint8Array(piece));
  const verdicts = segments.map(({ piece, node, encoded, ...extent }): Verdict => {
    const bytes = pieces[piece];
    return bytes === undefined ? { ok: false } : judgeSegment(bytes, extent, node, encoded);
  });
  const answer: VerifierVerdicts = { verdicts };
  parentPort?.postMessage(answer, []);
});
