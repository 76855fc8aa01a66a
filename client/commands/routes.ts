// `heddle routes`: looks at every route without fetching anything for good, ranks them as a transfer would, and says why.
// With the key of an object it also measures, one route after another, what each carries.
import { asHeddleError, exitCodeOf, HeddleError } from '../../protocol/errors.ts';
import { createClient } from '../client.ts';
import { clientOptions } from '../config.ts';
import type { ClientFlags } from '../config.ts';
import { rankRoutes } from '../core/ranking.ts';
import type { RankingFacts, RouteScore, ScorePart } from '../core/ranking.ts';
import { knownOriginsPath } from '../io/known-origins.ts';
import type { SessionRoute } from '../io/order.ts';
import { probeRoute } from '../io/route-probe.ts';
import type { RouteProbe } from '../io/route-probe.ts';
import { sharedAddresses, sharingLine } from '../io/shared-addresses.ts';
import type { SharedAddress } from '../io/shared-addresses.ts';
import { nowhere } from '../io/nowhere-sink.ts';
import { knownRoutes, resolveCore, resolveRoutes } from '../options.ts';
import type { ClientOptions } from '../options.ts';
import { withEnvironmentProxy } from '../outer-proxy.ts';
import { RouteKnowledge } from '../route-knowledge.ts';
import { complain, errorLine, formatRate } from './terminal.ts';

export type RoutesFlags = ClientFlags & {
  readonly bytes: string;
  readonly timeout: string;
  readonly json?: boolean;
};

type Found = {
  readonly route: SessionRoute;
  /** Who named it; undefined: the user. */
  readonly source: string | undefined;
  readonly probe: RouteProbe | undefined;
  readonly bytesPerSecond: number | undefined;
  readonly error: HeddleError | undefined;
};

type Ranked = Found & { readonly facts: RankingFacts; readonly ranking: RouteScore };

