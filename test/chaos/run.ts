// One run of the chaos suite: the plan is played, and what came of it is held against what was promised. The bytes are
// those of the object, or there is one clear error; whatever an untouched route can finish is finished; nothing hangs,
// nothing crashes, nothing takes memory without end.
import { mkdir, readdir, readFile, symlink } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { ERROR_CODES } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import { processorWaitMs } from '../support/processor-wait.ts';
import { startProgram } from '../support/program.ts';
import type { Outcome, Program } from '../support/program.ts';
import type { Fault, Plan } from './plan.ts';
import { MOST_MEMORY_BYTES, Stage } from './stage.ts';

/** From the start of a client until it counts as hanging, ms. It may wait 30 s for routes that are all silent. */
const MOST_MS = 90_000;
const LOOK_MS = 200;
/** How often a slow reader takes a chunk (64 KiB at most), ms. */
const SIP_MS = 20;

/** How a run ended. */
export type RunResult = {
  readonly seconds: number;
  /** 'done', or the code of the error. */
  readonly end: string;
  /** What must not be; none in a good run. */
  readonly problems: readonly string[];
  /** What must not be on a machine that lets its processes run. */
  readonly late: readonly string[];
  /** The longest that a process of the run was kept from running, ms. */
  readonly waitedMs: number;
};

export async function runPlan(plan: Plan): Promise<RunResult> {
  const begun = performance.now();
  const ownBefore = processorWaitMs('self');
  await using stage = await Stage.start(plan);
  const out = stage.folder.file('out');
  await mkdir(out);
  const path = `${out}/a.bin`;
  if (plan.output === 'full disk') await symlink('/dev/full', `${path}.part`);
  const problems: string[] = [];
  const late: string[] = [];
  let { outcome, said, waitedMs } = await play(plan, stage, path, problems);
  // a client that was killed, or had no room on its disk, is started again, as somebody would
  if (isToBeStartedAgain(plan, outcome)) {
    const before = waitedMs;
    ({ outcome, said, waitedMs } = await play({ ...plan, faults: [] }, stage, path, problems));
    waitedMs = Math.max(before, waitedMs);
  }
  if (outcome === undefined) late.push(`hangs after ${MOST_MS} ms`);
  const end = endOf(outcome, said, problems);
  const isFile = plan.output === 'file' || plan.output === 'full disk';
  const bytes = isFile ? await readFile(path).catch(() => undefined) : outcome?.stdout;
  problems.push(...wrongBytes(stage.versions, bytes, end, isFile), ...(await leftovers(out, end)));
  if (end !== 'done' && end !== 'hang' && mustSucceed(plan))
    late.push(`failed with ${end}, though an untouched route was there`);
  problems.push(...stage.troubles());
  // this process plays the links
  waitedMs = Math.max(waitedMs, stage.processorWaitMs, processorWaitMs('self') - ownBefore);
  return { seconds: (performance.now() - begun) / 1_000, end, problems, late, waitedMs };
}

function isToBeStartedAgain({ faults }: Plan, outcome: Outcome | undefined): boolean {
  const struckBy = (fault: Fault['type']): boolean => faults.some(({ type }) => type === fault);
  if (outcome?.signal === 'SIGKILL') return struckBy('kill client');
  return outcome?.code === ERROR_CODES['local-io'].exit && struckBy('fill disk');
}

async function play(
  plan: Plan,
  stage: Stage,
  path: string,
  problems: string[],
): Promise<{ outcome: Outcome | undefined; said: string; waitedMs: number }> {
  const isFile = plan.output === 'file' || plan.output === 'full disk';
  const pin = plan.pinned ? ['--root', stage.root] : [];
  const args = ['get', stage.key, '-o', isFile ? path : '-', '--json', '--if-changed', plan.ifChanged, ...pin];
  const slow = plan.output === 'slow pipe';
  await using client = startProgram([...args, ...stage.routes], {
    ...stage.clocks.of('client'),
    stdout: slow ? 'leave' : 'collect',
  });
  const sipped = slow ? sip(client) : undefined;
  const ended = new AbortController();
  const struck = strikeAll(plan, stage, client, ended.signal);
  const watched = watchProcess(client, problems, ended.signal);
  const late = delay(MOST_MS, undefined, { signal: ended.signal }).catch(() => undefined);
  const outcome = await Promise.race([client.ended, late]);
  ended.abort();
  const [waitedMs] = await Promise.all([watched, struck]);
  if (outcome === undefined) return { outcome, said: '', waitedMs };
  const stdout = sipped === undefined ? outcome.stdout : Buffer.concat(sipped);
  return { outcome: { ...outcome, stdout }, said: isFile ? stdout.toString() : outcome.stderr, waitedMs };
}

