// Sections of the data-plane bench: who is measured how often, medians and ratios, what is absent; and the two parsers
// that figures depend on.
import { describe, expect, test } from 'vitest';
import { encodeFrames, segmentPrefix } from '../../protocol/frame-writer.ts';
import { FrameSkimmer } from '../bench/data-plane/frame-skimmer.ts';
import { childSeconds } from '../bench/data-plane/measure.ts';
import { FOREIGN_CORES, sectionLines, takeTurns } from '../bench/data-plane/section.ts';
import type { Section } from '../bench/data-plane/section.ts';

const cellsOf = (line = ''): string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());

describe('sections', () => {
  test('programs take turns; one that fails or is absent says why and holds nobody up', async () => {
    const order: string[] = [];
    const measurable = (program: string, absent?: string) => ({
      case: 'x',
      program,
      absent,
      measure: async () => {
        order.push(program);
        if (program === 'broken') throw new Error('it broke');
        return { speed: order.length };
      },
    });
    const rows = await takeTurns(
      [measurable('a'), measurable('broken'), measurable('b'), measurable('c', 'absent')],
      2,
      () => {},
    );
    expect(order).toEqual(['a', 'broken', 'b', 'a', 'broken', 'b']);
    expect(rows.map(({ samples }) => samples.map(({ speed }) => speed))).toEqual([[1, 4], [], [3, 6], []]);
    expect(rows.map(({ absent }) => absent)).toEqual([undefined, 'it broke', undefined, 'absent']);
  });

  test('what ought to hold is judged by the worst case; what is not known is said', () => {
    const row = (name: string, program: string, speed: number) => ({ case: name, program, samples: [{ speed }] });
    const section: Section = {
      title: 'Title',
      reading: 'Reading.',
      limits: 'the cores.',
      baseline: 'base',
      metrics: [{ key: 'speed', title: 'GB/s', digits: 1 }],
      yardsticks: [
        { program: 'ours', metric: 'speed', to: 'base', least: 0.9 },
        { program: 'ours', metric: 'speed', to: 'base', most: 1.6, cases: /^one$/ },
        { program: 'ours', metric: 'speed', least: 2.5 },
        { program: 'theirs', metric: 'speed', least: 1 },
      ],
      rows: [row('one', 'base', 2), row('one', 'ours', 3), row('two', 'base', 4), row('two', 'ours', 2)],
    };
    const lines = sectionLines(section);
    expect(lines[4]).toBe('What limits: the cores.');
    expect(lines.filter((line) => line.startsWith('- '))).toEqual([
      '- Missed in 1 of 2: ours: GB/s at least 0.9 × base (worst ×0.50, two).',
      '- Holds: ours: GB/s at most 1.6 × base (worst ×1.50, one).',
      '- Missed in 1 of 2: ours: GB/s at least 2.5 (worst 2.00, two).',
      '- Not measured: theirs: GB/s at least 1.',
    ]);
  });

  test('medians of the quiet samples, beside the baseline of the same case', () => {
    const quiet = (speed: number) => ({ speed, [FOREIGN_CORES]: 0.01 });
    const busy = (speed: number) => ({ speed, [FOREIGN_CORES]: 1.5 });
    const section: Section = {
      title: 'Title',
      reading: 'Reading.',
      baseline: 'base',
      metrics: [
        { key: 'speed', title: 'speed', digits: 1, compare: true },
        { key: 'size', title: 'size', digits: 0 },
      ],
      rows: [
        { case: 'one', program: 'base', samples: [quiet(2), quiet(4), quiet(3), busy(100)] },
        { case: 'one', program: 'ours', samples: [quiet(6), busy(0.1)] },
        { case: 'two', program: 'base', samples: [], absent: 'absent' },
        { case: 'two', program: 'ours', samples: [busy(5)] },
      ],
    };
    const lines = sectionLines(section);
    expect(lines.slice(0, 3)).toEqual(['## Title', '', 'Reading.']);
    const table = lines.filter((line) => line.startsWith('|')).map(cellsOf);
    expect(lines.at(-2)).toBe('- Others kept the machine busy during 1 of 3 rows: those say little.');
    expect(table[0]).toEqual(['case', 'program', 'speed', '÷ base', 'size', 'others']);
    expect(table.slice(2)).toEqual([
      ['one', 'base', '3.0', '–', '–', '0.01'],
      ['one', 'ours', '6.0', '×2.00', '–', '0.01'],
      ['two', 'base: absent', '–', '–', '–', '–'],
      ['two', 'ours', '5.0', '–', '–', '1.50 !'],
    ]);
  });
});

test.each([
  ['0m0.001s 0m0.002s\n0m1.500s 0m0.250s\n', 1.75],
  ['0m0.000000s 0m0.000000s\n2m0.010000s 0m0.040000s\n', 120.05],
  ['nothing', undefined],
])('the times of a shell: %j', (text, seconds) => {
  if (seconds === undefined) expect(childSeconds(text)).toBeUndefined();
  else expect(childSeconds(text)).toBeCloseTo(seconds, 9);
});

test('frames are counted however the bytes are cut', () => {
  const payload = Buffer.alloc(1_000, 0x28);
  const whole = Buffer.concat([
    encodeFrames([{ type: 'idle', epoch: 1, at: 0 }]),
    segmentPrefix(0, 1, 'pattern', payload.length),
    payload,
    encodeFrames([{ type: 'pong', nonce: 77, epoch: 1, queued: 5 }]),
    segmentPrefix(1, 70_000, 'pattern', payload.length),
    payload,
    encodeFrames([{ type: 'error', code: 'draining', text: 'gone' }]),
  ]);
  for (const size of [1, 3, 7, 1_024, whole.length]) {
    const epochs: number[] = [];
    const pongs: number[] = [];
    const errors: string[] = [];
    const skimmer = new FrameSkimmer({
      segment: (epoch) => epochs.push(epoch),
      pong: (nonce) => pongs.push(nonce),
      error: (text) => errors.push(text),
    });
    for (let at = 0; at < whole.length; at += size) skimmer.push(whole.subarray(at, at + size));
    expect({ size, epochs, pongs, errors }).toEqual({ size, epochs: [1, 70_000], pongs: [77], errors: ['gone'] });
  }
});