/** Runs the command; returns the exit code: 3 when no route answers. */
export async function routes(key: string | undefined, flags: RoutesFlags): Promise<number> {
  try {
    const timeoutMs = 1_000 * positive(flags.timeout, '--timeout');
    const bytes = positive(flags.bytes, '--bytes');
    // routes are looked at; what a mirror is worth shows with an object
    const { mirrors: _mirrors, ...options } = withEnvironmentProxy(await clientOptions(flags), process.env);
    using discovery = options.discovery;
    await discovery?.start();
    const ranked = await rankAll(options, await look(options, key, { timeoutMs, bytes }));
    const best = ranked.toSorted(
      (a, b) => Number(b.probe !== undefined) - Number(a.probe !== undefined) || b.ranking.score - a.ranking.score,
    );
    const shared = await sharedAddresses(best.map(({ route }) => route));
    if (flags.json === true) {
      const lines = [...best.map((found) => jsonOf(found, shared)), ...shared.map(sharedJson)];
      process.stdout.write(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    } else {
      process.stdout.write(`${textOf(best).join('\n')}\n`);
      for (const each of shared) process.stderr.write(`heddle: ${sharingLine(each)}\n`);
    }
    return best.some(({ probe }) => probe !== undefined) ? 0 : exitCodeOf('no-route');
  } catch (error) {
    const known = asHeddleError(error);
    if (flags.json === true) process.stdout.write(`${JSON.stringify(errorLine(known))}\n`);
    else complain(known);
    return exitCodeOf(known.code);
  }
}

/** Latency of all routes at once, then throughput one by one: together they would measure each other. */
async function look(
  options: ClientOptions,
  key: string | undefined,
  { timeoutMs, bytes }: { readonly timeoutMs: number; readonly bytes: number },
): Promise<Found[]> {
  const sources = new Map(knownRoutes(options).map(({ route, source }) => [route.name, source]));
  const all = resolveRoutes(options).map((route) => ({ route, source: sources.get(route.name) }));
  const probed = await Promise.all(
    all.map(async (known): Promise<Found> => {
      try {
        const probe = await probeRoute(known.route, timeoutMs);
        return { ...known, probe, bytesPerSecond: undefined, error: undefined };
      } catch (error) {
        return { ...known, probe: undefined, bytesPerSecond: undefined, error: asHeddleError(error) };
      }
    }),
  );
  if (key === undefined) return probed;
  const measured: Found[] = [];
  for (const found of probed) {
    measured.push(found.probe === undefined ? found : await measure(options, found, key, { timeoutMs, bytes }));
  }
  return measured;
}

/** What the first `bytes` of the object take over one route alone. */
async function measure(
  options: ClientOptions,
  found: Found,
  key: string,
  { timeoutMs, bytes }: { readonly timeoutMs: number; readonly bytes: number },
): Promise<Found> {
  const alone = knownRoutes(options)
    .map(({ route }) => route)
    .filter(({ name }) => name === found.route.name);
  const { routeMemory: _memory, ranking: _ranking, mirrors: _mirrors, discovery: _discovery, ...rest } = options;
  const client = createClient({ knownOrigins: knownOriginsPath(), ...rest, routes: alone });
  try {
    const { done } = client.into(key, nowhere(), {
      range: { first: 0, last: bytes - 1 },
      signal: AbortSignal.timeout(10 * timeoutMs),
    });
    const { bytes: brought = 0, elapsedMs } = await done;
    return { ...found, bytesPerSecond: (1_000 * brought) / Math.max(1, elapsedMs) };
  } catch (error) {
    return { ...found, error: asHeddleError(error) };
  }
}

async function rankAll(options: ClientOptions, all: readonly Found[]): Promise<Ranked[]> {
  const knowledge = new RouteKnowledge(options.routeMemory, options.ranking);
  const known = knowledge.recall(all.map(({ route }) => route));
  const ranks = await knowledge.ranks(known, new AbortController().signal, complain);
  const facts = all.map(({ probe, bytesPerSecond }, at): RankingFacts => {
    const { rank: own, hops, relays, rememberedBytesPerSecond, rememberedRttMs, ...terms } = known[at]?.terms ?? {};
    return {
      ...terms,
      rank: ranks?.[at] ?? own,
      bytesPerSecond: bytesPerSecond ?? rememberedBytesPerSecond,
      rttMs: probe?.rttMs ?? rememberedRttMs,
      hops: Math.max(probe?.relays ?? 0, relays ?? 0) + (hops ?? 0),
    };
  });
  const scores = rankRoutes(facts, resolveCore(options, 'order'));
  return all.map((found, at) => ({ ...found, facts: facts[at] ?? {}, ranking: scores[at] ?? { score: 0, parts: [] } }));
}

function jsonOf(
  { route, source, probe, facts, ranking, error }: Ranked,
  shared: readonly SharedAddress[],
): Record<string, unknown> {
  const others = shared.filter(({ routes: names }) => names.includes(route.name)).flatMap(({ routes: names }) => names);
  return {
    type: 'route',
    name: route.name,
    url: route.baseUrl.href,
    source: source ?? 'given',
    sharesAddressWith: [...new Set(others)].filter((name) => name !== route.name),
    works: probe !== undefined,
    connectSeconds: probe === undefined ? null : probe.connectMs / 1_000,
    rttSeconds: probe === undefined ? null : probe.rttMs / 1_000,
    bytesPerSecond: facts.bytesPerSecond ?? null,
    hops: facts.hops ?? null,
    score: ranking.score,
    parts: ranking.parts.map(({ part, value, grade, weight, points }) => ({
      part,
      value: value ?? null,
      grade,
      weight,
      points,
    })),
    ...(error === undefined ? {} : { code: error.code, message: error.message }),
  };
}

function sharedJson({ address, routes: names }: SharedAddress): Record<string, unknown> {
  return { type: 'warning', code: 'shared-address', address, routes: names };
}

function textOf(all: readonly Ranked[]): string[] {
  const width = Math.max(...all.map(({ route }) => route.name.length));
  return all.flatMap(({ route, source, probe, ranking, error }, at) => {
    const name = `${String(at + 1).padStart(2)}. ${route.name.padEnd(width)}`;
    const indent = `    ${' '.repeat(width)}  `;
    const from = source === undefined ? [] : [`${indent}${route.baseUrl.href}, by ${source}`];
    const why = [...from, ...(error === undefined ? [] : [`${indent}${error.message} (${error.code})`])];
    if (probe === undefined) return [`${name}  does not answer`, ...why];
    const parts = ranking.parts.filter(({ weight }) => weight > 0).map(partOf);
    return [`${name}  ${ranking.score.toFixed(2)} = ${parts.join(' + ')}`, ...why];
  });
}

function partOf({ part, value, points }: ScorePart): string {
  return `${points.toFixed(2)} ${part}${value === undefined ? ' (unknown)' : ` (${UNITS[part](value)})`}`;
}

const UNITS: Readonly<Record<ScorePart['part'], (value: number) => string>> = {
  external: (value) => value.toFixed(2),
  throughput: formatRate,
  latency: (ms) => `${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms`,
  hops: (hops) => String(hops),
  distance: (kilometres) => `${kilometres.toFixed(0)} km`,
  cost: (price) => `${price} per GB`,
};

function positive(text: string, flag: string): number {
  const value = Number(text);
  if (!(value >= 1 && value <= 1e12)) throw new HeddleError('usage', `${flag} is a number from 1 on, not "${text}"`);
  return value;
}
