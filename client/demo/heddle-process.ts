// `heddle …` as a child process that listens: starts it, reads from its output where, kills it. A child never outlives this
// process, however that ends: the channel between them breaks, and the child leaves.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { HeddleError } from '../../protocol/errors.ts';

/** A listening child. */
export type HeddleProcess = {
  /** Where it listens. */
  readonly url: URL;
  /** Ends it at once, without a word (SIGKILL), and waits until it is gone. */
  kill(): Promise<void>;
};

/** The first line of a child that listens names its address. */
const LISTENING = /\bon (http:\/\/127\.0\.0\.1:\d+)/;
const START_TIMEOUT_MS = 20_000;
const DIE_WITH_PARENT = 'process.once("disconnect", () => process.exit()); process.channel?.unref();';

/** Runs `heddle args…` until killed or `signal` aborts. Throws `internal` with its last words when it does not listen. */
export async function startHeddle(args: readonly string[], signal: AbortSignal): Promise<HeddleProcess> {
  signal.throwIfAborted();
  const cli = import.meta.url.endsWith('.ts') ? '../cli.ts' : '../cli.js';
  const program = fileURLToPath(new URL(cli, import.meta.url));
  const dieWithParent = `data:text/javascript,${encodeURIComponent(DIE_WITH_PARENT)}`;
  const child = spawn(process.execPath, ['--import', dieWithParent, program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const kill = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', kill, { once: true });
  child.once('close', () => signal.removeEventListener('abort', kill));
  try {
    const url = await listeningUrl(child, args[0] ?? '', AbortSignal.timeout(START_TIMEOUT_MS));
    return { url: new URL(url), kill: () => killed(child) };
  } catch (error) {
    kill();
    throw error;
  }
}

/** Reads the child's output to its end, so that it never waits for a reader; settles with the first address in it. */
async function listeningUrl(child: ChildProcess, role: string, patience: AbortSignal): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let said = '';
  let complaints = '';
  const fail = (text: string): void => {
    const lastWords = complaints.trim().split('\n').at(-1) ?? '';
    reject(new HeddleError('internal', `the ${role} ${text}${lastWords === '' ? '' : `: ${lastWords}`}`));
  };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(0, 4_096);
    const match = LISTENING.exec(said);
    if (match?.[1] !== undefined) resolve(match[1]);
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaints = (complaints + text).slice(-4_096);
  });
  child.once('error', (error) => fail(`cannot be started (${error.message})`));
  child.once('close', () => fail('ended'));
  patience.addEventListener('abort', () => fail('does not listen'), { once: true });
  return promise;
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}
