// Relays that speak TLS: towards clients, towards the upstream, on both legs. The same bytes through Heddle's relay and
// through nginx that terminates and begins TLS alike (TLS 1.3, the cipher that OpenSSL prefers, the same certificate).
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TEST_CERTIFICATE, TEST_KEY } from '../../relay/tls-fixture.ts';
import { missingPrograms } from '../machine/programs.ts';
import { drain } from './measure.ts';
import { startNginxRelay, startPushSource, startRelay, VIA } from './loopback-servers.ts';
import type { LoopbackServer, TlsFiles } from './loopback-servers.ts';
import { takeTurns } from './section.ts';
import type { Measurable, Section } from './section.ts';
import { THROUGHPUT_METRICS } from './throughput-metrics.ts';
import type { Workbench } from './workbench.ts';

const LEGS = [
  { name: 'TLS to clients', serve: true, upstream: false },
  { name: 'TLS to the upstream', serve: false, upstream: true },
  { name: 'TLS on both legs', serve: true, upstream: true },
] as const;
const STREAMS = [1, 3];

/** Measures relays that speak TLS. */
export async function tlsSection(bench: Workbench, progress: (line: string) => void): Promise<Section> {
  using scope = bench.teardown.scope();
  const files = writeFiles(bench);
  const plain = await startPushSource(scope, bench);
  const secure = await startPushSource(scope, bench, files);
  const absent = missingPrograms(['nginx']).length === 0 ? undefined : 'absent';
  const measurables: Measurable[] = [];
  for (const { name, serve, upstream } of LEGS) {
    const { url } = upstream ? secure : plain;
    const tls = { serve, files };
    const heddle = await startRelay(scope, bench, url, tls);
    const nginx = absent === undefined ? await startNginxRelay(scope, bench, url, tls) : undefined;
    for (const streams of STREAMS) {
      const about = `${name}, ${streams} ${streams === 1 ? 'stream' : 'streams'}`;
      measurables.push({ case: about, program: 'heddle', measure: measured(bench, heddle, streams, serve) });
      measurables.push({ case: about, program: 'nginx', absent, measure: measured(bench, nginx, streams, serve) });
    }
  }
  return {
    title: 'Relay, TLS',
    reading: 'CPU of the relay alone, upgraded sessions. Source and client encrypt as well, on the same cores.',
    limits:
      'encrypting, then the way of every record through a buffer of the OpenSSL that Node brings and one of its own; records ' +
      'are gathered into larger writes.',
    metrics: THROUGHPUT_METRICS,
    baseline: 'nginx',
    rows: await takeTurns(measurables, bench.effort.repetitions, progress),
  };
}

function measured(
  bench: Workbench,
  server: LoopbackServer | undefined,
  streams: number,
  tls: boolean,
): Measurable['measure'] {
  const bytesPerStream = Math.round(bench.effort.bytes / streams);
  const path = `${VIA}/v1/segments/${bytesPerStream}`;
  return async () => {
    if (server === undefined) return {};
    const { port } = server;
    const order = { type: 'bytes', port, path, streams, upgrade: true, bytesPerStream, tls } as const;
    return (await drain(bench, order, [server])).sample;
  };
}

function writeFiles(bench: Workbench): TlsFiles {
  const folder = bench.newFolder('certificate');
  const files = { certificate: join(folder, 'certificate.pem'), key: join(folder, 'key.pem') };
  writeFileSync(files.certificate, TEST_CERTIFICATE);
  writeFileSync(files.key, TEST_KEY, { mode: 0o600 });
  return files;
}
