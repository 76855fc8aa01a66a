// The command line of Docker and of Compose, as people type them: a program, its arguments, what it printed.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const MOST_OUTPUT_BYTES = 64 * 1_048_576;

/** How to run it. */
export type CommandOptions = {
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
};

/** How it ended. */
export type CommandResult = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** Runs it to its end; throws only when it cannot be started or does not end in time. */
export async function command(
  program: string,
  args: readonly string[],
  { cwd, environment, timeoutMs = 300_000 }: CommandOptions = {},
): Promise<CommandResult> {
  const env = { ...process.env, ...environment };
  try {
    const { stdout, stderr } = await run(program, [...args], {
      cwd,
      env,
      timeout: timeoutMs,
      maxBuffer: MOST_OUTPUT_BYTES,
    });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const {
      code,
      killed,
      stdout = '',
      stderr = '',
    } = error as { code?: unknown; killed?: boolean } & Partial<CommandResult>;
    if (typeof code === 'number' && killed !== true) return { code, stdout, stderr };
    throw error;
  }
}

/** `docker …`; what it printed, without the newline at its end. Throws when it fails. */
export async function docker(args: readonly string[], options?: CommandOptions): Promise<string> {
  const { code, stdout, stderr } = await command('docker', args, options);
  if (code !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr.trim()}`);
  return stdout.trim();
}

/** The Compose that is here: the plugin of docker, or docker-compose; undefined when there is neither. */
export async function composeCommand(): Promise<readonly string[] | undefined> {
  for (const words of [['docker', 'compose'], ['docker-compose']]) {
    const [program = '', ...args] = words;
    const works = await command(program, [...args, 'version']).then(
      ({ code }) => code === 0,
      () => false,
    );
    if (works) return words;
  }
  return undefined;
}
