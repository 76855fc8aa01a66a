// `npm run bench`: the data plane on the loopback, every figure beside that of its peers in the same run. Prints tables,
// writes them to results/, asserts nothing. The parts are in data-plane/.
import { parseArgs } from 'node:util';
import { clientSection } from './data-plane/client-section.ts';
import { controlSection } from './data-plane/control-section.ts';
import { hopsSection } from './data-plane/hops-section.ts';
import { memorySection } from './data-plane/memory-section.ts';
import { originSection } from './data-plane/origin-section.ts';
import { relaySection } from './data-plane/relay-section.ts';
import { sectionLines } from './data-plane/section.ts';
import type { Section } from './data-plane/section.ts';
import { startSection } from './data-plane/start-section.ts';
import { tlsSection } from './data-plane/tls-section.ts';
import { threeRelaysSection } from './data-plane/three-relays-section.ts';
import { EFFORTS, Workbench } from './data-plane/workbench.ts';
import { describeMachine, machineLines } from './machine/description.ts';
import { heddleProgram } from './machine/heddle.ts';
import { installMissing } from './machine/programs.ts';
import type { ProgramName } from './machine/programs.ts';
import { Teardown } from './machine/teardown.ts';
import { makeWorkFolder } from './machine/work-folder.ts';
import { showProgress } from './report/progress.ts';
import { writeResults } from './report/results.ts';

const PEERS: readonly ProgramName[] = ['nginx', 'haproxy', 'curl', 'aria2c', 'sha256sum', 'openssl'];
const SECTIONS = {
  relay: relaySection,
  tls: tlsSection,
  origin: originSection,
  client: clientSection,
  hops: hopsSection,
  three: threeRelaysSection,
  start: startSection,
  control: controlSection,
  memory: memorySection,
} as const;
type SectionName = keyof typeof SECTIONS;

const USAGE = `node test/bench/bench.ts [--quick] [--only ${Object.keys(SECTIONS).join(',')}] [--keep] [--install]

  --quick         a fifth of the bytes, once instead of three times: three minutes instead of fifteen
  --only NAMES    these sections only
  --keep          write the results to a dated file that git takes: results/DATE.md
  --install       install missing peers (Debian, root)
  --cli FILE      client/cli.ts of a checkout, instead of what \`npm run build\` makes of this one`;

const LEGEND =
  'Figures are medians of the samples during which others used at most 0.15 cores; where there is none, of all, and "others" ' +
  'has a mark. Ratios are to the program named at the head of the column, in the same case.';

const say = (line: string): void => console.log(line);

async function main(): Promise<void> {
  const startedAt = performance.now();
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', default: Object.keys(SECTIONS).join(',') },
      keep: { type: 'boolean', default: false },
      install: { type: 'boolean', default: false },
      cli: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return say(USAGE);
  const names = values.only.split(',').map(sectionName);
  if (values.install) say(installMissing(PEERS));
  const machine = describeMachine(PEERS);
  const effort = EFFORTS[values.quick ? 'quick' : 'full'];
  const sections: Section[] = [];
  const lines = [...machineLines(machine), effortLine(effort), ''];
  for (const line of lines) say(line);
  using teardown = new Teardown();
  using scope = teardown.scope();
  const bench = new Workbench(teardown, makeWorkFolder(scope), heddleProgram(values.cli), effort);
  for (const name of names) {
    const section = await SECTIONS[name](bench, (line) => showProgress(`${name}: ${line}`));
    showProgress('');
    sections.push(section);
    for (const line of sectionLines(section)) say(line);
  }
  const minutes = ((performance.now() - startedAt) / 60_000).toFixed(0);
  const end = `${LEGEND} The run took ${minutes} minutes.`;
  say(end);
  const text = [...lines, ...sections.flatMap(sectionLines), end];
  const raw = { machine, effort, sections };
  say(`written to ${writeResults({ title: 'Data plane', lines: text, raw, keep: values.keep }, new Date())}`);
}

function sectionName(name: string): SectionName {
  if (name in SECTIONS) return name as SectionName;
  throw new Error(`there is no section "${name}"; there are ${Object.keys(SECTIONS).join(', ')}`);
}

function effortLine({ repetitions, bytes, starts }: Workbench['effort']): string {
  return `effort    ${(bytes / 1e9).toFixed(1)} GB each, medians of ${repetitions}; starts: medians of ${starts}`;
}

try {
  await main();
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
