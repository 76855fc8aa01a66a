// The range adapter against servers that behave at random: whatever they do, each segment that a pattern owes is answered
// once, in the order in which an origin would answer, with the right bytes.
import type { ServerResponse } from 'node:http';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { answerRange, startScripted } from '../../support/mirrors.ts';
import type { AskedRange } from '../../support/mirrors.ts';
import { objectBytes } from '../../support/object-bytes.ts';
import { patternFrame, RangeKit, SEGMENT } from './range-kit.ts';
import type { Said } from './range-kit.ts';

const SEGMENTS = 12;
const content = objectBytes((SEGMENTS - 1) * SEGMENT + 99, 5);

/** What a server does with one request. */
const HABITS = ['plain', 'chunks', 'less', 'close', 'hang up', 'redirect'] as const;
type Habit = (typeof HABITS)[number];

function answer(habit: Habit, response: ServerResponse, range: AskedRange): void {
  if (range === undefined) return;
  switch (habit) {
    case 'redirect':
      response.writeHead(302, { Location: '/elsewhere' }).end();
      return;
    case 'chunks': {
      const body = content.subarray(range.first, range.last + 1);
      const line = `bytes ${range.first}-${range.first + body.length - 1}/${content.length}`;
      if (body.length === 0) return answerRange(response, content, range);
      response.writeHead(206, { 'Content-Range': line, ETag: '"v1"' });
      for (let at = 0; at < body.length; at += 7_001) response.write(body.subarray(at, at + 7_001));
      response.end();
      return;
    }
    case 'less':
      return answerRange(response, content, { ...range, last: Math.min(range.last, range.first + 20_000) });
    case 'close':
      return answerRange(response, content, range, { Connection: 'close' });
    case 'hang up': {
      const { socket } = response;
      answerRange(response, content, range);
      response.once('finish', () => socket?.end());
      return;
    }
    case 'plain':
      return answerRange(response, content, range);
    default:
      habit satisfies never;
  }
}

/** Every segment came, by pattern or by SEND, and all SENDs are answered. */
function isWhole(said: readonly Said[], sends: number): boolean {
  const frames = said.flatMap((each) => (each.type === 'segment' ? [each.frame] : []));
  const answered = frames.filter(({ by }) => by === 'send').length;
  return answered >= sends && new Set(frames.map(({ index }) => index)).size === SEGMENTS;
}

/** What the client says, step by step; each step is taken after that many answers. */
const step = fc.record({
  cycle: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 5 }),
  credit: fc.integer({ min: 0, max: 4 }),
  send: fc.option(fc.integer({ min: 0, max: SEGMENTS - 1 })),
});

test('each owed segment is answered once, in order, with the right bytes', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...HABITS), { minLength: 1, maxLength: 8 }),
      fc.array(step, { maxLength: 5 }),
      async (habits, steps) => {
        let requests = 0;
        let redirects = 0;
        await using server = await startScripted((_, response, range) => {
          const habit = habits[requests % habits.length] ?? 'plain';
          requests += 1;
          if (habit === 'redirect') redirects += 1;
          answer(habit === 'redirect' && redirects > 3 ? 'plain' : habit, response, range);
        });
        using kit = new RangeKit(server.url);
        await kit.open(1, [1]);
        let credit = 1;
        let epoch = 1;
        const sends: number[] = [];
        for (const { cycle, credit: more, send } of steps) {
          epoch += 1;
          credit += more;
          kit.channel.write(patternFrame(epoch, cycle));
          kit.channel.write({ type: 'credit', total: credit });
          if (send !== null) {
            sends.push(send);
            kit.channel.write({ type: 'send', ranges: [{ first: send, length: 1 }], again: true });
          }
          if (more > 0 && cycle.includes(1)) await kit.untilSegments(1);
        }
        kit.channel.write(patternFrame(epoch + 1, [1]));
        kit.channel.write({ type: 'credit', total: 10_000 });
        await kit.untilHeard((said) => isWhole(said, sends.length));
        const segments = kit.said.filter((said) => said.type === 'segment');
        const byPattern = segments.filter(({ frame }) => frame.by === 'pattern').map(({ frame }) => frame.index);
        const bySend = segments.filter(({ frame }) => frame.by === 'send').map(({ frame }) => frame.index);
        // who closes while requests come in may cut an answer off: then the channel is lost, and the core opens another
        const closes = habits.includes('hang up') || habits.includes('close');
        const mayBeLost = closes && kit.said.some(({ type }) => type === 'closed');
        expect(kit.said.filter(({ type }) => type === 'refused' || (type === 'closed' && !mayBeLost))).toEqual([]);
        expect(new Set(byPattern).size).toBe(byPattern.length);
        if (!mayBeLost) {
          expect(bySend).toEqual(sends);
          expect(new Set([...byPattern, ...bySend]).size).toBe(SEGMENTS);
        }
        for (const { frame, payload } of segments) {
          expect(payload.equals(content.subarray(frame.index * SEGMENT, (frame.index + 1) * SEGMENT))).toBe(true);
        }
        const epochs = segments.map(({ frame }) => frame.epoch);
        expect(epochs).toEqual(epochs.toSorted((a, b) => a - b));
      },
    ),
    { numRuns: 15 },
  );
}, 60_000);
