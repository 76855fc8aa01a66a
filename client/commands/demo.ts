// `heddle demo`: one origin and three unlike relays on this machine, a download over all of them while one slows and one
// dies, and the same bytes by a plain GET over the best of them. The parts are in ../demo/; this is the order of events.
import { asHeddleError, exitCodeOf, HeddleError } from '../../protocol/errors.ts';
import { createClient } from '../client.ts';
import { comparison, downloadTable } from '../demo/closing.ts';
import { createFaults } from '../demo/faults.ts';
import { hashFile } from '../demo/object-file.ts';
import { letterOf, paletteFor } from '../demo/palette.ts';
import type { Palette } from '../demo/palette.ts';
import { momentOf } from '../demo/picture.ts';
import { plainGet } from '../demo/plain-get.ts';
import type { PlainResult } from '../demo/plain-get.ts';
import { Screen } from '../demo/screen.ts';
import { openStage, ROUTE_PLANS } from '../demo/stage.ts';
import type { Stage, StagedRoute } from '../demo/stage.ts';
import type { SessionReport } from '../io/report.ts';
import { bar, complain, formatBytes, formatRate } from './terminal.ts';

export type DemoFlags = { readonly size: string; readonly faults: boolean };

/** What every part needs. */
type Scene = {
  readonly stage: Stage;
  readonly fastest: StagedRoute;
  readonly screen: Screen;
  readonly palette: Palette;
  readonly signal: AbortSignal;
};

const LEAST_MEGABYTES = 1;
const MOST_MEGABYTES = 4_000;
const LOOK_MS = 20;
const PROGRESS_CELLS = 40;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Runs the demo; 0 only if every byte that arrived is the one that was generated. */
export async function demo(flags: DemoFlags): Promise<number> {
  const stopped = new AbortController();
  const stop = (): void => stopped.abort(new HeddleError('aborted', 'interrupted'));
  for (const name of SIGNALS) process.on(name, stop);
  process.stdout.once('error', stop);
  try {
    await play(flags, stopped.signal);
    return 0;
  } catch (error) {
    const known = stopped.signal.aborted ? new HeddleError('aborted', 'interrupted') : asHeddleError(error);
    complain(known);
    return exitCodeOf(known.code);
  } finally {
    for (const name of SIGNALS) process.off(name, stop);
  }
}

async function play(flags: DemoFlags, signal: AbortSignal): Promise<void> {
  const bytes = sizeOf(flags.size);
  const screen = new Screen(process.stdout);
  const palette = paletteFor(process.stdout);
  screen.say(`heddle demo: ${formatBytes(bytes)} from one origin over three relays, all of it on this machine`);
  screen.say();
  for (const [at, { name, megabitsPerSecond, roundTripMs }] of ROUTE_PLANS.entries()) {
    const link = `${String(megabitsPerSecond).padStart(3)} Mbit/s, ${String(roundTripMs).padStart(3)} ms round trip`;
    screen.say(palette(at, `  ${letterOf(at)} ${name.padEnd(6)} ${link}, then a relay, then the origin`));
  }
  await using stage = await openStage(bytes, signal);
  const [fastest] = stage.routes;
  if (fastest === undefined) throw new HeddleError('internal', 'the stage has no route');
  const scene: Scene = { stage, fastest, screen, palette, signal };

  screen.say();
  screen.say(`1. Heddle, over all three at once${flags.faults ? ', while one slows down and one dies' : ''}`);
  const woven = await weave(scene, flags.faults);
  screen.say();
  for (const line of downloadTable(woven, palette)) screen.say(line);

  screen.say();
  screen.say(`2. One plain GET over ${fastest.name} alone, the best single route, with nothing slowed or killed`);
  const alone = await fetchAlone(scene);
  screen.say();
  for (const line of comparison(woven, alone, fastest, flags.faults)) screen.say(line);
}

/** The download over all routes, with its picture and its faults; checked against what was generated. */
async function weave(scene: Scene, withFaults: boolean): Promise<SessionReport> {
  const { stage, fastest, screen, palette, signal } = scene;
  const client = createClient({ routes: stage.routes });
  const running = client.download(stage.key, stage.target, { signal });
  const look = (): SessionReport | undefined => {
    try {
      return running.report();
    } catch {
      return undefined; // it has not begun
    }
  };
  const say = (text: string, route: number): void => {
    const at = `${((look()?.elapsedMs ?? 0) / 1_000).toFixed(1)} s`.padStart(7);
    screen.say(`${at}  ${palette(route, `${letterOf(route)}: ${text}`)}`);
  };
  const faults = withFaults ? createFaults(stage, say) : undefined;
  let last: SessionReport | undefined;
  const watching = setInterval(() => {
    last = look();
    if (last !== undefined) faults?.look(last);
  }, LOOK_MS);
  try {
    using _picture = screen.follow(() => last && momentOf(last, fastest.megabitsPerSecond, palette));
    last = await running.done;
  } finally {
    clearInterval(watching);
  }
  await faults?.settled();
  requireSame(await hashFile(stage.target), stage);
  return last;
}

/** The same object over the fastest route alone. */
async function fetchAlone({ stage, fastest, screen, palette, signal }: Scene): Promise<PlainResult> {
  const begun = performance.now();
  let bytes = 0;
  const line = (): string => {
    const ms = performance.now() - begun;
    const rate = formatRate((1_000 * bytes) / Math.max(1, ms));
    const done = `${formatBytes(bytes)} of ${formatBytes(stage.bytes)}`;
    return palette(0, `  ${bar(bytes / stage.bytes, PROGRESS_CELLS)}  ${done}  ${rate}  ${(ms / 1_000).toFixed(1)} s`);
  };
  using _progress = screen.follow(() => ({ lines: () => ['', line()], line }));
  const result = await plainGet(`${fastest.url}/v1/objects/${stage.key}`, (count) => (bytes = count), signal);
  requireSame(result.sha256, stage);
  return result;
}

function requireSame(sha256: string, stage: Stage): void {
  if (sha256 === stage.sha256) return;
  throw new HeddleError('corrupt', `what arrived has the SHA-256 ${sha256}, what was generated ${stage.sha256}`);
}

function sizeOf(text: string): number {
  const megabytes = Number(text);
  if (megabytes >= LEAST_MEGABYTES && megabytes <= MOST_MEGABYTES) return Math.round(megabytes * 1e6);
  throw new HeddleError('usage', `--size is in megabytes, ${LEAST_MEGABYTES} to ${MOST_MEGABYTES}, not "${text}"`);
}
