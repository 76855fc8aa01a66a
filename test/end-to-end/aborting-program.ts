// A program that gives up many requests at random points, by fetch and by undici's own functions, closes its dispatcher,
// and says what is left of it then: sockets, timers (those that keep nothing running included), open files. Run by
// many-aborts.test.ts as a process of its own.
//   node aborting-program.ts ORIGIN COUNT SEED ROUTE…
import { createHook } from 'node:async_hooks';
import { readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fetch } from 'undici';
import type { Dispatcher } from 'undici';
import { createDispatcher } from '../../client/interceptor.ts';

const KINDS: readonly string[] = ['Timeout', 'TCPWRAP', 'TCPCONNECTWRAP', 'FSREQPROMISE', 'FILEHANDLE'];
const AT_ONCE = 25;
/** Looks at what is left until it is what was there before; what never goes is told. */
const LOOKS = 200;
const LOOK_MS = 25;

const alive = new Map<number, string>();
createHook({
  init: (id, kind) => void (KINDS.includes(kind) && alive.set(id, kind)),
  destroy: (id) => void alive.delete(id),
}).enable();

const [origin = '', count = '', seed = '', ...routes] = process.argv.slice(2);
let state = Number(seed);
/** Park and Miller's generator. */
const random = (most: number): number => (state = (state * 48_271) % 2_147_483_647) % most;

await run();

async function run(): Promise<void> {
  // its output, and the timer of the look itself
  const before = await openNow();
  const dispatcher = createDispatcher({
    origins: [{ origin, routes: routes.map((url, at) => ({ name: `r${at}`, url })) }],
  });
  let aborted = 0;
  for (let at = 0; at < Number(count); at += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, Number(count) - at) }, () => abortSomewhere(dispatcher));
    aborted += (await Promise.all(some)).filter(Boolean).length;
  }
  await dispatcher.close();
  let left = await openNow();
  for (let look = 0; look < LOOKS && JSON.stringify(left) !== JSON.stringify(before); look += 1) left = await openNow();
  console.log(JSON.stringify({ aborted, before, left }));
}

/** True when it was given up before its end. */
async function abortSomewhere(dispatcher: Dispatcher): Promise<boolean> {
  const stop = new AbortController();
  const path = `/v1/objects/${['a.bin', 'small.bin', 'missing.bin'][random(8) % 3]}`;
  const headers: Record<string, string> = random(4) === 0 ? { range: `bytes=${random(2_000_000)}-` } : {};
  const way = random(4);
  // before, at, and soon behind the head; else behind so many bytes
  if (way === 0) stop.abort();
  const timer = way === 1 ? setTimeout(() => stop.abort(), random(30)) : undefined;
  let left = random(2_500_000);
  try {
    const body =
      random(2) === 0
        ? (await fetch(origin + path, { dispatcher, headers, signal: stop.signal })).body
        : (await dispatcher.request({ origin, path, method: 'GET', headers, signal: stop.signal })).body;
    if (way === 2) stop.abort();
    for await (const chunk of body ?? []) {
      left -= (chunk as Uint8Array).length;
      if (left < 0) stop.abort();
    }
    return false;
  } catch {
    return stop.signal.aborted;
  } finally {
    clearTimeout(timer);
  }
}

/** What is open, by its kind. */
async function openNow(): Promise<Record<string, number>> {
  globalThis.gc?.();
  await sleep(LOOK_MS);
  const kinds = [...alive.values(), ...openFiles()].sort();
  const counts = Object.groupBy(kinds, (kind) => kind);
  return Object.fromEntries(Object.entries(counts).map(([kind, all = []]) => [kind, all.length]));
}

/** Sockets and files on the disk that the process has open; nothing where the system does not tell. */
function openFiles(): string[] {
  try {
    const targets = readdirSync('/proc/self/fd').flatMap((descriptor) => {
      try {
        return [readlinkSync(`/proc/self/fd/${descriptor}`)];
      } catch {
        return [];
      }
    });
    return targets.filter((target) => target.startsWith('socket:') || /^\/(?!dev\/|proc\/)/.test(target)).map(kindOf);
  } catch {
    return [];
  }
}

function kindOf(target: string): string {
  return target.startsWith('socket:') ? 'open socket' : `open file ${target}`;
}
