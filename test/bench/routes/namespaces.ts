// Network namespaces: makes them, runs `ip` in them, and removes them with everything that still runs inside. Names carry
// the number of the bench's process, so several benches can run at once and what a killed one left can be told.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { isAlive } from '../machine/abandoned.ts';
import { findProgram } from '../machine/programs.ts';

const PREFIX = 'heddle-bench-';
const FOLDER = '/var/run/netns';

/** The beginning of every name that this process makes. */
export function namespacePrefix(): string {
  return `${PREFIX}${process.pid}`;
}

/** Runs `ip`; throws what it says. */
export function ip(args: readonly string[], input?: string): string {
  const { status, stdout, stderr, error } = run(args, input);
  if (error !== undefined || status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr?.trim() || error?.message}`);
  return stdout;
}

/** Makes namespaces that go with `scope`, each with these settings. */
export function makeNamespaces(scope: DisposableStack, names: readonly string[], sysctls: readonly string[]): void {
  for (const name of names) {
    ip(['netns', 'add', name]);
    scope.defer(() => removeNamespace(name));
    ip(['netns', 'exec', name, 'sysctl', '-qw', ...sysctls]);
  }
}

/** Ends what runs in a namespace and removes it. */
export function removeNamespace(name: string): void {
  for (const pid of run(['netns', 'pids', name]).stdout?.split('\n').filter(Boolean) ?? []) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // it has ended meanwhile
    }
  }
  run(['netns', 'delete', name]);
}

/** Removes what benches left that were killed before they could clean up. */
export function removeAbandoned(): void {
  let names: string[];
  try {
    names = readdirSync(FOLDER);
  } catch {
    return;
  }
  for (const name of names) {
    const pid = Number(new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1] ?? 0);
    if (pid > 0 && !isAlive(pid)) removeNamespace(name);
  }
}

/** Why this machine cannot have namespaces with emulated links; undefined when it can. */
export function reasonAgainstNamespaces(): string | undefined {
  if (process.platform !== 'linux') return 'namespaces need Linux';
  if (process.getuid?.() !== 0) return 'namespaces need root';
  if (findProgram('ip') === undefined) return 'there is no `ip` (iproute2)';
  if (findProgram('cc') === undefined) return 'there is no C compiler';
  const probe = `${namespacePrefix()}-probe`;
  const { status, stderr } = run(['netns', 'add', probe]);
  if (status !== 0) return `this machine refuses namespaces (${stderr?.trim()})`;
  const tun = run(['-n', probe, 'tuntap', 'add', 'dev', 'probe', 'mode', 'tun']);
  removeNamespace(probe);
  return tun.status === 0 ? undefined : `this machine has no TUN devices (${tun.stderr?.trim()})`;
}

function run(
  args: readonly string[],
  input?: string,
): ReturnType<typeof spawnSync> & { stdout: string; stderr: string } {
  const program = findProgram('ip') ?? 'ip';
  return spawnSync(program, args, { encoding: 'utf8', input: input ?? '' });
}
