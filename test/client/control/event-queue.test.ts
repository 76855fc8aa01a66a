// One reader's events: in order while he keeps up; when he does not, a bounded number waits, he is told how many he
// missed, and begins anew.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EventQueue, MOST_WAITING_EVENTS } from '../../../client/control/event-queue.ts';
import type { ControlEvent } from '../../../client/control/messages.ts';

const event = (id: number): ControlEvent => ({ type: 'state', id, at: 0, transfer: '1', state: 'running' });
const lost = (events: number): ControlEvent => ({ type: 'lost', id: -1, at: 0, transfer: '', events });

test('whoever waits is woken; after the end there is nothing', async () => {
  const queue = new EventQueue([event(1)], () => []);
  expect(await queue.next()).toEqual(event(1));
  const next = queue.next();
  queue.push(event(2));
  expect(await next).toEqual(event(2));
  const end = queue.next();
  queue.close();
  queue.push(event(3));
  expect(await end).toBeUndefined();
});

test('what waits at the end is still read', async () => {
  const queue = new EventQueue([], () => []);
  queue.push(event(1));
  queue.close();
  expect(await queue.next()).toEqual(event(1));
  expect(await queue.next()).toBeUndefined();
});

test('whatever the pace, every event is read or counted as lost, in order, and never more wait than may', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 150 })), async (bursts) => {
      let told = 0;
      let highest = 0;
      let missed = 0;
      const queue = new EventQueue([], (count) => [lost(count)]);
      for (const burst of bursts) {
        for (let at = 0; at < burst; at += 1) queue.push(event((told += 1)));
        for (let at = 0; at < MOST_WAITING_EVENTS / 2 && highest + missed < told; at += 1) {
          const next = await queue.next();
          if (next?.type === 'lost') missed += next.events;
          else {
            expect(next?.id).toBe(highest + missed + 1);
            highest += 1;
          }
        }
        expect(told - highest - missed <= MOST_WAITING_EVENTS || burst > 0).toBe(true);
      }
      queue.close();
      for (let next = await queue.next(); next !== undefined; next = await queue.next()) {
        if (next.type === 'lost') missed += next.events;
        else highest += 1;
      }
      expect(highest + missed).toBe(told);
    }),
  );
});
