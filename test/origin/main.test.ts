// The process: what it prints, what it refuses and with which exit code, and how it stops.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { isLoopback, ORIGIN_TUNING, parseListen, resolveOptions, resolveTuning } from '../../origin/options.ts';
import { LEAF_BYTES } from '../../protocol/limits.ts';
import { openRawChannel, patternOf } from '../support/raw-channel.ts';
import { bytesOf, eventually, makeWorld, WITH_ADMIN } from './fixture.ts';

const MAIN = new URL('../../origin/main.ts', import.meta.url).href;

/** `heddle origin` with these flags, as a process of its own. */
function run(flags: Record<string, string>): ChildProcess {
  const script = `const { originMain } = await import(${JSON.stringify(MAIN)}); process.exitCode = await originMain(${JSON.stringify(flags)});`;
  return spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: ['ignore', 'pipe', 'pipe'] });
}

async function outcome(child: ChildProcess): Promise<{ code: number | null; stderr: string }> {
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdout?.resume();
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stderr };
}

describe('originMain', () => {
  it('says in one line where it listens, serves, drains on SIGTERM, and ends with 0', async () => {
    await using world = await makeWorld({ file: bytesOf(10 * LEAF_BYTES) });
    const child = run({ dir: world.dir, state: world.stateDir, listen: '127.0.0.1:0', admin: '127.0.0.1:0' });
    const ended = outcome(child);
    const lines = createInterface(child.stdout as NonNullable<typeof child.stdout>);
    const [line] = (await once(lines, 'line')) as [string];
    const [, url = '', admin = ''] = /^heddle origin: serving .* on (http:\S+), admin (http:\S+)$/.exec(line) ?? [];
    const channel = await openRawChannel({ url, key: 'file', first: [patternOf(1), { type: 'credit', total: 1 }] });
    await channel.skipTo('segment');
    child.kill('SIGTERM');
    await eventually(async () => (await fetch(`${admin}/readyz`)).status).toBe(503);
    expect((await fetch(`${admin}/livez`)).status).toBe(200);
    channel.send({ type: 'credit', total: 10 });
    await channel.collect('segment', 9);
    channel.send({ type: 'bye' });
    await channel.closed;
    expect(await ended).toEqual({ code: 0, stderr: '' });
  });

  it('stops at once when asked twice', async () => {
    await using world = await makeWorld({ file: bytesOf(10 * LEAF_BYTES) });
    const child = run({ dir: world.dir, state: world.stateDir, listen: '0' });
    const ended = outcome(child);
    const [line] = (await once(createInterface(child.stdout as NonNullable<typeof child.stdout>), 'line')) as [string];
    const url = /http:\S+/.exec(line)?.[0] ?? '';
    await using channel = await openRawChannel({ url, key: 'file', first: [patternOf(1)] });
    child.kill('SIGINT');
    await eventually(async () => (await fetch(`${url}/readyz`)).status).toBe(503);
    child.kill('SIGINT');
    expect(await channel.skipTo('error')).toMatchObject({ code: 'draining' });
    expect((await ended).code).toBe(0);
  });

  it('refuses what it cannot use in one line', async () => {
    await using world = await makeWorld({ file: 'x' });
    await using opened = new AsyncDisposableStack();
    const taken = opened.adopt(createServer(), (server) => void server.close());
    taken.listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const good = { dir: world.dir, state: world.stateDir, listen: '127.0.0.1:0' };
    const rows: [Record<string, string>, number, RegExp][] = [
      [{}, 1, /--dir/],
      [{ ...good, listen: 'nonsense' }, 1, /--listen wants HOST:PORT, not "nonsense"/],
      [{ ...good, admin: '1.2.3.4:99999' }, 1, /--admin wants HOST:PORT/],
      [{ ...good, dir: join(world.dir, 'none') }, 2, /cannot serve .*none: there is no such file or folder/],
      [{ ...good, dir: join(world.dir, 'file') }, 2, /cannot serve .*file: a part of the path is no folder/],
      [{ ...good, state: join(world.dir, 'state') }, 2, /must not lie inside/],
      [
        { ...good, listen: `127.0.0.1:${port}` },
        6,
        /cannot listen on 127\.0\.0\.1:\d+: somebody listens there already; choose another port/,
      ],
    ];
    const outcomes = rows.map(async ([flags, code, text]) => {
      const ended = await outcome(run(flags));
      expect(ended.stderr).toMatch(text);
      expect(ended.stderr.trimEnd().split('\n').length).toBe(1);
      expect(ended.code).toBe(code);
    });
    await Promise.all(outcomes);
  });
});

