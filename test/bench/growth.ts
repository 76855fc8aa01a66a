// `npm run bench:growth`: what things cost as they grow: per byte, per segment, per object. Prints one table per curve and
// says whether it is flat, writes them to results/, asserts nothing. The parts are in growth/.
import { parseArgs } from 'node:util';
import { EFFORTS, Workbench } from './data-plane/workbench.ts';
import { catalogCurve, flatCurve } from './growth/catalog-curve.ts';
import {
  clientRoutesCurve,
  clientSegmentsCurve,
  clientSizeCurve,
  clientTransfersCurve,
} from './growth/client-curves.ts';
import { curveLines, judgementsOf } from './growth/curve.ts';
import type { Judgement } from './growth/curve.ts';
import { hashCurve } from './growth/hash-curve.ts';
import { channelsCurve, segmentsCurve } from './growth/segments-curve.ts';
import { sizeCurve } from './growth/size-curve.ts';
import { originStreamsCurve, relayStreamsCurve } from './growth/streams-curve.ts';
import { treeCurve } from './growth/tree-curve.ts';
import { describeMachine, machineLines } from './machine/description.ts';
import { heddleProgram } from './machine/heddle.ts';
import { Teardown } from './machine/teardown.ts';
import { makeWorkFolder } from './machine/work-folder.ts';
import { writeResults } from './report/results.ts';
import { showProgress } from './report/progress.ts';

const CURVES = {
  tree: treeCurve,
  hash: hashCurve,
  size: sizeCurve,
  segments: segmentsCurve,
  channels: channelsCurve,
  'client-size': clientSizeCurve,
  'client-segments': clientSegmentsCurve,
  'client-routes': clientRoutesCurve,
  'client-transfers': clientTransfersCurve,
  origin: originStreamsCurve,
  relay: relayStreamsCurve,
  catalog: catalogCurve,
  flat: flatCurve,
} as const;
type CurveName = keyof typeof CURVES;

const USAGE = `node test/bench/growth.ts [--full] [--keep] [--only ${Object.keys(CURVES).join(',')}]

  --full        also 1 TB, 1,000,000 segments and objects, 255 channels, 2,000 streams: an hour, and several GB in memory
  --only NAMES  these curves only
  --keep        write the results to a dated file that git takes`;

const say = (line: string): void => console.log(line);

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      full: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      only: { type: 'string', default: Object.keys(CURVES).join(',') },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return say(USAGE);
  const { full, keep } = values;
  const names = values.only.split(',').map(curveName);
  const startedAt = performance.now();
  const text = [...machineLines(describeMachine([])), ''];
  for (const line of text) say(line);
  using teardown = new Teardown();
  using scope = teardown.scope();
  const bench = new Workbench(teardown, makeWorkFolder(scope), heddleProgram(), EFFORTS.quick);
  const judgements: Judgement[] = [];
  for (const name of names) {
    const progress = (line: string): void => showProgress(`${name}: ${line}`);
    const curve = await CURVES[name]({ bench, full, progress });
    showProgress('');
    judgements.push(...judgementsOf(curve));
    const lines = curveLines(curve);
    for (const line of lines) say(line);
    text.push(...lines);
  }
  const flat = judgements.filter(({ isFlat }) => isFlat).length;
  const minutes = ((performance.now() - startedAt) / 60_000).toFixed(0);
  text.push(`${flat} of ${judgements.length} figures are flat. The run took ${minutes} minutes.`);
  say(text.at(-1) ?? '');
  say(`written to ${writeResults({ title: 'Growth', suffix: 'growth', lines: text, keep }, new Date())}`);
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
