// What the figures of a run belong to: processor, memory, kernel, runtime, versions of the peers, how busy it was.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os';
import { findProgram } from './programs.ts';
import type { ProgramName } from './programs.ts';

/** A machine in words and numbers. */
export type MachineDescription = {
  readonly processor: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly system: string;
  readonly node: string;
  /** Version line of each peer, or "absent". */
  readonly programs: Readonly<Record<string, string>>;
  /** One-minute load when the bench began. */
  readonly loadBefore: number;
};

const VERSION_FLAGS: Partial<Record<ProgramName, string>> = {
  nginx: '-v',
  haproxy: '-v',
  ip: '-V',
  openssl: 'version',
};

/** Describes this machine and the peers named. */
export function describeMachine(programs: readonly ProgramName[]): MachineDescription {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    system: `${platform()} ${release()}${distribution()}`,
    node: process.version,
    programs: Object.fromEntries(programs.map((name) => [name, versionOf(name)])),
    loadBefore: loadavg()[0] ?? 0,
  };
}

/** The description in a few lines. */
export function machineLines(machine: MachineDescription): string[] {
  const gigabytes = (machine.memoryBytes / 1e9).toFixed(0);
  return [
    `machine   ${machine.cores} × ${machine.processor}, ${gigabytes} GB, ${machine.system}, load ${machine.loadBefore.toFixed(1)}`,
    `runtime   Node ${machine.node}`,
    `peers     ${Object.entries(machine.programs)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}`,
  ];
}

function versionOf(name: ProgramName): string {
  const path = findProgram(name);
  if (path === undefined) return 'absent';
  const { stdout, stderr } = spawnSync(path, [VERSION_FLAGS[name] ?? '--version'], { encoding: 'utf8' });
  return /\d+\.[\w.]+/.exec(`${stdout}${stderr}`)?.[0] ?? 'present';
}

function distribution(): string {
  try {
    const name = /^PRETTY_NAME="(.+)"$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
    return name === undefined ? '' : `, ${name}`;
  } catch {
    return '';
  }
}
