// Which paths may be touched, in which order objects are listed, and that a changed file is never read as the old one.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, link, mkdir, rename, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Backend } from '../../origin/backend.ts';
import { openDirBackend } from '../../origin/dir-backend.ts';
import { bytesOf, makeWorld } from './fixture.ts';

async function keysOf(backend: Backend, prefix = '', after = ''): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of backend.list({ prefix, after })) keys.push(key);
  return keys;
}

async function readAll(backend: Backend, key: string): Promise<Buffer> {
  const stat = await backend.stat(key);
  const handle = await backend.open(key, stat?.version ?? '');
  try {
    const bytes = Buffer.alloc(handle.stat.size);
    await handle.read([bytes.subarray(0, 3), bytes.subarray(3)], 0);
    return bytes;
  } finally {
    await handle.close();
  }
}

describe('the folder', () => {
  it('lists regular files in the order of their whole keys', async () => {
    await using world = await makeWorld({
      'a/b': '1',
      'a-b': '2',
      'a.b': '3',
      'a/b-c/d': '4',
      b: '5',
      'a/b/../c': '6',
    });
    const backend = await openDirBackend(world.dir);
    const all = ['a-b', 'a.b', 'a/b', 'a/b-c/d', 'a/c', 'b'];
    expect(await keysOf(backend)).toEqual(all);
    expect(all).toEqual(all.toSorted());
    expect(await keysOf(backend, 'a/')).toEqual(['a/b', 'a/b-c/d', 'a/c']);
    expect(await keysOf(backend, 'a/b')).toEqual(['a/b', 'a/b-c/d']);
    expect(await keysOf(backend, 'nothing')).toEqual([]);
    for (const [at, key] of all.entries()) expect(await keysOf(backend, '', key)).toEqual(all.slice(at + 1));
    expect(await keysOf(backend, '', 'a/b-c')).toEqual(['a/b-c/d', 'a/c', 'b']);
  });

  it('shows nothing but what may be served, under any name', async () => {
    await using world = await makeWorld({ 'open/file': 'open', '.hidden': 'no', '.folder/file': 'no', 'x/.y/z': 'no' });
    const outside = join(world.dir, '..', 'outside');
    await mkdir(outside);
    await writeFile(join(outside, 'secret'), 'secret');
    await symlink(join(outside, 'secret'), join(world.dir, 'link'));
    await symlink(outside, join(world.dir, 'out'));
    await symlink('..', join(world.dir, 'open', 'up'));
    await symlink('../.folder', join(world.dir, 'open', 'sly'));
    await symlink('open/file', join(world.dir, 'inner-link'));
    await symlink('loop', join(world.dir, 'loop'));
    execFileSync('sh', ['-c', 'mkfifo pipe'], { cwd: world.dir });
    await writeFile(join(world.dir, 'back\\slash'), 'no');
    await writeFile(join(world.dir, 'line\nbreak'), 'no');
    await using stack = new AsyncDisposableStack();
    const server = stack.adopt(createServer(), (open) => void open.close());
    server.listen(join(world.dir, 'socket'));
    await once(server, 'listening');
    const backend = await openDirBackend(world.dir);
    expect(await keysOf(backend)).toEqual(['open/file']);
    const refused = [
      '../outside/secret',
      'open/../../outside/secret',
      'link',
      'out/secret',
      'open/up/../outside/secret',
      '.hidden',
      '.folder/file',
      'x/.y/z',
      'open/sly/file',
      'inner-link',
      'loop',
      'loop/x',
      'pipe',
      'socket',
      'open',
      '',
      'open/',
      '/etc/passwd',
      'open/file/deeper',
      'none',
      '.',
      '..',
      'open/./file',
      'a'.repeat(300),
    ];
    for (const key of refused) {
      expect(await backend.stat(key), key).toBeUndefined();
      await expect(backend.open(key, ''), key).rejects.toMatchObject({ code: 'object-not-found' });
    }
  });

  it('follows a link between folders inside the root', async () => {
    await using world = await makeWorld({ 'v1/file': 'one', 'v2/file': 'two' });
    await symlink('v2', join(world.dir, 'latest'));
    const backend = await openDirBackend(world.dir);
    expect(String(await readAll(backend, 'latest/file'))).toBe('two');
    // Listed once only, under its own name.
    expect(await keysOf(backend)).toEqual(['v1/file', 'v2/file']);
  });

  it('serves a root that is itself a link or below a hidden folder', async () => {
    await using world = await makeWorld({ '.deep/root/file': 'x' });
    await symlink(join(world.dir, '.deep', 'root'), join(world.dir, 'way'));
    const backend = await openDirBackend(join(world.dir, 'way'));
    expect(String(await readAll(backend, 'file'))).toBe('x');
  });

  it('refuses what is no folder', async () => {
    await using world = await makeWorld({ file: 'x' });
    for (const dir of [join(world.dir, 'file'), join(world.dir, 'none')]) {
      await expect(openDirBackend(dir)).rejects.toMatchObject({ code: 'bad-configuration' });
    }
  });
});

