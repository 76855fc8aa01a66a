// `npm run fuzz -- --inputs 10000000 --seed 1 [--only frame]`: that many inputs through each decoder. Exits 1 with the
// input that broke one.
import { parseArgs } from 'node:util';
import { fuzz } from './campaign.ts';
import { DECODERS } from './decoders.ts';

// most inputs are refused with an error: where each was thrown is of no interest, and costs more than all decoding
Error.stackTraceLimit = 0;

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
  },
});
const chosen = DECODERS.filter(({ name }) => values.only === undefined || name === values.only);
if (chosen.length === 0)
  throw new Error(`there is no decoder "${values.only}": ${DECODERS.map(({ name }) => name).join(', ')}`);
for (const decoder of chosen) {
  const { name, inputs, accepted, seconds, failure } = fuzz(decoder, Number(values.inputs), Number(values.seed));
  const share = ((100 * accepted) / Math.max(1, inputs)).toFixed(1);
  console.log(`${name}: ${inputs} inputs, ${share} % accepted, ${seconds.toFixed(1)} s`);
  if (failure === undefined) continue;
  console.log(`${name}: ${failure.message}\n  input (base64): ${failure.input}`);
  process.exitCode = 1;
}
