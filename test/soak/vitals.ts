// What a process holds: open files, sockets, timers, heap. Of this process after a collection, of others from /proc and
// their /metrics.
import { readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Things held at one moment. */
export type Vitals = {
  readonly files: number;
  readonly sockets: number;
  readonly timers: number;
  readonly heapBytes: number;
};

/** Rounds of collection: what is kept by finalizers goes one round later. */
const COLLECTIONS = 4;

/** Of this process; needs --expose-gc. */
export async function ownVitals(): Promise<Vitals> {
  for (let round = 0; round < COLLECTIONS; round += 1) {
    globalThis.gc?.();
    await delay(20);
  }
  const resources = process.getActiveResourcesInfo();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return {
    files: filesOf('self'),
    sockets: resources.filter((name) => name.includes('TCP') || name.includes('TLS')).length,
    timers: resources.filter((name) => name === 'Timeout').length,
    heapBytes: heapUsed + arrayBuffers,
  };
}

/** Of a server that collects at SIGUSR2 and tells its metrics at `admin`. */
export async function vitalsOf(pid: number, admin: string): Promise<Vitals> {
  for (let round = 0; round < COLLECTIONS; round += 1) {
    process.kill(pid, 'SIGUSR2');
    await delay(50);
  }
  const metrics = await (await fetch(`${admin}/metrics`)).text();
  const value = (pattern: RegExp): number => Number(pattern.exec(metrics)?.[1] ?? Number.NaN);
  return {
    files: filesOf(String(pid)),
    sockets: value(/^nodejs_active_resources\{type="TCPSocketWrap"\} (\S+)$/m) || 0,
    timers: value(/^nodejs_active_resources\{type="Timeout"\} (\S+)$/m) || 0,
    heapBytes: value(/^nodejs_heap_size_used_bytes (\S+)$/m) + (value(/^nodejs_external_memory_bytes (\S+)$/m) || 0),
  };
}

/** Arguments of node for a server whose vitals are taken. */
export const COLLECTING: readonly string[] = [
  '--expose-gc',
  '--import',
  'data:text/javascript,process.on("SIGUSR2",()=>globalThis.gc())',
];

function filesOf(process: string): number {
  return readdirSync(`/proc/${process}/fd`).length;
}