describe('an origin', () => {
  it('warns when others can reach it', async () => {
    await using world = await makeWorld({});
    await world.start({}, { listen: { host: '0.0.0.0', port: 0 } });
    expect(world.lines).toEqual([expect.stringContaining('everybody who can reach')]);
  });

  it('is not ready at once and still serves new channels during the notice, which a second call ends', async () => {
    await using world = await makeWorld({ file: bytesOf(10 * LEAF_BYTES) });
    const origin = await world.start({}, WITH_ADMIN);
    const closing = origin.close({ noticeMs: 3_600_000, deadlineMs: 3_600_000 });
    expect((await fetch(`${origin.url}/readyz`)).status).toBe(503);
    expect((await fetch(`${origin.adminUrl}/livez`)).status).toBe(200);
    const first = [patternOf(1), { type: 'credit', total: 10 } as const];
    await using channel = await openRawChannel({ url: origin.url, key: 'file', first });
    await channel.collect('segment', 10);
    await origin.close({ deadlineMs: 0 });
    await closing;
    expect(await channel.skipTo('error')).toMatchObject({ code: 'draining' });
  });

  it('lets channels and bodies finish until the deadline, and refuses new channels', async () => {
    await using world = await makeWorld({ file: bytesOf(10 * LEAF_BYTES) });
    const origin = await world.start({}, WITH_ADMIN);
    const first = [patternOf(1), { type: 'credit', total: 1 } as const];
    await using one = await openRawChannel({ url: origin.url, key: 'file', number: 1, first });
    await using two = await openRawChannel({ url: origin.url, key: 'file', number: 2, first });
    const closing = origin.close({ noticeMs: 0, deadlineMs: 3_600_000 });
    const ready = await fetch(`${origin.url}/readyz`);
    expect([ready.status, await ready.json()]).toMatchObject([503, { code: 'draining' }]);
    expect((await fetch(`${origin.url}/v1/objects/file`)).status).toBe(200);
    await using late = await openRawChannel({ url: origin.url, key: 'file', number: 3 });
    expect([late.head.status, late.head.headers.get('retry-after')]).toEqual([503, '5']);
    one.send({ type: 'credit', total: 10 });
    await one.collect('segment', 10);
    one.send({ type: 'bye' });
    await one.closed;
    // The deadline may still be brought forward.
    const hurried = origin.close({ deadlineMs: 0 });
    expect(await two.skipTo('error')).toMatchObject({ code: 'draining' });
    await Promise.all([closing, hurried]);
    await expect(fetch(`${origin.url}/livez`)).rejects.toThrow();
  });

  it('stops although a reader has stopped', async () => {
    await using world = await makeWorld({ file: bytesOf(1_000 * LEAF_BYTES) });
    const origin = await world.start();
    const first = [patternOf(1), { type: 'credit', total: 1_000 } as const];
    await using channel = await openRawChannel({ url: origin.url, key: 'file', first, paused: true });
    await origin.close({ deadlineMs: 0 });
    channel.socket.resume();
    await channel.closed;
  });
});

describe('the options', () => {
  it('read addresses', () => {
    expect(parseListen('127.0.0.1:80', '--listen')).toEqual({ host: '127.0.0.1', port: 80 });
    expect(parseListen('[::1]:80', '--listen')).toEqual({ host: '::1', port: 80 });
    expect(parseListen('name.example:1', '--listen')).toEqual({ host: 'name.example', port: 1 });
    expect(parseListen('8081', '--listen')).toEqual({ host: '127.0.0.1', port: 8081 });
    for (const text of ['', ':80', 'a', 'a:b', '::1:80', '[x]:1', 'a:70000', 'a:1:2']) {
      expect(() => parseListen(text, '--listen'), text).toThrow(expect.objectContaining({ code: 'usage' }));
    }
    expect(['127.0.0.1', '127.1.2.3', '::1', 'localhost'].every(isLoopback)).toBe(true);
    expect(['0.0.0.0', '::', '10.0.0.1', '127.example', 'x'].some(isLoopback)).toBe(false);
  });

  it('keep to their bounds', () => {
    for (const [name, { value, min, max }] of Object.entries(ORIGIN_TUNING)) {
      expect(min <= value && value <= max, name).toBe(true);
      for (const bad of [min - 1, max + 1, value + 0.5, Number.NaN]) {
        expect(() => resolveTuning({ [name]: bad }), name).toThrow(
          expect.objectContaining({ code: 'bad-configuration' }),
        );
      }
    }
    expect(() => resolveTuning({ hashReadBytes: 40_000 })).toThrow(/multiple/);
    expect(() => resolveTuning({ firstProofNodes: 3 })).toThrow(/power of two/);
  });

  it('keep state where the system wants it', () => {
    expect(resolveOptions({ dir: 'x' }, { XDG_STATE_HOME: '/s' }).stateDir).toBe('/s/heddle/origin');
    expect(resolveOptions({ dir: 'x' }, { XDG_STATE_HOME: 'relative' }).stateDir).toMatch(
      /\/\.local\/state\/heddle\/origin$/,
    );
    expect(resolveOptions({ dir: 'x' }, {}).stateDir).toMatch(/\/\.local\/state\/heddle\/origin$/);
    expect(() => resolveOptions({ dir: '/s', stateDir: '/s/..x' })).toThrow(
      expect.objectContaining({ code: 'bad-configuration' }),
    );
    expect(resolveOptions({ dir: '/s', stateDir: '/sx' }).stateDir).toBe('/sx');
  });
});
