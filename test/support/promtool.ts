// Debian's promtool and Prometheus, where this machine has them: what they say of metrics, rules and expressions. Tests that
// need them say in their title that they were skipped.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

/** In constants: they are programs of the machine, not dependencies of the package. */
const PROMTOOL = 'promtool';
export const PROMETHEUS = 'prometheus';

export const hasPrometheus: boolean = [PROMTOOL, PROMETHEUS].every(
  (program) => spawnSync(program, ['--version']).status === 0,
);

/** Behind the title of what needs them. */
export const WITHOUT_PROMETHEUS: string = hasPrometheus
  ? ''
  : ' (skipped: no promtool and prometheus on this machine; Debian has them in the package prometheus)';

/** What promtool said, on either stream, and its exit code. */
export async function promtool(
  args: readonly string[],
  input = '',
  cwd?: string,
): Promise<{ readonly code: number; readonly said: string }> {
  const child = spawn(PROMTOOL, args, { stdio: ['pipe', 'pipe', 'pipe'], ...(cwd === undefined ? {} : { cwd }) });
  let said = '';
  const hear = (text: Buffer): void => void (said += text.toString());
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number];
  return { code, said: said.trim() };
}
