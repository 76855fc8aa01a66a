// A line of several links: the narrowest sets the pace, queues add up, what one link loses the next never sees, and flows
// of two lines over one bottleneck share it.
import { describe, expect, test } from 'vitest';
import { Agenda } from '../agenda.ts';
import { Random } from '../random.ts';
import { Flow } from './flow.ts';
import { Cubic } from './cubic.ts';
import { Line } from './line.ts';
import { Link, PACKET_BYTES } from './link.ts';
import type { Fate } from './link.ts';

const agendaOf = (): Agenda => new Agenda({ steps: 1_000_000, ms: 60_000 });

function link(agenda: Agenda, rate: number, { delayMs = 0, loss = 0, bufferBytes = 1e6 } = {}): Link {
  const conditions = { rate, delayMs, jitterMs: 0, loss, burst: undefined, down: false };
  return new Link(agenda, new Random(1), conditions, bufferBytes);
}

/** Sends one train over `line`; when it came, and what of it. */
function sent(agenda: Agenda, line: Line, bytes: number): Fate & { readonly atMs: number } {
  let result: (Fate & { atMs: number }) | undefined;
  line.send(bytes, (fate) => (result = { ...fate, atMs: agenda.now }));
  agenda.run(
    () => result !== undefined,
    () => 'a train',
  );
  return result as Fate & { atMs: number };
}

describe('a train over two links', () => {
  test('takes the time of both and the delay of the first', () => {
    const agenda = agendaOf();
    const line = new Line(link(agenda, 3_000, { delayMs: 20 }), [link(agenda, 1_500)]);
    const { atMs, lostBytes } = sent(agenda, line, 10 * PACKET_BYTES);
    expect(atMs).toBeCloseTo(5 + 20 + 10, 6);
    expect(lostBytes).toBe(0);
    expect(line.serializeMs(10 * PACKET_BYTES)).toBeCloseTo(10, 6);
  });

  test('is as whole as its worst part: the first hole counts, losses add up', () => {
    const agenda = agendaOf();
    const narrow = link(agenda, 1, { bufferBytes: 7 * 1_500 });
    sent(agenda, new Line(link(agenda, 1e6), [narrow]), PACKET_BYTES);
    narrow.send(2 * PACKET_BYTES, () => undefined);
    const { intactBytes, lostBytes } = sent(agenda, new Line(link(agenda, 1e6), [narrow]), 10 * PACKET_BYTES);
    expect([intactBytes, lostBytes]).toEqual([5 * PACKET_BYTES, 5 * PACKET_BYTES]);
  });

  test('that the first link swallows whole does not reach the second', () => {
    const agenda = agendaOf();
    const second = link(agenda, 1_500);
    const { lostBytes } = sent(agenda, new Line(link(agenda, 1_500, { loss: 1 }), [second]), 4 * PACKET_BYTES);
    expect(lostBytes).toBe(4 * PACKET_BYTES);
    expect(second.queueMs).toBe(0);
  });
});

test('two flows over one bottleneck share it, and together they fill it', () => {
  const agenda = agendaOf();
  const shared = link(agenda, 2_500, { bufferBytes: 250_000 });
  const carried = [0, 0];
  for (const at of [0, 1]) {
    const line = new Line(link(agenda, 10_000, { delayMs: 10 }), [shared]);
    const flow: Flow = new Flow(agenda, line, new Cubic(), 20, {
      received: (bytes) => (carried[at] = (carried[at] ?? 0) + bytes),
      drained: () => {
        if (flow.unsentBytes < 1e6) flow.write(1e6);
      },
    });
    flow.write(1e6);
  }
  agenda.run(
    () => agenda.now >= 30_000,
    () => 'flows',
  );
  const [one = 0, two = 0] = carried;
  expect(one + two).toBeGreaterThan(0.95 * 30_000 * 2_500 * (PACKET_BYTES / 1_500));
  expect(one + two).toBeLessThanOrEqual(30_000 * 2_500 * (PACKET_BYTES / 1_500));
  expect(Math.min(one, two) / Math.max(one, two)).toBeGreaterThan(0.4);
});
