// The images that the tests run: Heddle's, built from the Dockerfile as it is, and two helpers. Where nothing can be
// pulled, stand-ins are made from this machine's own files (stand-ins.sh), which is said.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { command, docker } from './docker-command.ts';

const ROOT = join(import.meta.dirname, '../..');
const BASE = 'node:26-bookworm-slim';
const TOOLS = 'heddle-test-tools:1';
const PUBLISHED_TOOLS = 'nicolaka/netshoot:v0.14';
const STAND_INS = join(import.meta.dirname, 'stand-ins.sh');
const PULL_TIMEOUT_MS = 300_000;
const BUILD_TIMEOUT_MS = 1_200_000;
const PING_TIMEOUT_MS = 20_000;

/** Images by name or id. */
export type Images = {
  readonly heddle: string;
  /** Has tc and ip. */
  readonly tools: string;
};

/** The version of the engine, or in words why there is none. */
export async function engineVersion(): Promise<{ readonly version: string } | { readonly missing: string }> {
  try {
    const args = ['version', '--format', '{{.Server.Version}}'];
    const { code, stdout, stderr } = await command('docker', args, { timeoutMs: PING_TIMEOUT_MS });
    return code === 0 ? { version: stdout.trim() } : { missing: stderr.trim().split('\n')[0] ?? '' };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return { missing: code === 'ENOENT' ? 'there is no docker command' : 'the Docker engine does not answer' };
  }
}

/** The base of Heddle's image and the helper, of which the second's name comes back; throws when they are not to be had. */
export async function prepareHelpers(say: (line: string) => void): Promise<string> {
  if (!(await isCurrent(BASE))) await pullOrStandIn(BASE, 'base', say);
  if (await isCurrent(TOOLS)) return TOOLS;
  try {
    await standIn('tools', TOOLS);
  } catch {
    // no Linux with iproute2: somebody else's image with the same programs
    await docker(['pull', '--quiet', PUBLISHED_TOOLS], { timeoutMs: PULL_TIMEOUT_MS });
    await docker(['tag', PUBLISHED_TOOLS, TOOLS]);
  }
  return TOOLS;
}

/** Builds Heddle's image; what was built before costs little. */
export async function buildHeddle(): Promise<string> {
  const args = ['build', '--quiet', '--file', 'deploy/docker/Dockerfile', '--tag', 'heddle-under-test', '.'];
  const printed = await docker(args, { cwd: ROOT, timeoutMs: BUILD_TIMEOUT_MS });
  // the name may be given to another build meanwhile, the id not
  return printed.split('\n').at(-1) ?? '';
}

/** The image, pulled, or a stand-in of the same name. */
export async function pullOrStandIn(image: string, sort: string, say: (line: string) => void): Promise<void> {
  try {
    await docker(['pull', '--quiet', image], { timeoutMs: PULL_TIMEOUT_MS });
  } catch {
    say(`${image} cannot be pulled: a stand-in is made from this machine's files`);
    await standIn(sort, image);
  }
}

async function standIn(sort: string, image: string): Promise<void> {
  const { code, stderr } = await command(STAND_INS, [sort, image], { timeoutMs: BUILD_TIMEOUT_MS });
  if (code !== 0) throw new Error(`no stand-in for ${image}: ${stderr.trim()}`);
}

/** Whether the engine has it, and not as a stand-in that an older script made. */
async function isCurrent(image: string): Promise<boolean> {
  const args = ['image', 'inspect', '--format', '{{index .Config.Labels "heddle.stand-in"}}', image];
  const { code, stdout } = await command('docker', args);
  const madeBy = stdout.trim();
  if (code !== 0) return false;
  if (madeBy === '' || madeBy === '<no value>') return true;
  return createHash('sha256').update(readFileSync(STAND_INS)).digest('hex').startsWith(madeBy);
}

/** Whether the engine has it. */
export async function exists(image: string): Promise<boolean> {
  return (await command('docker', ['image', 'inspect', image])).code === 0;
}
