// What every server tells about its process and its settings, named alike in all roles: build, processor, memory, event
// loop, files, reloads, certificates. What a role itself does is the role's own table of metrics.
import { X509Certificate } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { collectDefaultMetrics, Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';

/** Gauges of prom-client that end in _total, which only counters may; nodejs_active_resources has the same numbers. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];
/** What holds up the event loop for tens of milliseconds where there are ten thousand sockets; resources tell the same. */
const SLOW = ['nodejs_active_handles', 'nodejs_active_requests'];
const OPEN_FILES = 'process_open_fds';
const FILES_FOLDER = '/proc/self/fd';

/** Adds processor, memory, open files, garbage collection and event loop of this process. Once per process. */
export function addProcessMetrics(registry: Registry): void {
  collectDefaultMetrics({ register: registry });
  for (const name of [...MISNAMED, ...SLOW]) registry.removeSingleMetric(name);
  if (registry.getSingleMetric(OPEN_FILES) !== undefined) countFilesAside(registry);
  registry.registerMetric(
    new Counter({
      name: 'nodejs_eventloop_active_seconds_total',
      help: 'Time the event loop was at work and not waiting: its rate is how busy the one thread is, 1 at most',
      registers: [],
      collect() {
        this.reset();
        this.inc(performance.eventLoopUtilization().active / 1_000);
      },
    }),
  );
}

/** Counts open files without listing them where the kernel knows the number (Linux 6.2), else off the event loop. */
function countFilesAside(registry: Registry): void {
  registry.removeSingleMetric(OPEN_FILES);
  registry.registerMetric(
    new Gauge({
      name: OPEN_FILES,
      help: 'Number of open file descriptors.',
      registers: [],
      async collect() {
        const { size } = await stat(FILES_FOLDER);
        // the folder itself is one of those listed while it is read
        this.set(size > 0 ? size : (await readdir(FILES_FOLDER)).length - 1);
      },
    }),
  );
}

/** Adds `heddle_build_info`. */
export function addBuildInfo(registry: Registry, role: 'relay' | 'origin' | 'client', version: string): void {
  const info = new Gauge({
    name: 'heddle_build_info',
    help: 'Always 1; the labels say what runs',
    labelNames: ['version', 'role', 'runtime'],
    registers: [registry],
  });
  info.set({ version, role, runtime: process.version }, 1);
}

/** Adds a gauge that is read when somebody scrapes. */
export function addReading(registry: Registry, name: string, help: string, read: () => number): void {
  registry.registerMetric(
    new Gauge({
      name,
      help,
      registers: [],
      collect() {
        this.set(read());
      },
    }),
  );
}

/** Adds what readings of the settings led to; call the result after each. `role` as in metric names. */
export function addReloadMetrics(registry: Registry, role: 'relay' | 'origin' | 'client'): (applied: boolean) => void {
  const registers = [registry];
  const readings = new Counter({
    name: `heddle_${role}_config_reloads_total`,
    help: 'Readings of the settings after the start, by result: applied, or refused and the old ones kept',
    labelNames: ['result'],
    registers,
  });
  const last = new Gauge({
    name: `heddle_${role}_config_last_reload_successful`,
    help: '1 when the settings in force are those last read, 0 when those were refused',
    registers,
  });
  const timestamps = {
    applied: new Gauge({
      name: `heddle_${role}_config_last_reload_success_timestamp_seconds`,
      help: 'When the settings in force were read',
      registers,
    }),
    refused: new Gauge({
      name: `heddle_${role}_config_last_reload_failure_timestamp_seconds`,
      help: 'When settings were refused last; 0 when they never were',
      registers,
    }),
  };
  last.set(1);
  timestamps.applied.setToCurrentTime();
  for (const result of ['applied', 'refused']) readings.inc({ result }, 0);
  return (applied) => {
    const result = applied ? 'applied' : 'refused';
    readings.inc({ result });
    timestamps[result].setToCurrentTime();
    last.set(applied ? 1 : 0);
  };
}

/** Adds when the certificate that is served now expires; `certificate` is asked for its PEM at each scrape. */
export function addCertificateExpiry(
  registry: Registry,
  role: 'relay' | 'origin',
  certificate: () => string | undefined,
): void {
  if (certificate() === undefined) return;
  const name = `heddle_${role}_certificate_expiry_timestamp_seconds`;
  addReading(registry, name, 'When the certificate shown to clients expires', () => expiryOf(certificate()));
}

function expiryOf(certificate: string | undefined): number {
  return certificate === undefined ? Number.NaN : Date.parse(new X509Certificate(certificate).validTo) / 1_000;
}