/** The faults in their order; those due after the client's end still happen to the servers, so that all can be stopped. */
async function strikeAll(plan: Plan, stage: Stage, client: Program, signal: AbortSignal): Promise<void> {
  const begun = performance.now();
  for (const fault of plan.faults) {
    const wait = Math.max(0, fault.atMs - (performance.now() - begun));
    if (!signal.aborted) await delay(wait, undefined, { signal }).catch(() => undefined);
    if (signal.aborted && !fault.type.startsWith('continue')) continue;
    await stage.strike(fault, client);
  }
}

/** Its memory; gives how long it was kept from running, ms. */
async function watchProcess(client: Program, problems: string[], signal: AbortSignal): Promise<number> {
  let most = 0;
  let waitedMs = 0;
  while (!signal.aborted) {
    most = Math.max(most, client.peakMemoryBytes() ?? 0);
    waitedMs = Math.max(waitedMs, processorWaitMs(client.pid));
    await delay(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
  if (most > MOST_MEMORY_BYTES) problems.push(`the client took ${most} bytes`);
  return waitedMs;
}

/** Takes a chunk now and then. What is left when the program has ended comes at once. */
function sip({ child }: Program): Buffer[] {
  const sips: Buffer[] = [];
  child.stdout?.on('data', (bytes: Buffer) => {
    sips.push(bytes);
    child.stdout?.pause();
    setTimeout(() => child.stdout?.resume(), SIP_MS);
  });
  return sips;
}

/** 'done' or the code; exactly one documented one, said as a line of JSON, with its exit code. */
function endOf(outcome: Outcome | undefined, said: string, problems: string[]): string {
  if (outcome === undefined) return 'hang';
  const last = said.trim().split('\n').at(-1) ?? '';
  let line: { type?: string; code?: string };
  try {
    line = JSON.parse(last) as typeof line;
  } catch {
    problems.push(`ended with ${outcome.code ?? outcome.signal} and the words "${last.slice(0, 300)}"`);
    return 'crash';
  }
  const code = line.type === 'done' ? 'done' : String(line.code);
  const exit = code === 'done' ? 0 : ERROR_CODES[code as ErrorCode]?.exit;
  if (exit !== outcome.code) problems.push(`${code} with exit code ${outcome.code}`);
  if (code === 'internal') problems.push(`a broken invariant: ${last}`);
  return code;
}

/** A file is whole or not there; a pipe got a beginning of one version, all of it when it is done. */
function wrongBytes(versions: readonly Buffer[], bytes: Buffer | undefined, end: string, isFile: boolean): string[] {
  if (end === 'done') {
    return versions.some((version) => bytes?.equals(version) === true) ? [] : [`wrong bytes: ${bytes?.length}`];
  }
  if (isFile) return bytes === undefined ? [] : ['a file under the final name in spite of an error'];
  const isBeginning = versions.some((version) => version.subarray(0, bytes?.length ?? 0).equals(bytes ?? Buffer.of()));
  return isBeginning ? [] : [`wrong bytes before the error: ${bytes?.length}`];
}

/** Nothing beside a file that is done; no lock is left in any case. */
async function leftovers(out: string, end: string): Promise<string[]> {
  const left = await readdir(out);
  const bad = end === 'done' ? left.filter((name) => name !== 'a.bin') : left.filter((name) => name.endsWith('.lock'));
  return bad.length > 0 && end !== 'hang' ? [`left behind: ${bad.join(', ')}`] : [];
}

/** True when an honest route was never touched, nor the origin, nor the object, and there is room for the output. */
function mustSucceed({ output, routes, faults }: Plan): boolean {
  if (output === 'full disk') return false;
  if (faults.some(({ type }) => type === 'kill origin' || type === 'change object')) return false;
  return routes.some(({ lie }, at) => {
    const harmed = faults.some((fault) => 'route' in fault && fault.route === at && fault.type !== 'change rate');
    return lie === undefined && !harmed;
  });
}
