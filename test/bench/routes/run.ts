// One run: builds the network, starts the servers and the client, lets the events happen, and turns what was seen into a
// result. Everything it starts ends with it.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { startChild } from '../machine/child.ts';
import type { Child } from '../machine/child.ts';
import { ForeignLoad } from '../machine/foreign-load.ts';
import type { Heddle } from '../machine/heddle.ts';
import type { Teardown } from '../machine/teardown.ts';
import { writeFalseObject } from '../machine/work-folder.ts';
import type { ReferenceObject } from '../machine/work-folder.ts';
import { closingLine, falseMirrorFault } from './closing-line.ts';
import { distrustOf } from './distrust.ts';
import { buildEmulatedNetwork, ipAt } from './emulated-network.ts';
import { bestSingleRoute, idealSeconds } from './fluid-ideal.ts';
import type { AfterKill } from './fluid-ideal.ts';
import { watchFile, watchPipe } from './in-order.ts';
import type { Network } from './network.ts';
import type { Peer } from './peers.ts';
import { progressFigures, worstAroundChanges } from './progress-figures.ts';
import type { RunResult } from './result.ts';
import type { Scenario } from './scenario.ts';
import { multipathEnvironment, plainPath, startServers } from './servers.ts';
import type { RunningServers, ServerSettings } from './servers.ts';
import type { CongestionControl } from './topology.ts';
import { buildUserSpaceNetwork } from './user-space-network.ts';

/** What a run is made of. */
export type RunSettings = {
  readonly teardown: Teardown;
  readonly scenario: Scenario;
  readonly peer: Peer;
  readonly object: ReferenceObject;
  readonly heddle: Heddle;
  readonly getFlags: readonly string[];
  readonly network: Network['kind'];
  readonly congestion: CongestionControl;
  readonly seed: number;
  readonly workFolder: string;
};

const LEAST_LIMIT_SECONDS = 45;
/** A client may take so many times the ideal. */
const LIMIT_FACTOR = 6;

