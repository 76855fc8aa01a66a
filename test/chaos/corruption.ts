// `npm run corruption -- --megabytes 64 --rounds 3`: four routes, one of which corrupts a tenth of its segments. What it
// costs: in every second round as things are (two proven bad segments ban the route), in the others with that limit out
// of the way, so that it goes on lying to the end. Exits 1 when a figure misses its line.
import { open, rm } from 'node:fs/promises';
import { CORE_DEFAULTS } from '../../client/core/options.ts';
import { startLink } from '../../client/demo/link-shaper.ts';
import { openFileSink } from '../../client/io/file-sink.ts';
import { Retrieval } from '../../client/io/retrieval.ts';
import { resolveCore, resolveRoutes } from '../../client/options.ts';
import { HASH_BYTES } from '../../protocol/limits.ts';
import { Random } from '../simulation/random.ts';
import { startRewriting } from '../support/false-relay.ts';
import type { Rewrite } from '../support/false-relay.ts';
import { objectBytes } from '../support/object-bytes.ts';
import { readOptions, whole } from '../support/script-options.ts';
import { startRelayProgram } from '../support/servers.ts';
import { WireLog } from '../support/wire-log.ts';
import { startWireTap } from '../support/wire-tap.ts';
import { startWorld } from '../support/world.ts';

const ROUTES = ['a', 'b', 'c', 'd'];
const MEGABITS = 24;
const CORRUPTED = 0.1;
const MOST_REPAIRED = 1.05;
const MOST_PROOFS = 0.004;

const values = readOptions('npm run corruption --', {
  megabytes: whole(64, 'of the object', 1),
  rounds: whole(4, 'with another liar each', 1),
  seed: whole(1, 'of who lies, and where'),
});
const random = new Random(values.seed);
const content = objectBytes(values.megabytes * 1_000_000, values.seed);
await using world = await startWorld({ 'a.bin': content });
await using relay = await startRelayProgram({ main: world.origin.url });
let missed = 0;
for (let round = 1; round <= values.rounds; round += 1) {
  const liar = random.pick(ROUTES);
  const limit = round % 2 === 1 ? CORE_DEFAULTS.corruptLimit : Number.POSITIVE_INFINITY;
  const figures = await fetchPast(liar, limit);
  const { wrongBytes, precision, recall, repaired, proofs } = figures;
  const isKept =
    wrongBytes === 0 && precision === 1 && recall === 1 && repaired <= MOST_REPAIRED && proofs <= MOST_PROOFS;
  if (!isKept) missed += 1;
  const how = limit === CORE_DEFAULTS.corruptLimit ? `banned after ${limit}` : 'never banned';
  console.log(`${isKept ? 'kept  ' : 'MISSED'} round ${round}, ${liar} lies, ${how}: ${JSON.stringify(figures)}`);
}
console.log(`${values.rounds} rounds, seed ${values.seed}: ${missed} missed a line`);
console.log(`(lines: wrongBytes 0, precision and recall 1, repaired at most ${MOST_REPAIRED}, proofs ${MOST_PROOFS})`);
process.exitCode = missed === 0 ? 0 : 1;

type Figures = {
  readonly wrongBytes: number;
  /** Of the routes that were blamed, those that lied; of those that lied, the blamed ones. */
  readonly precision: number;
  readonly recall: number;
  /** Bytes of corrupted segments that came, and how many times as many were fetched again for them. */
  readonly corruptedBytes: number;
  readonly repaired: number;
  /** Bytes of proofs per byte of the object, and connections: each begins with a page of 2 KiB. */
  readonly proofs: number;
  readonly channels: number;
  /** Of all bytes that came, those that nobody needed. */
  readonly waste: number;
};

async function fetchPast(liar: string, corruptLimit: number): Promise<Figures> {
  await using stack = new AsyncDisposableStack();
  const log = new WireLog();
  const bent = new Set<number>();
  const routes = await Promise.all(
    ROUTES.map(async (name) => {
      const { port } = name === liar ? stack.use(await startRewriting(relay.port, () => bending(bent))) : relay;
      const link = stack.use(await startLink({ target: { port }, megabitsPerSecond: MEGABITS, delayMs: 8 }));
      const tap = stack.use(await startWireTap(name, link.port, log));
      return { name, url: `${tap.url}/v1/via/main` };
    }),
  );
  const path = world.output('a.bin');
  await rm(path, { force: true });
  const retrieval = new Retrieval({
    key: 'a.bin',
    routes: resolveRoutes({ routes }),
    core: { ...resolveCore({ routes }, 'any'), corruptLimit },
    pins: { root: undefined, originKey: undefined, size: undefined },
    firstByte: 0,
    endByte: undefined,
    sink: await openFileSink(path),
    ifChanged: 'fail',
    observer: {},
    early: undefined,
  });
  const report = await retrieval.run();
  const blamed = report.routes.filter(({ corrupt }) => corrupt > 0).map(({ name }) => name);
  const came = log.frames('segment');
  // what was bent behind a connection that ended meanwhile never came
  const bad = new Set(came.filter(({ frame, line }) => line.tap === liar && bent.has(frame.index)));
  const spoiled = new Set([...bad].map(({ frame }) => frame.index));
  const again = came.filter((event) => spoiled.has(event.frame.index) && !bad.has(event));
  const bytesOf = (some: Iterable<(typeof came)[number]>): number =>
    [...some].reduce((sum, { frame }) => sum + frame.payloadBytes, 0);
  const pages = log.frames('proof').map(({ frame }) => frame.page);
  const proofBytes = pages.reduce((sum, { nodes, path: way }) => sum + nodes.length + way.length + HASH_BYTES, 0);
  return {
    wrongBytes: await differing(path),
    precision: blamed.filter((name) => name === liar).length / Math.max(1, blamed.length),
    recall: blamed.includes(liar) ? 1 : 0,
    corruptedBytes: bytesOf(bad),
    repaired: rounded(bytesOf(again) / bytesOf(bad)),
    proofs: rounded(proofBytes / content.length),
    channels: log.channels().length,
    waste: rounded(report.wasteBytes / content.length),
  };
}

/** A bit of one byte, in every tenth segment or so; the same segment is right when it is asked for once more. */
function bending(bent: Set<number>): Rewrite {
  return (frame) => {
    if (frame.type !== 'segment' || bent.has(frame.index) || !random.chance(CORRUPTED)) return [frame];
    bent.add(frame.index);
    return [{ ...frame, payload: frame.payload.map((byte, at) => (at === 100 ? byte ^ 1 : byte)) }];
  };
}

async function differing(path: string): Promise<number> {
  await using file = await open(path);
  const bytes = await file.readFile();
  let count = Math.abs(bytes.length - content.length);
  if (!bytes.equals(content)) for (let at = 0; at < bytes.length; at += 1) if (bytes[at] !== content[at]) count += 1;
  return count;
}

function rounded(ratio: number): number {
  return Number(ratio.toFixed(4));
}
