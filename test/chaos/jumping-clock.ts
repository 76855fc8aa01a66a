// Preloaded into the programs of the chaos suite: their wall clock is wrong by what a file says, in ms, and jumps when the
// file changes. Monotonic clocks and timers go on as they do when somebody sets the clock of a machine.
import { readFileSync } from 'node:fs';

/** The environment variable that names the file. */
const FILE = process.env['CHAOS_CLOCK'] ?? '';
/** How often the file is read, ms. */
const LOOK_MS = 20;

const RealDate = Date;
let readAt = Number.NEGATIVE_INFINITY;
let wrongByMs = 0;

function now(): number {
  if (performance.now() - readAt > LOOK_MS) {
    readAt = performance.now();
    wrongByMs = Number(readFileSync(FILE, 'utf8'));
  }
  return RealDate.now() + wrongByMs;
}

globalThis.Date = new Proxy(RealDate, {
  get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
  apply: () => new RealDate(now()).toString(),
  construct: (target, args, made) => Reflect.construct(target, args.length === 0 ? [now()] : args, made) as Date,
});
