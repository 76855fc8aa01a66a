// What routes carried last time, kept between transfers in a small file: rate and round trip of each, aged and bounded.
// It only forms first guesses. A file that is missing, broken or cannot be written is as good as an empty one.
// Invariant: whoever reads the file finds a whole one: it is written beside and renamed. Of two processes that finish in
// the same moment one may be forgotten.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { randomBytes } from 'node:crypto';

/** What is remembered of one route. */
export type RouteRecord = { readonly bytesPerSecond: number; readonly rttMs: number };

/** A route as the memory tells routes apart: where it goes and from which address. */
export type RememberedRoute = {
  readonly baseUrl: URL;
  readonly localAddress: string | undefined;
  readonly address?: string | undefined;
};

/** What a transfer found out. `settled`: the rate was not still growing. */
export type RouteFinding = RouteRecord & { readonly route: RememberedRoute; readonly settled: boolean };

type Entry = RouteRecord & { readonly at: number };

/** Routes remembered at most; the oldest go first. */
const MOST_ENTRIES = 256;
/** Bytes of the file that are read at most. */
const MOST_FILE_BYTES = 262_144;
/** What is older says nothing any more, ms: two weeks. */
const OLDEST_MS = 14 * 86_400_000;
/** Weight of what was remembered against what was found now. */
const OLD_WEIGHT = 0.3;

/** `$XDG_STATE_HOME/heddle/routes.json`, by default below `~/.local/state`. */
export function defaultMemoryPath(environment: NodeJS.ProcessEnv = process.env): string {
  const { XDG_STATE_HOME: state } = environment;
  // the specification wants relative paths ignored
  const folder = state?.startsWith('/') === true ? state : join(homedir(), '.local', 'state');
  return join(folder, 'heddle', 'routes.json');
}

/** The memory in one file. */
export class RouteMemory {
  readonly #path: string;
  /** Wall-clock ms. */
  readonly #now: () => number;

  constructor(path: string, now: () => number = Date.now) {
    this.#path = path;
    this.#now = now;
  }

  /** What is remembered of `routes`, in their order. */
  recall(routes: readonly RememberedRoute[]): (RouteRecord | undefined)[] {
    const entries = this.#read();
    return routes.map((route) => {
      const entry = entries.get(keyOf(route));
      return entry === undefined ? undefined : { bytesPerSecond: entry.bytesPerSecond, rttMs: entry.rttMs };
    });
  }

  /** Adds what a transfer found; what was there counts a little on. False when the file could not be written. */
  remember(findings: readonly RouteFinding[]): boolean {
    const useful = findings.filter(({ bytesPerSecond, rttMs }) => isPositive(bytesPerSecond) && isPositive(rttMs));
    if (useful.length === 0) return true;
    const entries = this.#read();
    const at = this.#now();
    for (const finding of useful) {
      const key = keyOf(finding.route);
      const entry = { ...merged(entries.get(key), finding), at };
      entries.delete(key);
      entries.set(key, entry);
    }
    const newest = [...entries].toSorted(([, a], [, b]) => a.at - b.at).slice(-MOST_ENTRIES);
    return this.#write(JSON.stringify({ version: 1, routes: Object.fromEntries(newest) }, undefined, 1));
  }

  #read(): Map<string, Entry> {
    try {
      const text = readFileSync(this.#path, 'utf8');
      if (text.length > MOST_FILE_BYTES) return new Map();
      const { version, routes } = JSON.parse(text) as { version?: unknown; routes?: unknown };
      if (version !== 1 || typeof routes !== 'object' || routes === null) return new Map();
      return new Map(Object.entries(routes).filter((pair): pair is [string, Entry] => this.#isGood(pair[1])));
    } catch {
      return new Map();
    }
  }

  #isGood(entry: unknown): boolean {
    const { bytesPerSecond, rttMs, at } = (entry ?? {}) as Record<string, unknown>;
    const age = typeof at === 'number' ? this.#now() - at : Number.NaN;
    return isPositive(bytesPerSecond) && isPositive(rttMs) && age <= OLDEST_MS && age >= -OLDEST_MS;
  }

  #write(text: string): boolean {
    const beside = `${this.#path}.${process.pid}.${randomBytes(4).toString('hex')}`;
    try {
      mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
      writeFileSync(beside, `${text}\n`, { mode: 0o600 });
      renameSync(beside, this.#path);
      return true;
    } catch {
      try {
        rmSync(beside, { force: true });
      } catch {
        // where nothing can be written there is nothing to remove: no transfer fails for want of a memory
      }
      return false;
    }
  }
}

/** A rate that was still growing says only that the route carries at least as much. */
function merged(old: Entry | undefined, { bytesPerSecond, rttMs, settled }: RouteFinding): RouteRecord {
  if (old === undefined) return { bytesPerSecond, rttMs };
  if (!settled) return { bytesPerSecond: Math.max(bytesPerSecond, old.bytesPerSecond), rttMs };
  return { bytesPerSecond: OLD_WEIGHT * old.bytesPerSecond + (1 - OLD_WEIGHT) * bytesPerSecond, rttMs };
}

/** Never holds credentials: they are no part of where a route goes. */
function keyOf({ baseUrl, localAddress, address }: RememberedRoute): string {
  const path = `${baseUrl.origin}${baseUrl.pathname.replace(/\/$/, '')}`;
  const place = address === undefined ? path : `${path}#address=${address}`;
  return localAddress === undefined ? place : `${place}#local=${localAddress}`;
}

function isPositive(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0;
}
