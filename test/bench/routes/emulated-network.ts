// The network of a scenario in namespaces, with real delay, loss, queues and black holes. Needs root, `ip`, TUN and a C
// compiler. Made for one run.
import { readFileSync } from 'node:fs';
import { builtProgram } from '../emulator/built-program.ts';
import { startEmulator } from './emulator.ts';
import type { EmulatorReport, LaneCounters } from './emulator.ts';
import { PAYLOAD_SHARE } from './fluid-ideal.ts';
import { ip, makeNamespaces, namespacePrefix } from './namespaces.ts';
import type { Network, NetworkUse, Place } from './network.ts';
import type { Scenario } from './scenario.ts';
import {
  addressCommands,
  emulatorLines,
  eventLine,
  linkName,
  namespaceNames,
  SYSCTLS,
  vethCommands,
} from './topology.ts';
import type { CongestionControl, NamespaceNames } from './topology.ts';

const ORIGIN_PORT = 8_000;
const RELAY_PORT = 8_080;

/** Builds the network; it goes with `scope`. `seed` decides which packets are lost. */
export async function buildEmulatedNetwork(
  scope: DisposableStack,
  scenario: Scenario,
  congestion: CongestionControl,
  seed: number,
): Promise<Network> {
  const program = builtProgram('wanem');
  const names = namespaceNames(namespacePrefix(), scenario.routes.length);
  makeNamespaces(scope, [names.client, names.origin, ...names.relays], SYSCTLS);
  const emulator = startEmulator(scope, program, seed);
  emulator.say(emulatorLines(scenario, names));
  await emulator.ready();
  ip(['-batch', '-'], vethCommands(names).join('\n'));
  for (const [name, commands] of addressCommands(names, congestion))
    ip(['-n', name, '-batch', '-'], commands.join('\n'));
  emulator.say(scenario.events.map(eventLine).filter((line) => line !== undefined));
  return {
    kind: 'emulated',
    pids: [emulator.pid],
    command: (place, argv) => ['ip', 'netns', 'exec', namespaceOf(names, place), ...argv],
    listen: (place) => ({ host: '0.0.0.0', port: portOf(place) }),
    originFor: (relay) => `10.2.${relay}.1:${ORIGIN_PORT}`,
    relayFor: (relay) => `10.1.${relay}.2:${RELAY_PORT}`,
    originOver: (route) => `10.2.${route}.1:${ORIGIN_PORT}`,
    isListening: async (place, pid) => listensInNamespace(pid, portOf(place)),
    begin: () => emulator.say(['start']),
    finish: async () => networkUse(await emulator.finish(), scenario.routes.length),
  };
}

/** Runs a command of `ip` in the namespace of a place, for peers that need more than addresses. */
export function ipAt(scenario: Scenario, place: Place, args: readonly string[]): void {
  const names = namespaceNames(namespacePrefix(), scenario.routes.length);
  ip(['-n', namespaceOf(names, place), ...args]);
}

function namespaceOf(names: NamespaceNames, place: Place): string {
  if (place === 'client' || place === 'origin') return names[place];
  return names.relays[place.relay - 1] ?? '';
}

function portOf(place: Place): number {
  return place === 'origin' ? ORIGIN_PORT : RELAY_PORT;
}

/** /proc/PID/net shows the sockets of the namespace that the process is in. State 0A listens. */
function listensInNamespace(pid: number, port: number): boolean {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return ['tcp', 'tcp6'].some((family) => {
    try {
      const lines = readFileSync(`/proc/${pid}/net/${family}`, 'utf8').split('\n').slice(1);
      return lines.some((line) => {
        const [, local = '', , state] = line.trim().split(/\s+/);
        return state === '0A' && local.endsWith(suffix);
      });
    } catch {
      return false;
    }
  });
}

function networkUse({ links, samples }: EmulatorReport, routes: number): NetworkUse {
  const lanes = Object.values(links).flatMap(({ up, down }): LaneCounters[] => [up, down]);
  const sum = (pick: (lane: LaneCounters) => number): number => lanes.reduce((total, lane) => total + pick(lane), 0);
  const first = Object.values(links)
    .map(({ up }) => up.firstInSeconds)
    .filter((seconds) => seconds > 0);
  return {
    links: Array.from({ length: routes }, (_, index) => {
      const down = links[linkName(index + 1)]?.down;
      return {
        payloadBytes: Math.round((down?.outBytes ?? 0) * PAYLOAD_SHARE),
        droppedQueue: down?.droppedQueue ?? 0,
        droppedLoss: (down?.droppedLoss ?? 0) + (down?.droppedDead ?? 0),
      };
    }),
    arrivals: samples.map(({ t, downBytes }) => ({
      atSeconds: t,
      payloadBytes: downBytes.reduce((total, bytes) => total + bytes, 0) * PAYLOAD_SHARE,
    })),
    launchSeconds: first.length === 0 ? undefined : Math.min(...first),
    lateFraction:
      sum((lane) => lane.late) /
      Math.max(
        1,
        sum((lane) => lane.out),
      ),
    latestMs: Math.max(0, ...lanes.map(({ latestMs }) => latestMs)),
  };
}
