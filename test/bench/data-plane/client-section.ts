// Clients: a large object to nowhere and into a file, verified by Heddle always, by curl only with sha256sum behind it.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { missingPrograms } from '../machine/programs.ts';
import { startNginxFiles, startOrigin } from './loopback-servers.ts';
import type { LoopbackServer } from './loopback-servers.ts';
import { runClient } from './measure.ts';
import { takeTurns } from './section.ts';
import type { Measurable, Sample, Section } from './section.ts';
import { THROUGHPUT_METRICS } from './throughput-metrics.ts';
import type { Workbench } from './workbench.ts';

const SEGMENT_BYTES = [262_144, 1_048_576];

/** Measures clients. */
export async function clientSection(bench: Workbench, progress: (line: string) => void): Promise<Section> {
  using scope = bench.teardown.scope();
  const object = bench.object(bench.effort.bytes);
  const noNginx = missingPrograms(['nginx']).length > 0;
  const origin = await startOrigin(scope, bench, object);
  const files = noNginx ? origin : await startNginxFiles(scope, bench, object);
  const plain = noNginx ? `${origin.url}/v1/objects/${object.key}` : `${files.url}/f`;
  const file = join(bench.newFolder('output'), 'out.bin');
  const get = (output: string, ...flags: string[]): string[] =>
    bench.heddle('get', object.key, '-o', output, '--quiet', ...flags, '--route', `origin=${origin.url}`);
  const client = (
    name: string,
    program: string,
    argv: readonly string[],
    needs: 'curl' | 'aria2c' | 'openssl' | undefined,
  ): Measurable => ({
    case: name,
    program,
    absent: needs !== undefined && missingPrograms([needs]).length > 0 ? 'absent' : undefined,
    measure: () => measured(bench, argv, program.startsWith('heddle') ? origin : files, file, object.bytes),
  });
  const aria = [
    'aria2c',
    '-q',
    '--no-conf',
    '--file-allocation=none',
    '-x4',
    '-s4',
    '-k1M',
    '-d',
    join(file, '..'),
    '-o',
    'out.bin',
  ];
  const measurables = [
    client('to nowhere', 'curl | sha256sum', ['sh', '-c', `curl -s ${plain} | sha256sum`], 'curl'),
    client('to nowhere', 'curl | openssl', ['sh', '-c', `curl -s ${plain} | openssl dgst -sha256`], 'openssl'),
    client('to nowhere', 'curl', ['curl', '-s', '-o', '/dev/null', plain], 'curl'),
    client('to nowhere', 'heddle', get('/dev/null'), undefined),
    ...SEGMENT_BYTES.map((bytes) =>
      client(
        'to nowhere',
        `heddle, ${bytes / 1024} KiB segments`,
        get('/dev/null', '--segment', String(bytes)),
        undefined,
      ),
    ),
    client('into a file', 'curl | sha256sum', ['sh', '-c', `curl -s ${plain} | tee ${file} | sha256sum`], 'curl'),
    client('into a file', 'curl', ['curl', '-s', '-o', file, plain], 'curl'),
    client('into a file', 'aria2c', [...aria, plain], 'aria2c'),
    client('into a file', 'heddle', get(file), undefined),
    ...SEGMENT_BYTES.map((bytes) =>
      client('into a file', `heddle, ${bytes / 1024} KiB segments`, get(file, '--segment', String(bytes)), undefined),
    ),
  ];
  return {
    title: 'Client',
    reading:
      `CPU of the client and what it starts, from exec to exit; one route without a relay. Heddle fetches from heddle origin, ` +
      `the others from ${noNginx ? 'its plain HTTP' : 'nginx'}; Heddle verifies every byte, curl and aria2c none. ` +
      'openssl hashes with the instructions of the processor, the sha256sum of some systems without.',
    limits:
      'hashing, which is more than half of the CPU and runs in a thread beside the one that reads; then the copy out of the ' +
      'kernel, and into a file one more. Start and end of the program are in the figures, about a tenth of a second.',
    yardsticks: [
      { program: 'heddle', metric: 'gigabytesPerSecond', least: 0.9, cases: /^to nowhere$/ },
      { program: 'heddle', metric: 'gigabytesPerSecond', to: 'curl | sha256sum', least: 1 },
      { program: 'heddle', metric: 'gigabytesPerSecond', to: 'curl | openssl', least: 1, cases: /^to nowhere$/ },
    ],
    metrics: [...THROUGHPUT_METRICS, { key: 'serverCpu', title: 'server CPU-s/GB', digits: 3 }],
    baseline: 'curl | sha256sum',
    rows: await takeTurns(measurables, bench.effort.repetitions, progress),
  };
}

async function measured(
  bench: Workbench,
  argv: readonly string[],
  server: LoopbackServer,
  file: string,
  bytes: number,
): Promise<Sample> {
  try {
    const { seconds, cpuSeconds, peakBytes, serverSeconds } = await runClient(bench, argv, [[server]]);
    const gigabytes = bytes / 1e9;
    const [used] = serverSeconds;
    return {
      gigabytesPerSecond: gigabytes / seconds,
      cpuPerGigabyte: cpuSeconds === undefined ? undefined : cpuSeconds / gigabytes,
      peakMegabytes: peakBytes === undefined ? undefined : peakBytes / 1e6,
      serverCpu: used === undefined ? undefined : used / gigabytes,
    };
  } finally {
    for (const path of [file, `${file}.part`]) rmSync(path, { force: true });
  }
}
