// The network of a scenario as words for `ip` and the emulator. Pure.
//   client 10.1.i.1 ── emulated ── 10.1.i.2 relay i 10.2.i.2 ── veth ── 10.2.i.1 origin
// Relays also route IP, so that 10.2.i.1 can be reached from the client over link i without a relay program.
import type { Scenario, ScenarioEvent } from './scenario.ts';

/** Congestion control of every TCP connection. */
export type CongestionControl = 'cubic' | 'bbr' | 'reno';

/** Names of namespaces: all begin with the prefix, the client's first. */
export type NamespaceNames = { readonly client: string; readonly origin: string; readonly relays: readonly string[] };

const QUEUE_LENGTH = 4_000;
const LEAST_QUEUE_MS = 100;
const ROUTE_TABLE_BASE = 100;

/** Settings of every namespace: room for fat routes, and no memory of earlier connections. */
export const SYSCTLS: readonly string[] = [
  'net.ipv4.ip_forward=1',
  'net.ipv4.conf.all.rp_filter=0',
  'net.ipv4.conf.default.rp_filter=0',
  'net.ipv4.tcp_no_metrics_save=1',
  'net.ipv6.conf.default.disable_ipv6=1',
  'net.ipv4.tcp_rmem=4096 131072 33554432',
  'net.ipv4.tcp_wmem=4096 16384 16777216',
];

/** The names for a number of routes. */
export function namespaceNames(prefix: string, routes: number): NamespaceNames {
  const relays = Array.from({ length: routes }, (_, index) => `${prefix}-r${index + 1}`);
  return { client: `${prefix}-cli`, origin: `${prefix}-org`, relays };
}

/** Makes the devices of each route; say it before the addresses are given. */
export function emulatorLines(scenario: Scenario, names: NamespaceNames): string[] {
  return scenario.routes.flatMap((shape, index) => {
    const { megabitsPerSecond, upMegabitsPerSecond = megabitsPerSecond, rttMs, lossPercent = 0, jitterMs = 0 } = shape;
    const queueMs = shape.queueMs ?? Math.max(LEAST_QUEUE_MS, rttMs);
    const common = `delay=${rttMs / 2} queue-ms=${queueMs} jitter=${jitterMs} loss=${lossPercent}`;
    const link = linkName(index + 1);
    return [
      `link ${link} ${names.client} c${index + 1} ${names.relays[index]} wan`,
      `link=${link} dir=ab rate=${upMegabitsPerSecond} ${common}`,
      `link=${link} dir=ba rate=${megabitsPerSecond} ${common}`,
    ];
  });
}

/** The emulator's line for what happens to a link; undefined for what happens to a relay. */
export function eventLine(event: ScenarioEvent): string | undefined {
  const at = `t=${event.atSeconds} link=${linkName(event.route)}`;
  if (event.type === 'rate') return `${at} rate=${event.megabitsPerSecond}`;
  return event.type === 'loss' ? `${at} loss=${event.lossPercent}` : undefined;
}

/** The name of a route's link. */
export function linkName(route: number): string {
  return `r${route}`;
}

/** Makes the plain links between relays and the origin. */
export function vethCommands(names: NamespaceNames): string[] {
  return names.relays.map(
    (relay, index) => `link add o${index + 1} netns ${names.origin} type veth peer name lan netns ${relay}`,
  );
}

/** What each namespace is told, in its own `ip -batch`. Congestion control goes by route: a namespace may not set it. */
export function addressCommands(names: NamespaceNames, congestion: CongestionControl): Map<string, string[]> {
  const batches = new Map<string, string[]>();
  const tell = (name: string, ...commands: string[]): void => {
    const batch = batches.get(name) ?? ['link set lo up'];
    batches.set(name, [...batch, ...commands]);
  };
  const control = `congctl ${congestion}`;
  for (const [index, relay] of names.relays.entries()) {
    const i = index + 1;
    const table = ROUTE_TABLE_BASE + i;
    tell(
      relay,
      `addr add 10.1.${i}.2/24 dev wan`,
      `link set wan up txqueuelen ${QUEUE_LENGTH}`,
      `addr add 10.2.${i}.2/24 dev lan`,
      'link set lan up',
      `route add 10.2.0.0/16 via 10.2.${i}.1`,
      `route replace 10.1.${i}.0/24 dev wan src 10.1.${i}.2 ${control}`,
    );
    tell(
      names.origin,
      `addr add 10.2.${i}.1/24 dev o${i}`,
      `link set o${i} up`,
      `route add 10.1.${i}.0/24 via 10.2.${i}.2 ${control}`,
    );
    tell(
      names.client,
      `addr add 10.1.${i}.1/24 dev c${i}`,
      `link set c${i} up txqueuelen ${QUEUE_LENGTH}`,
      `route replace 10.1.${i}.0/24 dev c${i} src 10.1.${i}.1 ${control}`,
      `route add 10.2.${i}.0/24 via 10.1.${i}.2 ${control}`,
      `rule add from 10.1.${i}.1 lookup ${table}`,
      `route add default via 10.1.${i}.2 dev c${i} table ${table} ${control}`,
      `route add 10.1.${i}.0/24 dev c${i} table ${table} ${control}`,
    );
  }
  return batches;
}
