// `npm run bench:routes`: peers over shaped routes, compared in one run. Prints one table of ratios and what machine they
// belong to; asserts nothing. The parts are in routes/.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describeMachine, machineLines } from './machine/description.ts';
import { heddleProgram } from './machine/heddle.ts';
import { installMissing, missingPrograms } from './machine/programs.ts';
import type { ProgramName } from './machine/programs.ts';
import { Teardown } from './machine/teardown.ts';
import { makeWorkFolder, writeReferenceObject } from './machine/work-folder.ts';
import type { ReferenceObject } from './machine/work-folder.ts';
import { parseRoutesArguments, USAGE } from './routes/arguments.ts';
import type { RoutesArguments } from './routes/arguments.ts';
import { reasonAgainstNamespaces, removeAbandoned } from './routes/namespaces.ts';
import type { Network } from './routes/network.ts';
import { peerNamed } from './routes/peers.ts';
import type { Peer } from './routes/peers.ts';
import type { RunResult } from './routes/result.ts';
import { runOnce } from './routes/run.ts';
import type { RunSettings } from './routes/run.ts';
import { loadScenario, scenarioNames } from './routes/scenario-file.ts';
import type { Scenario } from './routes/scenario.ts';
import { LEGEND, scenarioLine, summaryLines } from './routes/summary.ts';
import { reasonAgainstUserSpace } from './routes/user-space-network.ts';

const PEER_PROGRAMS: readonly ProgramName[] = ['curl', 'aria2c', 'nginx'];
const MPTCP_SWITCH = '/proc/sys/net/mptcp/enabled';

const say = (line: string): void => console.log(line);

async function main(): Promise<void> {
  const options = parseRoutesArguments(process.argv.slice(2));
  if (options.help) return say(USAGE);
  const named = options.scenarios.flatMap((name) => (name === 'all' ? scenarioNames() : [name]));
  const scenarios = (options.list ? scenarioNames() : named).map(loadScenario);
  if (options.list) return scenarios.forEach((scenario) => say(scenarioLine(scenario, options.congestion)));
  if (options.install) say(installMissing([...PEER_PROGRAMS, 'ip', 'cc']));
  removeAbandoned();
  const against = options.userSpace ? 'asked for' : reasonAgainstNamespaces();
  const kind = against === undefined ? 'emulated' : 'user-space';
  const machine = describeMachine(PEER_PROGRAMS);
  for (const line of machineLines(machine)) say(line);
  if (against === undefined) say(`network   emulated in namespaces, ${options.congestion}`);
  else say(`network   shaped in user space on the loopback (${against}): no loss, no real TCP on the shaped way`);
  const peers = options.peers.map(peerNamed).filter((peer) => isUsable(peer, kind));
  const results = await runAll(options, scenarios, peers, kind);
  say('');
  for (const line of summaryLines(scenarios, results)) say(line);
  say('');
  for (const line of LEGEND) say(line);
  if (options.json !== undefined) {
    writeFileSync(options.json, `${JSON.stringify({ machine, network: kind, options, results }, null, 1)}\n`);
  }
}

async function runAll(
  options: RoutesArguments,
  scenarios: readonly Scenario[],
  peers: readonly Peer[],
  kind: Network['kind'],
): Promise<RunResult[]> {
  using teardown = new Teardown();
  using scope = teardown.scope();
  const workFolder = makeWorkFolder(scope);
  const heddle = heddleProgram(options.cli);
  const objects = new Map<number, ReferenceObject>();
  const results: RunResult[] = [];
  for (const scenario of scenarios) {
    say(`\n${scenarioLine(scenario, options.congestion)}`);
    const reason = kind === 'user-space' ? reasonAgainstUserSpace(scenario) : undefined;
    const able = scenario.mirrors === undefined ? peers : peers.filter(({ servers }) => servers !== 'multipath');
    if (reason !== undefined || (scenario.mirrors !== undefined && missingPrograms(['nginx']).length > 0)) {
      say(`  left out: ${reason ?? 'mirrors are nginx, which is not here (--install)'}`);
      continue;
    }
    const { objectBytes } = scenario;
    const object = objects.get(objectBytes) ?? writeReferenceObject(workFolder, objectBytes);
    objects.set(objectBytes, object);
    const { congestion, getFlags } = options;
    const common = { teardown, scenario, object, heddle, getFlags, network: kind, congestion, workFolder };
    for (let repetition = 0; repetition < options.repetitions; repetition += 1) {
      for (const peer of able) {
        const seed = options.seed + repetition;
        results.push(...(await runUntilTrusted({ ...common, peer, seed }, options.patience)));
      }
    }
  }
  return results;
}

/** One run, and up to `patience` more while the last cannot be trusted. */
async function runUntilTrusted(settings: RunSettings, patience: number): Promise<RunResult[]> {
  const results: RunResult[] = [];
  for (let attempt = 0; attempt <= patience; attempt += 1) {
    const result = await runOnce(settings);
    results.push(result);
    say(`  ${runLine(result)}`);
    if (result.distrust.length === 0) break;
  }
  return results;
}

function runLine(run: RunResult): string {
  const stall =
    run.longestStallSeconds === undefined ? '' : `, longest stall ${Math.round(1e3 * run.longestStallSeconds)} ms`;
  const trust = run.distrust.length === 0 ? '' : `  [distrusted: ${run.distrust.join('; ')}]`;
  if (!run.correct) return `${run.peer.padEnd(14)} failed after ${run.wallSeconds.toFixed(2)} s: ${run.fault}${trust}`;
  return `${run.peer.padEnd(14)} ${run.wallSeconds.toFixed(2)} s, ${run.ofIdeal.toFixed(3)} of the ideal${stall}${trust}`;
}

function isUsable(peer: Peer, kind: Network['kind']): boolean {
  const missing = missingPrograms(peer.needs);
  if (missing.length > 0) say(`absent    ${peer.name} (no ${missing.join(', ')})`);
  const multipath = peer.servers !== 'multipath' || (kind === 'emulated' && kernelHasMptcp());
  if (!multipath)
    say(`absent    ${peer.name} (${kind === 'emulated' ? 'the kernel has no MPTCP' : 'needs the emulator'})`);
  return missing.length === 0 && multipath;
}

function kernelHasMptcp(): boolean {
  return existsSync(MPTCP_SWITCH) && readFileSync(MPTCP_SWITCH, 'utf8').trim() === '1';
}

try {
  await main();
} catch (error) {
  console.error(`bench:routes: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
