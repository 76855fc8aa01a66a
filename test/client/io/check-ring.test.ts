// The ring between the verifier and its thread: what is given is taken as it was, answers come back in order, however often
// the places are used again, and nobody waits for what is there.
import { describe, expect, test } from 'vitest';
import { CheckRing, PLACES } from '../../../client/io/check-ring.ts';
import type { Place } from '../../../client/io/check-ring.ts';

/** Both ends of one ring. */
function ring(): { verifier: CheckRing; thread: CheckRing } {
  const verifier = new CheckRing();
  return { verifier, thread: new CheckRing(verifier.memory) };
}

const place = (number: number): Place => ({
  piece: number,
  extent: { start: 2 * number, end: 2 * number + 1 },
  node: new Uint8Array(32).fill(number % 251),
  encoded: number % 3 === 0 ? { encoding: 'gzip', mostBytes: number + 7 } : undefined,
});

describe('CheckRing', () => {
  test('what is given is taken as it was, in order, however often round', () => {
    const { verifier, thread } = ring();
    let [given, seen] = [0, 0];
    while (seen < 3 * PLACES) {
      for (let more = 0; more < 300 && verifier.room > 0; more += 1) {
        verifier.give(place(given));
        given += 1;
      }
      for (let taken = thread.take(); taken !== undefined; taken = thread.take()) {
        expect({ ...taken, node: Uint8Array.from(taken.node) }).toEqual(place(taken.piece));
        thread.answer({ ok: taken.piece % 2 === 0, plain: { start: 0, end: taken.piece } });
      }
      for (let verdict = verifier.see(); verdict !== undefined; verdict = verifier.see()) {
        const ok = seen % 2 === 0;
        expect(verdict).toEqual(ok && seen % 3 === 0 ? { ok, plain: { start: 0, end: seen } } : { ok });
        seen += 1;
      }
    }
    expect(seen).toBe(given);
  });

  test('has room for so many that were not seen, judged or not', () => {
    const { verifier, thread } = ring();
    for (let number = 0; number < PLACES; number += 1) verifier.give(place(number));
    expect(verifier.room).toBe(0);
    expect(thread.take()?.piece).toBe(0);
    thread.answer({ ok: true });
    expect([verifier.room, thread.unseen]).toEqual([0, 1]);
    verifier.see();
    expect([verifier.room, thread.unseen]).toEqual([1, 0]);
  });

  test('the thread waits only while there is nothing to take', () => {
    const { verifier, thread } = ring();
    expect(thread.wait(0)).toBe(false);
    verifier.give(place(1));
    expect(thread.wait()).toBe(true);
    thread.take();
    thread.answer({ ok: true });
    expect(thread.wait(0)).toBe(false);
  });
});
