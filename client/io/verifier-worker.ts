// The worker behind the verifier: hashes one segment after another and sends the buffer back with the verdict.
import { parentPort } from 'node:worker_threads';
import { hashSegment, sameHash } from '../../protocol/merkle.ts';
import { sha256 } from './sha256.ts';

export type VerifierJob = {
  readonly number: number;
  readonly buffer: Uint8Array<ArrayBuffer>;
  readonly start: number;
  readonly end: number;
  readonly node: Uint8Array;
};
export type VerifierResult = {
  readonly number: number;
  readonly ok: boolean;
  readonly buffer: Uint8Array<ArrayBuffer>;
};

parentPort?.on('message', ({ number, buffer, start, end, node }: VerifierJob) => {
  const ok = sameHash(hashSegment(buffer.subarray(start, end), sha256), node);
  const result: VerifierResult = { number, ok, buffer };
  parentPort?.postMessage(result, [buffer.buffer]);
});
