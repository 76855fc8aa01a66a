// Three relays at once, nothing shaped: the sum must not be slower than the best of them alone, nor than aria2c over the
// same three.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { missingPrograms } from '../machine/programs.ts';
import { startNginxFiles, startNginxRelay, startOrigin, startRelay, VIA } from './loopback-servers.ts';
import type { LoopbackServer } from './loopback-servers.ts';
import { runClient } from './measure.ts';
import { takeTurns } from './section.ts';
import type { Measurable, Sample, Section } from './section.ts';
import type { Workbench } from './workbench.ts';

const RELAYS = [0, 1, 2];

/** Measures three relays together and each alone. */
export async function threeRelaysSection(bench: Workbench, progress: (line: string) => void): Promise<Section> {
  using scope = bench.teardown.scope();
  const object = bench.object(bench.effort.bytes);
  const origin = await startOrigin(scope, bench, object);
  const relays = await Promise.all(RELAYS.map(() => startRelay(scope, bench, origin.url)));
  const file = join(bench.newFolder('output'), 'out.bin');
  const noAria = missingPrograms(['aria2c']).length === 0 ? undefined : 'absent';
  const noSum = missingPrograms(['sha256sum']).length === 0 ? undefined : 'no sha256sum';
  const noNginx = missingPrograms(['nginx']).length === 0 ? undefined : 'no nginx';
  const proxies: LoopbackServer[] = [];
  const sources: LoopbackServer[] = [];
  if (noNginx === undefined) {
    const files = await startNginxFiles(scope, bench, object);
    sources.push(files);
    proxies.push(...(await Promise.all(RELAYS.map(() => startNginxRelay(scope, bench, files.url)))));
  }
  const run = async (argv: readonly string[], servers = [relays, [origin]]): Promise<Sample> => {
    try {
      const { seconds, cpuSeconds, serverSeconds } = await runClient(bench, argv, servers);
      const gigabytes = object.bytes / 1e9;
      const perGigabyte = (used: number | undefined): number | undefined =>
        used === undefined ? undefined : used / gigabytes;
      return {
        gigabytesPerSecond: gigabytes / seconds,
        clientCpu: perGigabyte(cpuSeconds),
        relayCpu: perGigabyte(serverSeconds[0]),
        originCpu: perGigabyte(serverSeconds[1]),
      };
    } finally {
      for (const path of [file, `${file}.part`, `${file}.aria2`]) rmSync(path, { force: true });
    }
  };
  const get = (output: string, which: readonly number[]): string[] => {
    const routes = which.flatMap((index) => ['--route', `r${index + 1}=${relays[index]?.url}${VIA}`]);
    return bench.heddle('get', object.key, '-o', output, '--quiet', ...routes);
  };
  const aria = (urls: readonly string[]): string[] => {
    const split = ['-x2', '-s64', '-k1M', '-d', join(file, '..'), '-o', 'out.bin'];
    return ['aria2c', '-q', '--no-conf', '--file-allocation=none', '--allow-overwrite=true', ...split, ...urls];
  };
  // what one does who wants to know that it is right; a root says it of every piece while it comes
  const checked = (argv: readonly string[]): string[] => ['sh', '-c', '"$@" && exec sha256sum "$0"', file, ...argv];
  const bestAlone = (output: string) => async (): Promise<Sample> => {
    const samples: Sample[] = [];
    for (const index of RELAYS) samples.push(await run(get(output, [index])));
    return samples.toSorted((a, b) => (b['gigabytesPerSecond'] ?? 0) - (a['gigabytesPerSecond'] ?? 0))[0] ?? {};
  };
  const viaHeddle = relays.map(({ url }) => `${url}${VIA}/v1/objects/${object.key}`);
  const viaNginx = proxies.map(({ url }) => `${url}${VIA}/${object.key}`);
  const measurables: Measurable[] = [
    { case: 'into a file', program: 'best relay alone', measure: bestAlone(file) },
    { case: 'into a file', program: 'heddle, three relays', measure: () => run(get(file, RELAYS)) },
    { case: 'into a file', program: 'aria2c, same relays', absent: noAria, measure: () => run(aria(viaHeddle)) },
    {
      case: 'into a file',
      program: 'aria2c, same relays, then sha256sum',
      absent: noAria ?? noSum,
      measure: () => run(checked(aria(viaHeddle))),
    },
    {
      case: 'into a file',
      program: 'aria2c, three nginx',
      absent: noAria ?? noNginx,
      measure: () => run(aria(viaNginx), [proxies, sources]),
    },
    { case: 'to nowhere', program: 'best relay alone', measure: bestAlone('/dev/null') },
    { case: 'to nowhere', program: 'heddle, three relays', measure: () => run(get('/dev/null', RELAYS)) },
  ];
  return {
    title: 'Three relays at once',
    reading: 'Best relay alone: heddle over each of the three, the fastest counts. aria2c verifies nothing by itself.',
    limits:
      'the cores: one client, its hashing thread, three relays and the origin share them. On a machine with fewer cores than ' +
      'programs more relays carry no more.',
    yardsticks: [
      { program: 'heddle, three relays', metric: 'gigabytesPerSecond', to: 'best relay alone', least: 1 },
      { program: 'heddle, three relays', metric: 'gigabytesPerSecond', to: 'aria2c, same relays', least: 1 },
    ],
    metrics: [
      { key: 'gigabytesPerSecond', title: 'GB/s', digits: 2, compare: true },
      { key: 'clientCpu', title: 'client CPU-s/GB', digits: 3, compare: true },
      { key: 'relayCpu', title: 'relays CPU-s/GB', digits: 3 },
      { key: 'originCpu', title: 'origin CPU-s/GB', digits: 3 },
    ],
    baseline: 'best relay alone',
    rows: await takeTurns(measurables, bench.effort.repetitions, progress),
  };
}