/** Runs a peer through a scenario once. */
export async function runOnce(settings: RunSettings): Promise<RunResult> {
  const { teardown, scenario, peer, object, heddle, congestion, seed } = settings;
  using scope = teardown.scope();
  const folder = mkdtempSync(join(settings.workFolder, 'run-'));
  scope.defer(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  const network =
    settings.network === 'emulated'
      ? await buildEmulatedNetwork(scope, scenario, congestion, seed)
      : await buildUserSpaceNetwork(scope, scenario);
  const routes = scenario.routes.length;
  const kind = scenario.mirrors === undefined ? peer.servers : 'mirrors';
  const falseMirror = falseMirrorOf(settings);
  const servers = await startServers(scope, { servers: kind, network, routes, object, heddle, folder, falseMirror });
  if (peer.servers === 'multipath') addSubflows(scenario);
  const outFile = join(folder, 'out.bin');
  const watch = peer.output === 'file' ? watchFile(scope, outFile, object) : watchPipe(scope, join(folder, 'out.pipe'));
  const clients: Child[] = [];
  using load = new ForeignLoad(() => [...network.pids, ...servers.pids, ...clients.map(({ pid }) => pid)]);

  const argv = peer.command(contextOf(settings, network, outFile, folder));
  const log = join(folder, 'client.log');
  const env = { HOME: folder, XDG_STATE_HOME: folder, ...(peer.servers === 'multipath' ? multipathEnvironment() : {}) };
  network.begin();
  const startedAt = performance.now();
  const command = network.command('client', argv);
  const client = startChild(scope, { argv: command, cwd: folder, log, stdout: watch.stdout, env });
  clients.push(client);
  watch.begin(startedAt);
  using events = killsAndRestarts(scenario, servers);
  const exit = await client.endsWithin(1_000 * limitSeconds(scenario));
  events.dispose();
  client.kill();
  const wallSeconds = (exit.atMs - startedAt) / 1_000;
  const foreignCores = load.cores();
  const output = await watch.finish();
  const use = await network.finish();

  const said = peer.servers === 'heddle' ? closingLine(readFileSync(log, 'utf8')) : undefined;
  const falseRoute = scenario.mirrors?.false;
  const undropped = said === undefined || falseRoute === undefined ? undefined : falseMirrorFault(said, falseRoute);
  const fault = client.faultOf(exit) ?? (output.sha256 === object.sha256 ? undropped : 'wrong bytes');
  const correct = fault === undefined;
  const afterKill: AfterKill = peer.servers === 'multipath' ? 'ignored' : 'returns';
  const ideal = idealSeconds(scenario, afterKill);
  const received = use.links.reduce((sum, { payloadBytes }) => sum + payloadBytes, 0);
  return {
    scenario: scenario.name,
    peer: peer.name,
    seed,
    correct,
    fault: exit.timedOut && said !== undefined ? `done after ${said.seconds} s, but the program did not end` : fault,
    wallSeconds,
    idealSeconds: ideal,
    ofIdeal: correct ? ideal / wallSeconds : 0,
    launchSeconds: use.launchSeconds,
    transferSeconds: said?.seconds,
    overhead: correct ? received / object.bytes - 1 : undefined,
    waste: said?.wasteBytes === undefined ? undefined : said.wasteBytes / object.bytes,
    hedges: said?.hedges,
    patterns: said?.patterns,
    creditBeyondWindowBytes: said?.creditBeyondWindowBytes,
    dropped: sumOf(use.links.map(({ droppedQueue }) => droppedQueue)),
    aroundChanges: worstAroundChanges(scenario, afterKill, use.arrivals, wallSeconds),
    ...progressFigures(output.marks, object.bytes, wallSeconds),
    lateFraction: use.lateFraction,
    latestMs: use.latestMs,
    foreignCores,
    distrust: distrustOf(network.kind, use, foreignCores),
    links: use.links,
  };
}

function contextOf(
  { scenario, object, heddle, getFlags, congestion }: RunSettings,
  network: Network,
  outFile: string,
  folder: string,
) {
  const best = bestSingleRoute(scenario, congestion).route;
  return {
    heddle,
    getFlags,
    key: object.key,
    relays: scenario.routes.map((_, index) => network.relayFor(index + 1)),
    mirrored: scenario.mirrors === undefined ? undefined : object.sha256,
    best,
    originOverBest: network.originOver(best + 1),
    outFile,
    workFolder: folder,
    plainPath: plainPath(object),
  };
}

function falseMirrorOf({ scenario, object, workFolder }: RunSettings): ServerSettings['falseMirror'] {
  const route = scenario.mirrors?.false;
  return route === undefined ? undefined : { route, folder: writeFalseObject(workFolder, object) };
}

/** A subflow from each local address, so that Multipath TCP uses every route. */
function addSubflows(scenario: Scenario): void {
  const most = ['mptcp', 'limits', 'set', 'subflow', '8', 'add_addr_accepted', '8'];
  ipAt(scenario, 'client', most);
  ipAt(scenario, 'origin', most);
  for (let i = 1; i <= scenario.routes.length; i += 1) {
    ipAt(scenario, 'client', ['mptcp', 'endpoint', 'add', `10.1.${i}.1`, 'dev', `c${i}`, 'id', String(i), 'subflow']);
  }
}

function killsAndRestarts(scenario: Scenario, servers: RunningServers): DisposableStack {
  const timers = new DisposableStack();
  for (const { type, atSeconds, route } of scenario.events) {
    if (type !== 'kill' && type !== 'restart') continue;
    const timer = setTimeout(() => servers[type](route), atSeconds * 1_000);
    timers.defer(() => clearTimeout(timer));
  }
  return timers;
}

function limitSeconds(scenario: Scenario): number {
  const ideal = idealSeconds(scenario, 'returns');
  return Math.max(LEAST_LIMIT_SECONDS, LIMIT_FACTOR * (Number.isFinite(ideal) ? ideal : 0));
}

function sumOf(values: readonly (number | undefined)[]): number | undefined {
  return values.includes(undefined) ? undefined : values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
}
