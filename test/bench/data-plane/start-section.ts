// Starting: what a small object and a first byte cost when the program begins anew each time.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { missingPrograms } from '../machine/programs.ts';
import { startNginxFiles, startNginxRelay, startOrigin, startRelay, VIA } from './loopback-servers.ts';
import { runClient, timeToExit, timeToFirstByte } from './measure.ts';
import { takeTurns } from './section.ts';
import type { Measurable, Sample, Section } from './section.ts';
import type { Workbench } from './workbench.ts';

const SMALL_BYTES = 100_000;

/** Measures starts. */
export async function startSection(bench: Workbench, progress: (line: string) => void): Promise<Section> {
  using scope = bench.teardown.scope();
  const small = bench.object(SMALL_BYTES);
  const large = bench.object(bench.effort.bytes);
  const absent = missingPrograms(['nginx', 'curl']).length === 0 ? undefined : 'absent';
  const origins = { small: await startOrigin(scope, bench, small), large: await startOrigin(scope, bench, large) };
  const relay = await startRelay(scope, bench, origins.small.url);
  const relayLarge = await startRelay(scope, bench, origins.large.url);
  const plain = absent === undefined ? await startNginxFiles(scope, bench, small) : undefined;
  const plainLarge = absent === undefined ? await startNginxFiles(scope, bench, large) : undefined;
  const proxy = plain === undefined ? undefined : await startNginxRelay(scope, bench, plain.url);
  const proxyLarge = plainLarge === undefined ? undefined : await startNginxRelay(scope, bench, plainLarge.url);
  const file = join(bench.newFolder('output'), 'out.bin');
  const get = (output: string, route: string): string[] =>
    bench.heddle('get', small.key, '-o', output, '--quiet', '--route', `way=${route}`);
  const toExit = (argv: readonly string[]) => async (): Promise<Sample> => {
    const milliseconds = 1_000 * (await timeToExit(bench, argv));
    rmSync(file, { force: true });
    const { cpuSeconds } = await runClient(bench, argv);
    rmSync(file, { force: true });
    return { milliseconds, cpuMilliseconds: cpuSeconds === undefined ? undefined : 1_000 * cpuSeconds };
  };
  const toFirst = (argv: readonly string[]) => async (): Promise<Sample> => ({
    milliseconds: 1_000 * (await timeToFirstByte(bench, argv)),
  });
  const curl = (url: string): string[] => ['curl', '-s', '-o', file, url];
  const [direct, relayed, first] = [
    '100 KB, exec to exit',
    '100 KB through a relay, exec to exit',
    'first byte of a large object',
  ];
  const firstRelayed = 'first byte of a large object through a relay';
  const measurables: Measurable[] = [
    { case: direct, program: 'curl', absent, measure: toExit(curl(`${plain?.url}/${small.key}`)) },
    { case: direct, program: 'heddle', measure: toExit(get(file, origins.small.url)) },
    { case: relayed, program: 'curl', absent, measure: toExit(curl(`${proxy?.url}${VIA}/${small.key}`)) },
    { case: relayed, program: 'heddle', measure: toExit(get(file, `${relay.url}${VIA}`)) },
    { case: first, program: 'curl', absent, measure: toFirst(['curl', '-sN', `${plainLarge?.url}/${large.key}`]) },
    { case: first, program: 'heddle', measure: toFirst(get('-', origins.large.url)) },
    {
      case: firstRelayed,
      program: 'curl',
      absent,
      measure: toFirst(['curl', '-sN', `${proxyLarge?.url}${VIA}/${large.key}`]),
    },
    { case: firstRelayed, program: 'heddle', measure: toFirst(get('-', `${relayLarge.url}${VIA}`)) },
    { case: '--help', program: 'curl', absent, measure: toExit(['curl', '--help']) },
    { case: '--help', program: 'heddle', measure: toExit(bench.heddle('--help')) },
    { case: '--help', program: 'node itself', measure: toExit([process.execPath, '--eval', '0']) },
  ];
  return {
    title: 'Starting',
    reading: 'Each figure is a new process; "node itself" runs an empty program, which no command of Heddle can beat.',
    limits:
      'loading the code, from the cache of compiled modules; bare Node is a third of it. A first byte comes when its segment, ' +
      'the manifest and the proof are here and agree: one round trip.',
    yardsticks: [
      { program: 'heddle', metric: 'milliseconds', to: 'curl', most: 2.5, cases: /^100 KB, / },
      { program: 'heddle', metric: 'cpuMilliseconds', most: 120, cases: /^--help$/ },
    ],
    metrics: [
      { key: 'milliseconds', title: 'ms', digits: 1, compare: true },
      { key: 'cpuMilliseconds', title: 'CPU ms', digits: 0, compare: true },
    ],
    baseline: 'curl',
    rows: await takeTurns(measurables, bench.effort.starts, progress),
  };
}
