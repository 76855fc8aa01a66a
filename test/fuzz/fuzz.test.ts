// A short campaign against every decoder, always with the same inputs; `npm run fuzz` has the long ones. What a campaign
// found is listed here and stays.
import { describe, expect, test } from 'vitest';
import { fuzz } from './campaign.ts';
import { DECODERS } from './decoders.ts';

const INPUTS = 3_000;
const SEED = 20_261_122;

/** Inputs that broke a decoder once: its name and the input, base64. */
const FOUND: readonly (readonly [string, string])[] = [];

describe.each(DECODERS.map((decoder) => [decoder.name, decoder] as const))('%s', (name, decoder) => {
  test('accepts its samples', () => {
    expect(decoder.samples.filter((sample) => decoder.run(sample)).length).toBeGreaterThan(0);
  });

  test('bears what is bent', async () => {
    const { failure, accepted } = await fuzz(decoder, INPUTS, SEED);
    expect(failure).toBeUndefined();
    expect(accepted).toBeGreaterThan(0);
    expect(accepted).toBeLessThan(INPUTS);
  });

  test('bears what broke it before', () => {
    for (const [broken, input] of FOUND) if (broken === name) decoder.run(Buffer.from(input, 'base64'));
  });
});

test('a campaign notices what is wrong, and says with which input', async () => {
  const broken = {
    name: 'broken',
    samples: [Buffer.from('abc')],
    run(input: Uint8Array): boolean {
      if (input[0] === 0x7f) throw new Error('broken');
      return true;
    },
  };
  const { failure } = await fuzz(broken, 100_000, SEED);
  expect(failure?.message).toBe('Error: broken');
  expect(Buffer.from(failure?.input ?? '', 'base64')[0]).toBe(0x7f);
});
