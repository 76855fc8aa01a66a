// The thread behind the verifier: decodes and hashes one segment after another where it lies, and writes down what it
// found. It stands still while there is nothing to do, so that messages are looked at only when they are needed.
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { CheckRing } from './check-ring.ts';
import type { PieceOfMemory } from './check-ring.ts';
import { judgeSegment } from './segment-decoder.ts';

/** A verifier that is busy looks by itself. Without more to judge for so long, ms, it is told that there is something to see, */
const LINGER_MS = 1;
/** and as soon as it has not seen so many. */
const MOST_UNSEEN = 64;

const ring = new CheckRing(workerData as SharedArrayBuffer);
const pieces = new Map<number, Uint8Array>();
/** Judged since the verifier was told, or is known to have looked. */
let untold = 0;

for (;;) {
  const place = ring.take();
  if (place !== undefined) {
    const bytes = pieceOf(place.piece);
    ring.answer(bytes === undefined ? { ok: false } : judgeSegment(bytes, place.extent, place.node, place.encoded));
    untold += 1;
    if (untold >= MOST_UNSEEN) untold = ring.unseen;
    if (untold >= MOST_UNSEEN) tell();
  } else if (untold === 0) ring.wait();
  else if (!ring.wait(LINGER_MS)) tell();
}

function tell(): void {
  if (ring.unseen > 0) parentPort?.postMessage(undefined, []);
  untold = 0;
}

function pieceOf(number: number): Uint8Array | undefined {
  const port = parentPort;
  if (port === null) return undefined;
  while (!pieces.has(number)) {
    const said: { readonly message: PieceOfMemory } | undefined = receiveMessageOnPort(port);
    if (said === undefined) break;
    for (const old of said.message.forget) pieces.delete(old);
    pieces.set(said.message.number, new Uint8Array(said.message.memory));
  }
  return pieces.get(number);
}
