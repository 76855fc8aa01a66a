// What processes and the machine have used, from /proc. Elsewhere than on Linux everything is undefined.
import { readFileSync } from 'node:fs';

/** CPU seconds so far (all threads, reaped children included) and the largest resident size, bytes. */
export type Usage = { readonly cpuSeconds: number; readonly peakBytes: number };

/** Ticks per second in /proc: fixed towards user space on every architecture Node runs on. */
const TICKS_PER_SECOND = 100;

/** Usage of a running process. */
export function usageOf(pid: number): Usage | undefined {
  const stat = readProc(`${pid}/stat`);
  const status = readProc(`${pid}/status`);
  if (stat === undefined || status === undefined) return undefined;
  // Behind the name, which may hold anything; fields 14 to 17 are utime, stime, cutime, cstime.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  const peak = /^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? '0';
  return { cpuSeconds: ticks / TICKS_PER_SECOND, peakBytes: Number(peak) * 1024 };
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

/** The direct children of a process. */
export function childrenOf(pid: number): number[] {
  return (readProc(`${pid}/task/${pid}/children`) ?? '').split(' ').filter(Boolean).map(Number);
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(`/proc/${path}`, 'utf8');
  } catch {
    return undefined;
  }
}
