// The worker behind the verifier: decodes and hashes one segment after another and sends the buffer back with the verdict.
import { parentPort } from 'node:worker_threads';
import { hashSegment, sameHash } from '../../protocol/merkle.ts';
import { decodeSegment } from './segment-decoder.ts';
import type { Encoded, Extent } from './segment-decoder.ts';
import { sha256 } from './sha256.ts';

export type VerifierJob = {
  readonly number: number;
  readonly buffer: Uint8Array<ArrayBuffer>;
  readonly start: number;
  readonly end: number;
  readonly node: Uint8Array;
  readonly encoded?: Encoded | undefined;
};
export type VerifierResult = {
  readonly number: number;
  readonly ok: boolean;
  readonly buffer: Uint8Array<ArrayBuffer>;
  /** Of what was encoded: where the plain bytes are. */
  readonly plain?: Extent;
};

parentPort?.on('message', (job: VerifierJob) => {
  const { number, buffer } = job;
  parentPort?.postMessage({ number, buffer, ...judge(job) } satisfies VerifierResult, [buffer.buffer]);
});

function judge({ buffer, start, end, node, encoded }: VerifierJob): Pick<VerifierResult, 'ok' | 'plain'> {
  if (encoded === undefined) return { ok: sameHash(hashSegment(buffer.subarray(start, end), sha256), node) };
  const plain = decodeSegment(buffer, { start, end }, encoded);
  if (plain === undefined) return { ok: false };
  return { ok: sameHash(hashSegment(buffer.subarray(plain.start, plain.end), sha256), node), plain };
}
