// The whole way: origin, a chain of relays, a verifying client, against curl through as many nginx.
import { missingPrograms } from '../machine/programs.ts';
import { threadSeconds } from '../machine/usage.ts';
import { startNginxFiles, startNginxRelay, startOrigin, startRelay, VIA } from './loopback-servers.ts';
import type { LoopbackServer } from './loopback-servers.ts';
import { runClient } from './measure.ts';
import { takeTurns } from './section.ts';
import type { Measurable, Section } from './section.ts';
import type { Workbench } from './workbench.ts';

const MOST_HOPS = 3;

/** Measures 0 to 3 hops. */
export async function hopsSection(bench: Workbench, progress: (line: string) => void): Promise<Section> {
  using scope = bench.teardown.scope();
  const object = bench.object(bench.effort.bytes);
  const absent = missingPrograms(['nginx', 'curl']).length === 0 ? undefined : 'absent';
  const heddle = [await startOrigin(scope, bench, object)];
  const plain = absent === undefined ? [await startNginxFiles(scope, bench, object)] : [];
  for (let hop = 1; hop <= MOST_HOPS; hop += 1) {
    heddle.push(await startRelay(scope, bench, heddle.at(-1)?.url ?? ''));
    if (absent === undefined) plain.push(await startNginxRelay(scope, bench, plain.at(-1)?.url ?? ''));
  }
  const measurables = Array.from({ length: MOST_HOPS + 1 }, (_, hops) => hops).flatMap((hops): Measurable[] => {
    const name = hops === 0 ? 'no relay' : `${hops} ${hops === 1 ? 'relay' : 'relays'}`;
    const route = `way=${heddle[hops]?.url}${VIA.repeat(hops)}`;
    const get = bench.heddle('get', object.key, '-o', '/dev/null', '--quiet', '--route', route);
    const curl = ['curl', '-s', '-o', '/dev/null', `${plain[hops]?.url}${VIA.repeat(hops)}/${object.key}`];
    const measured = (argv: string[], servers: LoopbackServer[]) => () =>
      measureWay(bench, argv, servers.slice(0, hops + 1));
    return [
      { case: name, program: 'curl and nginx', absent, measure: measured(curl, plain) },
      { case: name, program: 'heddle', measure: measured(get, heddle) },
    ];
  });
  return {
    title: 'End to end',
    reading:
      'A large object to nowhere; CPU of all together. Everything runs on the same cores, so each hop costs speed.',
    limits:
      'the cores: client, origin and every relay want one of their own. The client hashes every byte in a thread beside; curl ' +
      'hashes none.',
    metrics: [
      { key: 'gigabytesPerSecond', title: 'GB/s', digits: 2, compare: true },
      { key: 'clientCpu', title: 'client CPU-s/GB', digits: 3, compare: true },
      { key: 'serversCpu', title: 'servers CPU-s/GB', digits: 3, compare: true },
    ],
    baseline: 'curl and nginx',
    rows: await takeTurns(measurables, bench.effort.repetitions, progress),
  };
}

async function measureWay(bench: Workbench, argv: readonly string[], servers: readonly LoopbackServer[]) {
  const gigabytes = bench.effort.bytes / 1e9;
  const used = (): number => servers.reduce((sum, { pid }) => sum + (threadSeconds(pid) ?? Number.NaN), 0);
  const before = used();
  const { seconds, cpuSeconds = Number.NaN } = await runClient(bench, argv);
  return {
    gigabytesPerSecond: gigabytes / seconds,
    clientCpu: cpuSeconds / gigabytes,
    serversCpu: (used() - before) / gigabytes,
  };
}
