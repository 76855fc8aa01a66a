// A Prometheus of the test's own on the loopback, with the rules that are delivered: started, asked, and gone with its data.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PROMETHEUS } from './promtool.ts';
import { refusingPort } from './servers.ts';
import { temporaryFolder } from './temporary-folder.ts';

const RULES = join(import.meta.dirname, '../../deploy/prometheus');

export type Sample = { readonly metric: Readonly<Record<string, string>>; readonly value: readonly [number, string] };

export type RunningPrometheus = AsyncDisposable & {
  /** The answer to an expression now. Throws what Prometheus says of a wrong one. */
  query(expression: string): Promise<readonly Sample[]>;
  /** Every rule, and how its last evaluation went. */
  rules(): Promise<readonly { readonly name: string; readonly health: string; readonly lastError?: string }[]>;
};

/** Scrapes `targets` (HOST:PORT, by job) each second, by the rules of deploy/prometheus. */
export async function startPrometheus(
  targets: Readonly<Record<string, readonly string[]>>,
): Promise<RunningPrometheus> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  for (const name of ['recording.rules.yml', 'alerts.rules.yml']) await cp(join(RULES, name), folder.file(name));
  const jobs = Object.entries(targets).map(([job_name, list]) => ({ job_name, static_configs: [{ targets: list }] }));
  const configuration = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: ['*.rules.yml'],
    scrape_configs: jobs,
  };
  // JSON is YAML
  await writeFile(folder.file('prometheus.yml'), JSON.stringify(configuration));
  const port = await refusingPort();
  const child = spawn(
    PROMETHEUS,
    [
      `--config.file=${folder.file('prometheus.yml')}`,
      `--storage.tsdb.path=${folder.file('data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=error',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let complaint = '';
  child.stderr.on('data', (text: Buffer) => (complaint += text.toString()));
  const exited = once(child, 'exit');
  const reap = (): void => void child.kill('SIGKILL');
  process.once('exit', reap);
  stack.defer(async () => {
    process.off('exit', reap);
    child.kill('SIGKILL');
    await exited;
  });
  const url = `http://127.0.0.1:${port}`;
  while (!(await isReady(url))) if (child.exitCode !== null) throw new Error(`prometheus: ${complaint}`);
  const owned = stack.move();
  return {
    query: async (expression) => {
      const { result } = await ask<{ result: Sample[] }>(`${url}/api/v1/query?query=${encodeURIComponent(expression)}`);
      return result;
    },
    rules: async () => {
      type Rule = { name: string; health: string; lastError?: string };
      const { groups } = await ask<{ groups: { rules: Rule[] }[] }>(`${url}/api/v1/rules`);
      return groups.flatMap(({ rules }) => rules);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function isReady(url: string): Promise<boolean> {
  return fetch(`${url}/-/ready`).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function ask<Data>(url: string): Promise<Data> {
  const answer = (await (await fetch(url)).json()) as { status: string; error?: string; data: Data };
  if (answer.status !== 'success') throw new Error(answer.error);
  return answer.data;
}
