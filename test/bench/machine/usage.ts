// What processes and the machine have used, from /proc. Elsewhere than on Linux everything is undefined.
import { readdirSync, readFileSync } from 'node:fs';

/** CPU seconds so far (all threads, without children) and the largest resident size, bytes. */
export type Usage = { readonly cpuSeconds: number; readonly peakBytes: number };

/** Ticks per second in /proc: fixed towards user space on every architecture Node runs on. */
const TICKS_PER_SECOND = 100;

/** Usage of a running process. */
export function usageOf(pid: number): Usage | undefined {
  const stat = readProc(`${pid}/stat`);
  const status = readProc(`${pid}/status`);
  if (stat === undefined || status === undefined) return undefined;
  // Behind the name, which may hold anything; fields 14 and 15 are utime and stime.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = fields.slice(11, 13).reduce((sum, field) => sum + Number(field), 0);
  const peak = /^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? '0';
  return { cpuSeconds: ticks / TICKS_PER_SECOND, peakBytes: Number(peak) * 1024 };
}

/** Bytes that a process has read so far, wherever they came from. */
export function readBytes(pid: number): number | undefined {
  const bytes = /^rchar: (\d+)$/m.exec(readProc(`${pid}/io`) ?? '')?.[1];
  return bytes === undefined ? undefined : Number(bytes);
}

/** Memory that is a process's own now: without files and what it shares. */
export function ownBytes(pid: number): number | undefined {
  const kilobytes = /^RssAnon:\s+(\d+) kB/m.exec(readProc(`${pid}/status`) ?? '')?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

/**
 * CPU seconds of the threads that a process has at this moment, to the microsecond. For servers, whose threads stay; where
 * the kernel does not count so finely, what `usageOf` says.
 */
export function threadSeconds(pid: number): number | undefined {
  const ran = threadsOf(pid).map((thread) => readProc(`${pid}/task/${thread}/schedstat`)?.split(' ')[0]);
  if (ran.length === 0 || ran.includes(undefined)) return usageOf(pid)?.cpuSeconds;
  return ran.reduce((sum, nanoseconds) => sum + Number(nanoseconds), 0) / 1e9;
}

/** Usage of several processes together. */
export function usageOfAll(pids: readonly number[]): Usage | undefined {
  const all = pids.map(usageOf);
  if (all.length === 0 || all.includes(undefined)) return undefined;
  return {
    cpuSeconds: all.reduce((sum, usage) => sum + (usage?.cpuSeconds ?? 0), 0),
    peakBytes: all.reduce((sum, usage) => sum + (usage?.peakBytes ?? 0), 0),
  };
}

/** CPU seconds that programs have used on the whole machine, and that a hypervisor gave to others. */
export function machineCpuSeconds(): number | undefined {
  const line = readProc('stat')?.split('\n')[0]?.trim().split(/\s+/).slice(1).map(Number);
  if (line === undefined) return undefined;
  const [user = 0, nice = 0, system = 0, , , , , steal = 0] = line;
  return (user + nice + system + steal) / TICKS_PER_SECOND;
}

/** All that descends from a process and still runs, without itself. */
export function descendantsOf(pid: number): number[] {
  const children = (readProc(`${pid}/task/${pid}/children`) ?? '').split(' ').filter(Boolean).map(Number);
  return children.flatMap((child) => [child, ...descendantsOf(child)]);
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(`/proc/${path}`, 'utf8');
  } catch {
    return undefined;
  }
}
