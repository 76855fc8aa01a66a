// The network of a scenario without any privilege: everything on the loopback, a shaped link in front of each relay. Has
// rates, delays, black holes and deaths, but neither loss nor real TCP behaviour on the shaped way, so figures from here
// compare peers in one run and nothing else.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { startLink } from '../../../client/demo/link-shaper.ts';
import type { ShapedLink } from '../../../client/demo/link-shaper.ts';
import { accepts, freePort, LOOPBACK } from '../machine/ports.ts';
import { PAYLOAD_SHARE } from './fluid-ideal.ts';
import type { Arrival, Network, Place } from './network.ts';
import type { Scenario, ScenarioEvent } from './scenario.ts';

const SAMPLE_MS = 50;
/** The event loop is looked at this often, which is part of every delay that is reported. */
const LOOK_MS = 1;
const LATE_MS = LOOK_MS + 2;

/** Why a scenario cannot be run without an emulator; undefined when it can. */
export function reasonAgainstUserSpace({ routes, events }: Scenario): string | undefined {
  const lossy =
    routes.some(({ lossPercent = 0 }) => lossPercent > 0) ||
    events.some((event) => event.type === 'loss' && event.lossPercent > 0 && event.lossPercent < 100);
  return lossy ? 'loss needs the emulator (root, Linux)' : undefined;
}

/** Builds the network; it goes with `scope`. */
export async function buildUserSpaceNetwork(scope: DisposableStack, scenario: Scenario): Promise<Network> {
  const originPort = await freePort();
  const relayPorts: number[] = [];
  const links: ShapedLink[] = [];
  for (const { megabitsPerSecond, upMegabitsPerSecond = megabitsPerSecond, rttMs } of scenario.routes) {
    const port = await freePort();
    const rate = { up: payloadRate(upMegabitsPerSecond), down: payloadRate(megabitsPerSecond) };
    const link = await startLink({ target: { port }, megabitsPerSecond: rate, delayMs: rttMs / 2 });
    scope.defer(() => link.kill());
    relayPorts.push(port);
    links.push(link);
  }
  const portAt = (place: Exclude<Place, 'client'>): number =>
    place === 'origin' ? originPort : (relayPorts[place.relay - 1] ?? 0);
  const carried = (): number => links.reduce((sum, { carriedBytes }) => sum + carriedBytes.down, 0);
  const arrivals: Arrival[] = [];
  const delay = monitorEventLoopDelay({ resolution: LOOK_MS });
  let begunAt = performance.now();
  return {
    kind: 'user-space',
    pids: [],
    command: (_, argv) => [...argv],
    listen: (place) => ({ host: LOOPBACK, port: portAt(place) }),
    originFor: () => `${LOOPBACK}:${originPort}`,
    relayFor: (relay) => `${LOOPBACK}:${links[relay - 1]?.port}`,
    originOver: () => undefined,
    isListening: (place) => accepts(portAt(place)),
    begin: () => {
      begunAt = performance.now();
      delay.enable();
      const timers = scenario.events.map((event) => setTimeout(() => apply(event, links), event.atSeconds * 1_000));
      const sampling = setInterval(
        () => arrivals.push({ atSeconds: (performance.now() - begunAt) / 1_000, payloadBytes: carried() }),
        SAMPLE_MS,
      );
      for (const timer of [...timers, sampling]) scope.defer(() => clearTimeout(timer));
    },
    finish: async () => {
      delay.disable();
      const uses = links.map(({ carriedBytes }) => ({
        payloadBytes: carriedBytes.down,
        droppedQueue: undefined,
        droppedLoss: undefined,
      }));
      for (const link of links) link.kill();
      const lateFraction = lateShare((share) => delay.percentile(share) / 1e6);
      return {
        links: uses,
        arrivals,
        launchSeconds: undefined,
        lateFraction,
        latestMs: Math.max(0, delay.max / 1e6 - LOOK_MS),
      };
    },
  };
}

function apply(event: ScenarioEvent, links: readonly ShapedLink[]): void {
  const link = links[event.route - 1];
  if (link === undefined) return;
  if (event.type === 'rate') link.setRate(payloadRate(event.megabitsPerSecond));
  else if (event.type === 'loss' && event.lossPercent === 100) link.pause();
  else if (event.type === 'loss') link.resume();
}

/** Shapers count what they carry, which is payload; a scenario counts packets. */
function payloadRate(megabitsPerSecond: number): number {
  return megabitsPerSecond * PAYLOAD_SHARE;
}

/** Share of turns that were late, to the half per cent. */
function lateShare(percentileMs: (percentile: number) => number): number {
  for (let share = 0; share < 100; share += 0.5) if (percentileMs(100 - share) <= LATE_MS) return share / 100;
  return 1;
}
