// `npm run bench:growth`: what things cost as they grow: per byte, per segment, per object. Prints one table per curve and
// says whether it is flat, writes them to results/, asserts nothing. The parts are in growth/.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { EFFORTS, Workbench } from './data-plane/workbench.ts';
import { catalogCurve, flatCurve } from './growth/catalog-curve.ts';
import { curveLines } from './growth/curve.ts';
import { channelsCurve, segmentsCurve } from './growth/segments-curve.ts';
import { sizeCurve } from './growth/size-curve.ts';
import { originStreamsCurve, relayStreamsCurve } from './growth/streams-curve.ts';
import { treeCurve } from './growth/tree-curve.ts';
import { describeMachine, machineLines } from './machine/description.ts';
import { heddleProgram } from './machine/heddle.ts';
import { Teardown } from './machine/teardown.ts';
import { makeWorkFolder } from './machine/work-folder.ts';

const CURVES = {
  tree: treeCurve,
  size: sizeCurve,
  segments: segmentsCurve,
  channels: channelsCurve,
  origin: originStreamsCurve,
  relay: relayStreamsCurve,
  catalog: catalogCurve,
  flat: flatCurve,
} as const;
type CurveName = keyof typeof CURVES;
const RESULTS = join(import.meta.dirname, 'results');

const USAGE = `node test/bench/growth.ts [--full] [--only ${Object.keys(CURVES).join(',')}]

  --full        also 1 TB, 1,000,000 segments and objects, 256 channels, 2,000 streams: half an hour and several GB of disk
  --only NAMES  these curves only`;

const say = (line: string): void => console.log(line);

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      full: { type: 'boolean', default: false },
      only: { type: 'string', default: Object.keys(CURVES).join(',') },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return say(USAGE);
  const names = values.only.split(',').map(curveName);
  const text = [...machineLines(describeMachine([])), ''];
  for (const line of text) say(line);
  using teardown = new Teardown();
  using scope = teardown.scope();
  const bench = new Workbench(teardown, makeWorkFolder(scope), heddleProgram(), EFFORTS.quick);
  for (const name of names) {
    const lines = curveLines(await CURVES[name]({ bench, full: values.full }));
    for (const line of lines) say(line);
    text.push(...lines);
  }
  mkdirSync(RESULTS, { recursive: true });
  const date = new Date().toISOString().slice(0, 19).replace('T', '-').replaceAll(':', '');
  const path = join(RESULTS, `growth-${date}.md`);
  writeFileSync(path, `# Growth, ${date}\n\n${text.join('\n')}\n`);
  say(`written to ${path}`);
}

function curveName(name: string): CurveName {
  if (name in CURVES) return name as CurveName;
  throw new Error(`there is no curve "${name}"; there are ${Object.keys(CURVES).join(', ')}`);
}

try {
  await main();
} catch (error) {
  console.error(`bench:growth: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