describe('a version', () => {
  const change: Record<string, (file: string) => Promise<unknown>> = {
    'overwritten in place': (file) => writeFile(file, bytesOf(100_000, 'b'), { flag: 'r+' }),
    longer: (file) => appendFile(file, 'x'),
    shorter: (file) => truncate(file, 99_999),
    touched: (file) => utimes(file, 1, 1),
  };
  it('is not read at once before it proved to lie in memory, nor when it has changed', async () => {
    const size = 5_000_000;
    await using world = await makeWorld({ file: bytesOf(size) });
    const backend = await openDirBackend(world.dir);
    const handle = await backend.open('file', (await backend.stat('file'))?.version ?? '');
    const bytes = Buffer.alloc(1_000);
    expect(handle.readNow?.([bytes], 0)).toBe(false);
    // on a machine whose disks are busy with others this may take several turns
    await expect
      .poll(async () => {
        await handle.read([Buffer.alloc(size)], 0);
        return handle.readNow?.([bytes.subarray(0, 300), bytes.subarray(300)], 4_000_000);
      })
      .toBe(true);
    expect(bytes).toEqual(bytesOf(size).subarray(4_000_000, 4_001_000));
    expect(handle.readNow?.([bytes], size - 999)).toBe(false);
    await appendFile(join(world.dir, 'file'), 'x');
    expect(handle.readNow?.([bytes], 0)).toBe(false);
    await expect(handle.read([bytes], 0)).rejects.toMatchObject({ code: 'object-changed' });
    await handle.close();
    expect(handle.readNow?.([bytes], 0)).toBe(false);
  });

  for (const [how, act] of Object.entries(change)) {
    it(`is noticed when the file is ${how} while it is open`, async () => {
      await using world = await makeWorld({ file: bytesOf(100_000) });
      const backend = await openDirBackend(world.dir);
      const before = await backend.stat('file');
      const handle = await backend.open('file', before?.version ?? '');
      const bytes = Buffer.alloc(1_000);
      await handle.read([bytes], 50_000);
      expect(bytes).toEqual(bytesOf(100_000).subarray(50_000, 51_000));
      await act(join(world.dir, 'file'));
      await expect(handle.read([Buffer.alloc(100_000)], 0)).rejects.toMatchObject({ code: 'object-changed' });
      await handle.close();
      expect((await backend.stat('file'))?.version).not.toBe(before?.version);
      await expect(backend.open('file', before?.version ?? '')).rejects.toMatchObject({ code: 'object-changed' });
    });
  }

  it('stays readable while it is open, when another file takes its name', async () => {
    await using world = await makeWorld({ file: 'old', 'new': 'new' });
    const backend = await openDirBackend(world.dir);
    const handle = await backend.open('file', (await backend.stat('file'))?.version ?? '');
    await rename(join(world.dir, 'new'), join(world.dir, 'file'));
    const bytes = Buffer.alloc(3);
    await handle.read([bytes], 0);
    expect(String(bytes)).toBe('old');
    await rm(join(world.dir, 'file'));
    await handle.read([bytes], 0);
    expect(String(bytes)).toBe('old');
    await handle.close();
  });

  it('is the same under a second name', async () => {
    await using world = await makeWorld({ file: 'x' });
    await link(join(world.dir, 'file'), join(world.dir, 'other'));
    const backend = await openDirBackend(world.dir);
    expect((await backend.stat('other'))?.version).toBe((await backend.stat('file'))?.version);
  });

  it('can be closed while it is read, and not read any more afterwards', async () => {
    await using world = await makeWorld({ file: bytesOf(1_000_000) });
    const backend = await openDirBackend(world.dir);
    const handle = await backend.open('file', (await backend.stat('file'))?.version ?? '');
    const bytes = Buffer.alloc(1_000_000);
    const reading = handle.read([bytes], 0);
    const closing = handle.close();
    await reading;
    expect(bytes.equals(bytesOf(1_000_000))).toBe(true);
    await closing;
    await handle.close();
    await expect(handle.read([bytes], 0)).rejects.toMatchObject({ code: 'internal' });
  });
});
