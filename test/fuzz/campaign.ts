// Feeds one decoder with inputs from a seed and watches what it takes: time per input and memory. The first input that
// breaks something ends the campaign, and is told so that it can be replayed.
import { setImmediate } from 'node:timers/promises';
import { Random } from '../simulation/random.ts';
import type { Decoder } from './decoders.ts';
import { Mutator } from './mutator.ts';

/** Processor time that the inputs between two looks may take, ms: none has more than a few kilobytes to look at. */
const MOST_CPU_MS = 20_000;
/** Growth of the heap and of what lies outside of it during a campaign, bytes: garbage not collected yet included. */
const MOST_GROWTH_BYTES = 512 * 1_048_576;
/** Inputs between two looks at clock and memory. */
const LOOK_EVERY = 1_024;

/** How a campaign went. */
export type CampaignResult = {
  readonly name: string;
  readonly inputs: number;
  readonly accepted: number;
  readonly seconds: number;
  /** What broke, and the input that did it (base64). */
  readonly failure: { readonly message: string; readonly input: string } | undefined;
};

export async function fuzz(decoder: Decoder, inputs: number, seed: number): Promise<CampaignResult> {
  const mutator = new Mutator(decoder.samples, new Random(seed).fork(decoder.name));
  const begun = performance.now();
  const before = process.memoryUsage();
  let accepted = 0;
  let done = 0;
  let cpuMs = cpuTime();
  let failure: CampaignResult['failure'];
  for (; done < inputs && failure === undefined; done += 1) {
    const input = mutator.next();
    try {
      if (decoder.run(input)) accepted += 1;
      if (done % LOOK_EVERY !== 0) continue;
      // zlib gives back what it used only between two turns of the loop
      await setImmediate();
      cpuMs = look(cpuMs, before);
    } catch (error) {
      failure = { message: String(error), input: Buffer.from(input).toString('base64') };
    }
  }
  return { name: decoder.name, inputs: done, accepted, seconds: (performance.now() - begun) / 1_000, failure };
}

/** Throws when the inputs since the last look took too long, or memory was not given back. */
function look(lookedAt: number, before: NodeJS.MemoryUsage): number {
  const now = cpuTime();
  if (now - lookedAt > MOST_CPU_MS)
    throw new Error(`the ${LOOK_EVERY} inputs up to this one took ${now - lookedAt} ms`);
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  const growth = heapUsed + arrayBuffers - before.heapUsed - before.arrayBuffers;
  if (growth > MOST_GROWTH_BYTES) throw new Error(`memory grew by ${growth} bytes`);
  return now;
}

function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
