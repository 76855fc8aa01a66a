// `npm run crowd -- --connections 5000 --pings 1 --megabytes 256 --rounds 3`: what an honest transfer over a relay loses
// when the relay holds a hostile crowd. Rounds without and with the crowd alternate; their best are compared. Exits 1
// below 0.8, or when relay or origin are gone in the end. The attackers have the lowest priority.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { writeLargeObject } from '../support/object-bytes.ts';
import { heddle } from '../support/program.ts';
import { readOptions, whole } from '../support/script-options.ts';
import { startOriginProgram, startRelayProgram } from '../support/servers.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { lastLine } from '../support/world.ts';

const LEAST_RATIO = 0.8;

const values = readOptions('npm run crowd --', {
  connections: whole(500, 'of the crowd: a third idle, a third dripping, a third flooding', 1),
  pings: whole(1, 'PINGs per second and flooder', 1),
  megabytes: whole(64, 'of the honest transfer', 1),
  rounds: whole(3, 'without and with the crowd', 1),
});
const bytes = values.megabytes * 1_000_000;
await using folder = await temporaryFolder();
await mkdir(folder.file('objects'));
await writeLargeObject(folder.file('objects/a.bin'), bytes, 1);
await using origin = await startOriginProgram({ dir: folder.file('objects'), state: folder.file('state') });
await using relay = await startRelayProgram({ main: origin.url });
const args = ['get', 'a.bin', '-o', '/dev/null', '--json', '--route', `relay=${relay.url}/v1/via/main`];

let [quiet, crowded] = [0, 0];
for (let round = 1; round <= values.rounds; round += 1) {
  quiet = Math.max(quiet, await rate());
  crowded = Math.max(crowded, await rateInCrowd());
}
const ratio = crowded / quiet;
const memory = [relay, origin].map(({ program }) => Math.round((program.peakMemoryBytes() ?? 0) / 1e6));
console.log(
  `undisturbed ${(quiet / 1e6).toFixed(0)} MB/s, in a crowd of ${values.connections}: ${(crowded / 1e6).toFixed(0)} MB/s`,
);
console.log(`ratio ${ratio.toFixed(2)}; most memory of the relay ${memory[0]} MB, of the origin ${memory[1]} MB`);
const alive = relay.program.running && origin.program.running;
if (!alive) console.log('a server is gone');
process.exitCode = ratio >= LEAST_RATIO && alive ? 0 : 1;

/** Bytes per second of one transfer. */
async function rate(): Promise<number> {
  const outcome = await heddle(args);
  const done = lastLine(outcome);
  if (done.type !== 'done') throw new Error(`the honest transfer failed: ${done.code} ${done.message}`);
  return done.bytes / done.seconds;
}

async function rateInCrowd(): Promise<number> {
  const attacker = new URL('./crowd-attacker.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [attacker, ...[relay.port, values.connections, values.pings].map(String)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    console.log(`crowd: ${line.toString().trim()}`);
    return await rate();
  } finally {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }
}
