// A large object over three relays, each a process of its own: byte-identical, and in little memory everywhere. 256 MB by
// default; HEDDLE_LARGE=1 (`npm run test:large`) takes the 2 GB of the promise.
import { availableParallelism } from 'node:os';
import { mkdir, stat } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { sha256OfFile, writeLargeObject } from '../support/object-bytes.ts';
import { startProgram } from '../support/program.ts';
import { startOriginProgram, startRelayProgram } from '../support/servers.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { lastLine, routeOf } from '../support/world.ts';

const LARGE = process.env['HEDDLE_LARGE'] === '1';
const SIZE = LARGE ? 2_000_000_000 : 256_000_000;
const CLIENT_BYTES = 250 * 1_048_576;
const RELAY_BYTES = 120 * 1_048_576;
const TIME_LIMIT_MS = LARGE ? 600_000 : 60_000;
/** Says the peak of resident memory at the very end, where nobody could read it from outside in time. */
const TELL_PEAK = `data:text/javascript,${encodeURIComponent(
  `import { readFileSync } from 'node:fs';
   process.on('exit', () => {
     try { console.error(/VmHWM:.*/.exec(readFileSync('/proc/self/status', 'utf8'))[0]); } catch {}
   });`,
)}`;
const megabytes = (bytes: number | undefined): string => (bytes === undefined ? '?' : (bytes / 1e6).toFixed(0));

test(`${SIZE / 1e6} MB over three relays: byte-identical, client below 250 MB, relays below 120 MB`, {
  timeout: TIME_LIMIT_MS,
}, async () => {
  await using folder = await temporaryFolder();
  const objects = folder.file('objects');
  await mkdir(objects);
  const expected = await writeLargeObject(`${objects}/large.bin`, SIZE, 61);
  await using origin = await startOriginProgram({ dir: objects, state: folder.file('state') });
  // the very first start of a checkout strips types from every file, which takes 25 MB that no later start takes
  await using first = await startRelayProgram({ main: origin.url });
  first.program.signal('SIGTERM');
  await first.program.ended;
  await using stack = new AsyncDisposableStack();
  const relays = await Promise.all([1, 2, 3].map(() => startRelayProgram({ main: origin.url })));
  const routes = relays.flatMap((relay, at) => ['--route', `r${at}=${stack.use(relay).url}/v1/via/main`]);
  const target = folder.file('large.bin');
  await using client = startProgram(['get', 'large.bin', '-o', target, '--json', ...routes], {
    nodeArguments: ['--import', TELL_PEAK],
  });
  const outcome = await client.ended;
  expect(outcome).toMatchObject({ code: 0, signal: null });
  const done = lastLine(outcome);
  expect((await stat(target)).size).toBe(SIZE);
  expect(await sha256OfFile(target)).toBe(expected);
  expect(done.wasteBytes / SIZE).toBeLessThanOrEqual(0.02);
  for (const name of ['r0', 'r1', 'r2']) expect(routeOf(done, name).share).toBeGreaterThan(0.05);

  const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(outcome.stderr) ?? [];
  const peak = kilobytes === undefined ? undefined : Number(kilobytes) * 1_024;
  const relayPeaks = relays.map(({ program }) => program.peakMemoryBytes());
  process.stderr.write(
    `${SIZE / 1e6} MB in ${done.seconds} s on ${availableParallelism()} cores; peak MB: client ${megabytes(peak)}, ` +
      `relays ${relayPeaks.map(megabytes).join(', ')}, origin ${megabytes(origin.program.peakMemoryBytes())}\n`,
  );
  expect(peak ?? 0).toBeLessThan(CLIENT_BYTES);
  for (const relayPeak of relayPeaks) expect(relayPeak ?? 0).toBeLessThan(RELAY_BYTES);
});
