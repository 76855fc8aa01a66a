// One writer per target: the second is refused, in this process and in another, until the first is done or dead.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { lockPart, LOCK_SUFFIX } from '../../../client/io/part-lock.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const HOLDER = `
  const { lockPart } = await import(process.argv[1]);
  globalThis.lock = lockPart(process.argv[2]); // what nobody holds on to may be collected, and gives its lock back
  console.log('held');
  setInterval(() => {}, 1_000);
`;

test('a second one in the same process is refused, and leaves the first one its lock', async () => {
  await using folder = await temporaryFolder();
  const part = folder.file('a.part');
  const lock = lockPart(part);
  for (let at = 0; at < 2; at += 1) {
    expect(() => lockPart(part)).toThrow(expect.objectContaining({ code: 'local-io' }));
  }
  lock.release();
  expect(await folder.list()).toEqual([]);
  lockPart(part).release();
});

test('another process is refused, until the holder is killed', async () => {
  await using folder = await temporaryFolder();
  const part = folder.file('a.part');
  const module = new URL('../../../client/io/part-lock.ts', import.meta.url).href;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', HOLDER, module, part], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await once(child.stdout, 'data');
    expect(() => lockPart(part)).toThrow(/being written by another transfer/);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await folder.list()).toEqual([`a.part${LOCK_SUFFIX}`]);
    lockPart(part).release();
    expect(await folder.list()).toEqual([]);
  } finally {
    child.kill('SIGKILL');
  }
});

test('no folder is local-io', async () => {
  await using folder = await temporaryFolder();
  expect(() => lockPart(folder.file('no/a.part'))).toThrow(/cannot write .*no\/a\.part: there is no such folder/);
});
