// Requests given up at random points leave no socket, no timer and no file behind, in a program with the interceptor and in
// the proxy. A hundred of them here; HEDDLE_ABORTS=1000 takes the thousand of the promise (`npm run test:aborts`), from
// HEDDLE_SEED.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readlink } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startProgram } from '../support/program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { SITE, startHiddenSite } from './hidden-site.ts';
import type { HiddenSite } from './hidden-site.ts';

const COUNT = Number(process.env['HEDDLE_ABORTS'] ?? 100);
const SEED = Number(process.env['HEDDLE_SEED'] ?? 7);
const PROGRAM = join(import.meta.dirname, 'aborting-program.ts');
const AT_ONCE = 25;
/** More than a thousand take on a busy machine. */
const LIMIT_MS = 60_000 + 500 * COUNT;

let site: HiddenSite;
beforeEach(async () => {
  site = await startHiddenSite();
});
afterEach(() => site[Symbol.asyncDispose]());

test(
  `${COUNT} in a program`,
  async () => {
    await using folder = await temporaryFolder();
    const urls = site.overLinks().map(({ url }) => url);
    const env = { ...process.env, TMPDIR: folder.path, XDG_STATE_HOME: folder.path, NODE_DISABLE_COMPILE_CACHE: '1' };
    const args = ['--expose-gc', PROGRAM, SITE, String(COUNT), String(SEED), ...urls];
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { aborted, before, left } = JSON.parse(stdout) as { aborted: number; before: object; left: object };
    expect(left).toEqual(before);
    expect(aborted).toBeGreaterThan(COUNT / 2);
    expect(await readdir(folder.path)).toEqual([]);
  },
  LIMIT_MS,
);

test.skipIf(!existsSync('/proc/self/fd'))(
  `${COUNT} through the proxy`,
  async () => {
    await using folder = await temporaryFolder();
    const routes = site.overLinks().flatMap(({ name, url }) => ['--route', `${name}=${url}`]);
    const args = ['proxy', '--listen', '127.0.0.1:0', '--origin', SITE, ...routes];
    const env = { TMPDIR: folder.path, XDG_STATE_HOME: folder.path, NODE_DISABLE_COMPILE_CACHE: '1' };
    await using program = startProgram(args, { tethered: true, env });
    const [, port = ''] = await program.said(/ on http:\/\/127\.0\.0\.1:(\d+)/);
    const before = await openIn(program.pid);
    let state = SEED;
    const random = (most: number): number => (state = (state * 48_271) % 2_147_483_647) % most;
    let aborted = 0;
    for (let at = 0; at < COUNT; at += AT_ONCE) {
      const some = Array.from({ length: Math.min(AT_ONCE, COUNT - at) }, () => abortSomewhere(Number(port), random));
      aborted += (await Promise.all(some)).filter(Boolean).length;
    }
    expect(aborted).toBeGreaterThan(COUNT / 2);
    // connections that are kept for the next request go with who they lead to
    for (const link of site.links) link.kill();
    let left = await openIn(program.pid);
    while (left.length > before.length) {
      await sleep(50);
      left = await openIn(program.pid);
    }
    expect(left.length).toBeLessThanOrEqual(before.length);
    const files = (await readdir(folder.path, { recursive: true })).filter((name) => name !== 'heddle');
    expect(files.filter((name) => !/^heddle\/[a-z_]+(?:\.json)?$/.test(name))).toEqual([]);
    program.signal('SIGTERM');
    expect((await program.ended).code).toBe(0);
  },
  LIMIT_MS,
);

/** One request that is given up before, at or behind its head; true when that was before its end. */
async function abortSomewhere(port: number, random: (most: number) => number): Promise<boolean> {
  const path = `${SITE}/v1/objects/${['a.bin', 'small.bin', 'missing.bin'][random(8) % 3]}`;
  const headers = random(4) === 0 ? { Range: `bytes=${random(2_000_000)}-` } : {};
  const request = httpRequest({ host: '127.0.0.1', port, path, headers, agent: false }).on('error', () => {});
  const closed = once(request, 'close').catch(() => {});
  const way = random(4);
  let left = random(2_500_000);
  request.end();
  if (way === 0) setImmediate(() => request.destroy());
  const timer = way === 1 ? setTimeout(() => request.destroy(), random(30)) : undefined;
  const [response] =
    ((await Promise.race([once(request, 'response'), closed]).catch(() => [])) as [IncomingMessage?]) ?? [];
  if (response === undefined) return true;
  if (way === 2) response.destroy();
  response
    .on('error', () => {})
    .on('data', (chunk: Buffer) => {
      left -= chunk.length;
      if (left < 0) response.destroy();
    });
  await closed;
  clearTimeout(timer);
  await eventually(() => response.closed);
  return !response.complete;
}

/** Sockets and files that the process has open. */
async function openIn(pid: number): Promise<string[]> {
  const folder = `/proc/${pid}/fd`;
  const targets = await Promise.all(
    (await readdir(folder)).map((name) => readlink(join(folder, name)).catch(() => '')),
  );
  return targets.filter((target) => target.startsWith('socket:') || /^\/(?!dev\/|proc\/)/.test(target));
}
