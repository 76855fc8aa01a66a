// `npm run fuzz -- --inputs 10000000 --seed 1 [--only frame]`: that many inputs through each decoder. Exits 1 with the
// input that broke one.
import { oneOf, readOptions, whole } from '../support/script-options.ts';
import { fuzz } from './campaign.ts';
import { DECODERS } from './decoders.ts';

// most inputs are refused with an error: where each was thrown is of no interest, and costs more than all decoding
Error.stackTraceLimit = 0;

const names = DECODERS.map(({ name }) => name);
const values = readOptions('npm run fuzz --', {
  inputs: whole(100_000, 'for each decoder', 1),
  seed: whole(1, 'of the inputs'),
  only: oneOf(names, 'this decoder only'),
});
const chosen = DECODERS.filter(({ name }) => values.only === undefined || name === values.only);
for (const decoder of chosen) {
  const { name, inputs, accepted, seconds, failure } = await fuzz(decoder, values.inputs, values.seed);
  const share = ((100 * accepted) / Math.max(1, inputs)).toFixed(1);
  console.log(`${name}: ${inputs} inputs, ${share} % accepted, ${seconds.toFixed(1)} s`);
  if (failure === undefined) continue;
  console.log(`${name}: ${failure.message}\n  input (base64): ${failure.input}`);
  process.exitCode = 1;
}
