// Interception by nothing but a configuration file: a program that knows nothing of it is started with heddle/register.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { refusingPort } from '../support/servers.ts';
import { SITE, startHiddenSite } from './hidden-site.ts';
import type { HiddenSite } from './hidden-site.ts';

const REGISTER = join(import.meta.dirname, '../../client/register.ts');

let site: HiddenSite;
beforeAll(async () => {
  site = await startHiddenSite();
});
afterAll(() => site[Symbol.asyncDispose]());

describe('node --import heddle/register', () => {
  const APP = `
    const answer = await fetch('${SITE}/v1/objects/a.bin');
    let bytes = 0;
    for await (const chunk of answer.body) bytes += chunk.length;
    console.log(answer.status, bytes);
  `;

  const ABORTING = `
    let [seed, ended] = [7, 0];
    const random = (most) => (seed = (seed * 48271) % 2147483647) % most;
    const one = async (at) => {
      const stop = new AbortController();
      const asked = fetch('${SITE}/v1/objects/' + (at % 2 ? 'a.bin' : 'small.bin'), { signal: stop.signal });
      if (random(3) === 0) setTimeout(() => stop.abort(), random(20));
      let left = random(300_000);
      try {
        for await (const chunk of (await asked).body) if ((left -= chunk.length) < 0) stop.abort();
      } catch {}
      ended += 1;
    };
    for (let at = 0; at < 200; at += 25) await Promise.all(Array.from({ length: 25 }, (_, offset) => one(at + offset)));
    console.log(ended);
  `;

  async function run(config: string | undefined, app = APP): Promise<{ code: number; stdout: string; stderr: string }> {
    const file = site.world.folder.file('client.yaml');
    if (config !== undefined) await writeFile(file, config);
    const env = {
      ...process.env,
      XDG_STATE_HOME: site.world.folder.file('state'),
      HEDDLE_CONFIG: config === undefined ? '' : file,
    };
    const args = ['--import', REGISTER, '--input-type=module', '--eval', app];
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
    return { code: code as number, stdout, stderr };
  }
  const routes = (): string =>
    site
      .overLinks()
      .map(({ name, url }) => `  - { name: ${name}, url: '${url}' }\n`)
      .join('');

  test('a program that knows nothing of it gets its object, and ends by itself', async () => {
    const outcome = await run(`routes:\n${routes()}origins:\n  - origin: ${SITE}\n`);
    expect(outcome).toEqual({ code: 0, stdout: '200 3000001\n', stderr: '' });
  });

  test('a program that aborts many requests at random points ends by itself: nothing is left open', async () => {
    const outcome = await run(`routes:\n${routes()}origins:\n  - origin: ${SITE}\n`, ABORTING);
    expect(outcome).toEqual({ code: 0, stdout: '200\n', stderr: '' });
  }, 60_000);

  test('with control: in the file its transfers can be watched, and it ends by itself all the same', async () => {
    const socket = site.world.folder.file('control.sock');
    const watching = `${APP}
      const { get } = await import('node:http');
      const { json } = await import('node:stream/consumers');
      const answer2 = await new Promise((resolve) => get({ socketPath: '${socket}', path: '/v1/transfers' }, resolve));
      for (const { key, state } of (await json(answer2)).transfers) console.log(key, state);
    `;
    const file = `routes:\n${routes()}origins:\n  - origin: ${SITE}\ncontrol: {listen: 'unix:${socket}'}\n`;
    expect(await run(file, watching)).toEqual({
      code: 0,
      stdout: '200 3000001\na.bin done\n',
      stderr: `heddle: watch and steer at unix:${socket}\n`,
    });
  });

  test('with admin: in the file its transfers are counted, and it ends by itself; who comes second goes without', async () => {
    const admin = `127.0.0.1:${await refusingPort()}`;
    const file = `routes:\n${routes()}origins:\n  - origin: ${SITE}\nadmin: ${admin}\n`;
    const scraping = `${APP}
      const lines = (await (await fetch('http://${admin}/metrics')).text()).split('\\n');
      const told = lines.filter((line) => /^heddle_client_(lead_)?bytes_total/.test(line));
      console.log(told.reduce((sum, line) => sum + Number(line.split(' ')[1]), 0));
    `;
    expect(await run(file, scraping)).toEqual({ code: 0, stdout: '200 3000001\n3000001\n', stderr: '' });
    await using taken = createServer().listen(Number(admin.split(':')[1]), '127.0.0.1');
    await once(taken, 'listening');
    const second = await run(file);
    expect([second.code, second.stdout]).toEqual([0, '200 3000001\n']);
    expect(second.stderr).toContain(`cannot serve metrics on ${admin}: somebody listens there already`);
  });

  test('the file is read again while the program runs: a mistake keeps the one before', async () => {
    const nowhere = `routes:\n  - { name: none, url: 'http://127.0.0.1:${await refusingPort()}' }\n`;
    const origins = `origins:\n  - origin: ${SITE}\n`;
    const saving = `
      const { renameSync, writeFileSync } = await import('node:fs');
      const file = process.env.HEDDLE_CONFIG;
      const status = () => fetch('${SITE}/v1/objects/small.bin').then((answer) => answer.status, () => 0);
      const said = async (word) => {
        for (;;) {
          const chunk = await new Promise((resolve) => lines.push(resolve));
          if (chunk.includes(word)) return;
        }
      };
      const lines = [];
      const { write } = process.stderr;
      process.stderr.write = function (chunk, ...rest) {
        lines.splice(0).forEach((tell) => tell(String(chunk)));
        return write.call(this, chunk, ...rest);
      };
      const keep = setInterval(() => {}, 1_000);
      const save = async (text, word) => {
        const heard = said(word);
        writeFileSync(file + '.new', text);
        renameSync(file + '.new', file);
        await heard;
      };
      console.log(await status());
      await save(${JSON.stringify(`routes:
${routes()}${origins}`)}, 'settings read again: routes');
      console.log(await status());
      await save('routes: {}', 'stay in force');
      console.log(await status());
      clearInterval(keep);
    `;
    const outcome = await run(nowhere + origins, saving);
    expect([outcome.code, outcome.stdout]).toEqual([0, '0\n200\n200\n']);
  });

  test.each([
    ['no file', undefined, /HEDDLE_CONFIG names no configuration file/],
    ['no origins', 'routes: []\n', /no "origins"/],
    ['no routes', `origins:\n  - origin: ${SITE}\n`, /client\.yaml:2:5: there is no route to http:\/\/data\.example/],
    ['a slip of the finger', `origns:\n  - origin: ${SITE}\n`, /client\.yaml:1:1: .* did you mean "origins"\?/],
  ])('%s: one line, and the program does not begin', async (_name, config, line) => {
    const { code, stdout, stderr } = await run(config);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(line);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
});
