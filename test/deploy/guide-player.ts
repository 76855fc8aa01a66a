// Plays a guide as its reader would, on one machine: writes its files, runs its commands in order, leaves its servers running
// until the end, and looks for what it says would be seen. Machines and ports of the page become free ports of the loopback.
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { basename, delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { startProgram } from '../support/program.ts';
import type { Program } from '../support/program.ts';
import { refusingPort } from '../support/servers.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';
import { blocksOf, commandsOf } from './guide-page.ts';
import type { Block } from './guide-page.ts';

const run = promisify(execFile);
const CLI = join(import.meta.dirname, '../../client/cli.ts');

/** Second words of blocks that need what a test has not: another user, a cluster, the whole checkout. */
const ELSEWHERE: readonly string[] = ['root', 'cluster', 'checkout'];
const COMMAND_TIMEOUT_MS = 60_000;
const SEEN_TIMEOUT_MS = 30_000;

/** What was played. */
export type Played = { readonly commands: number; readonly files: number; readonly seen: number };

/** Plays the page; throws or fails where it says what is not so. */
export async function playGuide(file: string): Promise<Played> {
  await using stage = await Stage.open();
  const played = { commands: 0, files: 0, seen: 0 };
  for (const block of await blocksOf(file)) {
    const where = `${basename(file)}:${block.line}`;
    if (block.language === 'yaml' && block.word.endsWith('.yaml')) {
      await stage.write(block);
      played.files += 1;
    } else if (block.language === 'text') {
      await stage.see(block, where);
      played.seen += 1;
    } else if (block.language === 'sh') {
      if (ELSEWHERE.includes(block.word)) await run('bash', ['-n', '-c', block.text]);
      else for (const command of commandsOf(block)) await stage.run(command, block.word, where);
      played.commands += ELSEWHERE.includes(block.word) ? 0 : commandsOf(block).length;
    }
  }
  return played;
}

/** The folder, the servers and the ports of one page. */
class Stage implements AsyncDisposable {
  readonly #owned: AsyncDisposableStack;
  readonly #folder: TemporaryFolder;
  readonly #ports = new Map<string, number>();
  readonly #servers: Program[] = [];
  /** How often each line was seen already: what is said twice must be seen twice. */
  readonly #seen = new Map<string, number>();
  #said = '';

  private constructor(owned: AsyncDisposableStack, folder: TemporaryFolder) {
    this.#owned = owned;
    this.#folder = folder;
  }

  static async open(): Promise<Stage> {
    await using stack = new AsyncDisposableStack();
    const folder = stack.use(await temporaryFolder());
    await mkdir(folder.file('.bin'));
    await writeFile(folder.file('.bin/heddle'), `#!/bin/sh\nexec '${process.execPath}' '${CLI}' "$@"\n`);
    await chmod(folder.file('.bin/heddle'), 0o755);
    return new Stage(stack.move(), folder);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#owned.disposeAsync();
  }

  async write({ text, word }: Block): Promise<void> {
    await writeFile(this.#folder.file(word), await this.#here(text, word.replace('.yaml', '')));
  }

  async run(command: string, machine: string, where: string): Promise<void> {
    const text = await this.#here(command, machine);
    const [, server, pidFile] = /^heddle ((?:origin|relay|proxy) .*?)(?: & echo \$! ?> ?(\S+))?$/.exec(text) ?? [];
    if (server !== undefined) return this.#start(server.split(' '), pidFile);
    const PATH = [this.#folder.file('.bin'), dirname(process.execPath), process.env['PATH']].join(delimiter);
    const env = { ...process.env, PATH, NO_COLOR: '1', XDG_STATE_HOME: this.#folder.file('.state') };
    const options = { cwd: this.#folder.path, env, timeout: COMMAND_TIMEOUT_MS };
    const { stdout, stderr } = await run('bash', ['-ec', text], options).catch((error: unknown) => {
      throw new Error(`${where}: ${command}: ${(error as { stderr?: string }).stderr}`, { cause: error });
    });
    this.#said += `${stdout}${stderr}\n`;
  }

  /** Waits until every line of the block was said by a command or a server; "…" stands for anything. */
  async see({ text }: Block, where: string): Promise<void> {
    for (const line of text.split('\n')) {
      const pattern = new RegExp(
        line
          .split('…')
          .map((part) => RegExp.escape(part))
          .join('[^\\n]*'),
        'g',
      );
      const times = (this.#seen.get(line) ?? 0) + 1;
      this.#seen.set(line, times);
      const count = (): number => (this.#all().match(pattern) ?? []).length;
      await expect
        .poll(count, { timeout: SEEN_TIMEOUT_MS, message: `${where}: ${line}` })
        .toBeGreaterThanOrEqual(times);
    }
  }

  #all(): string {
    return this.#said + this.#servers.map((server) => server.stdout.toString() + server.stderr).join('');
  }

  async #start(args: readonly string[], pidFile: string | undefined): Promise<void> {
    const env = { XDG_STATE_HOME: this.#folder.file('.state') };
    const server = this.#owned.use(startProgram(args, { cwd: this.#folder.path, env, tethered: true }));
    this.#servers.push(server);
    await server.said(/ on https?:/);
    if (pidFile !== undefined) await writeFile(this.#folder.file(pidFile), `${server.pid}\n`);
  }

  /** The text with every address as it is here: each port of each machine is one of the loopback's. */
  async #here(text: string, machine: string): Promise<string> {
    let written = '';
    let from = 0;
    for (const match of text.matchAll(/(0\.0\.0\.0|127\.0\.0\.1|([a-z-]+)\.example):(\d+)/g)) {
      const [all, , host = machine, port = ''] = match;
      written += `${text.slice(from, match.index)}127.0.0.1:${await this.#port(`${host}:${port}`)}`;
      from = match.index + all.length;
    }
    return written + text.slice(from);
  }

  async #port(name: string): Promise<number> {
    const port = this.#ports.get(name) ?? (await refusingPort());
    this.#ports.set(name, port);
    return port;
  }
}
