// An origin whose settings change while it runs: keys and times at once, the rest after a restart; a mistake changes nothing.
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { startOrigin } from '../../origin/main.ts';
import type { OriginOptions } from '../../origin/options.ts';
import { createIssuer } from '../protocol/access/issuer.ts';
import type { Issuer } from '../protocol/access/issuer.ts';
import { OTHER_CERTIFICATE, OTHER_KEY, TEST_CERTIFICATE, TEST_KEY } from '../relay/tls-fixture.ts';
import { openRawChannel, patternOf } from '../support/raw-channel.ts';
import { startProgram } from '../support/program.ts';
import { eventually, makeWorld, metricOf, WITH_ADMIN } from './fixture.ts';

const keysOf = (...issuers: readonly Issuer[]) => ({ keys: issuers.flatMap(({ keys }) => keys.keys) });

describe('an origin', () => {
  it('rotates keys: two are live at once, and what the old one opened ends with it', async () => {
    const [old, young] = [await createIssuer('old'), await createIssuer('young')];
    await using world = await makeWorld({ a: 'x' });
    const origin = await world.start({}, { ...WITH_ADMIN, tokenKeys: keysOf(old) });
    const options = {
      dir: world.dir,
      stateDir: world.stateDir,
      tuning: { lingerMs: 200, sweepMs: 20 },
      listen: { host: '127.0.0.1', port: 0 },
      ...WITH_ADMIN,
    };
    const [oldToken, youngToken] = [await old.issue(), await young.issue()];
    const open = (Authorization: string) =>
      openRawChannel({ url: origin.url, key: 'a', first: [patternOf(1)], headers: { Authorization } });
    await using channel = await open(oldToken);
    await using early = await open(youngToken);
    expect([channel.head.status, early.head.status]).toEqual([101, 401]);
    expect(await origin.reconfigure({ ...options, tokenKeys: keysOf(old, young) })).toEqual({
      changed: ['tokenKeys'],
      waiting: [],
    });
    await using other = await open(youngToken);
    expect(other.head.status).toBe(101);
    await origin.reconfigure({ ...options, tokenKeys: keysOf(young) });
    expect(await channel.skipTo('error')).toMatchObject({
      code: 'refused',
      text: 'the key of the token is not accepted any more',
    });
    await using late = await open(oldToken);
    expect(late.head.status).toBe(401);
    other.send({ type: 'ping', nonce: 1 });
    expect(await other.skipTo('pong')).toMatchObject({ nonce: 1 });
    await expect(origin.reconfigure({ ...options, tokenKeys: { keys: [] } })).rejects.toThrow(/not a JWKS/);
    expect((await fetch(`${origin.url}/v1/objects/a`, { headers: { Authorization: youngToken } })).status).toBe(200);
    origin.reloaded(false);
    expect(await metricOf(origin, 'heddle_origin_config_reloads_total{result="refused"}')).toBe(1);
    expect(await metricOf(origin, 'heddle_origin_config_last_reload_successful')).toBe(0);
  });

  it('says what counts now and what waits for a restart', async () => {
    await using world = await makeWorld({ a: 'x' });
    const origin = await world.start();
    const base = { dir: world.dir, stateDir: world.stateDir, listen: { host: '127.0.0.1', port: 0 } };
    const tuning = { lingerMs: 200, sweepMs: 20 };
    expect(await origin.reconfigure({ ...base, tuning })).toEqual({ changed: [], waiting: [] });
    expect(await origin.reconfigure({ ...base, tuning: { ...tuning, maxChannels: 1, hashThreads: 2 } })).toEqual({
      changed: ['tuning.maxChannels'],
      waiting: ['tuning.hashThreads'],
    });
    await using one = await openRawChannel({ url: origin.url, key: 'a', number: 1, first: [patternOf(1)] });
    await using two = await openRawChannel({ url: origin.url, key: 'a', number: 2, first: [patternOf(1)] });
    expect([one.head.status, two.head.status]).toEqual([101, 503]);
  });

  it('asks its server with the certificate of now, and goes on when nothing else of it changed', async () => {
    await using world = await makeWorld({ a: 'x' });
    const request = { requestCert: true, rejectUnauthorized: true, ca: OTHER_CERTIFICATE };
    const server = createHttpsServer({ cert: TEST_CERTIFICATE, key: TEST_KEY, ...request }, (asked, answer) => {
      const body = asked.method === 'HEAD' ? '' : 'the object';
      answer.writeHead(200, { ETag: '"1"', 'Content-Length': 10, 'Accept-Ranges': 'bytes' }).end(body);
    });
    await using _ = {
      [Symbol.asyncDispose]: async () => {
        server.closeAllConnections();
        server.close();
        await once(server, 'close');
      },
    };
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const place = { type: 'http', url: `https://localhost:${port}/` } as const;
    const optionsWith = (certificate: string, key: string): OriginOptions => ({
      backend: { ...place, tls: { authorities: TEST_CERTIFICATE, certificate, key } },
      stateDir: world.stateDir,
      listen: { host: '127.0.0.1', port: 0 },
    });
    await using origin = await startOrigin(optionsWith(TEST_CERTIFICATE, TEST_KEY));
    const status = async (): Promise<number> => (await fetch(`${origin.url}/v1/objects/a`, { method: 'HEAD' })).status;
    expect(await status()).toBe(500);
    expect(await origin.reconfigure(optionsWith(OTHER_CERTIFICATE, OTHER_KEY))).toEqual({
      changed: ['backend'],
      waiting: [],
    });
    expect(await status()).toBe(200);
    const elsewhere = { ...optionsWith(OTHER_CERTIFICATE, OTHER_KEY), backend: { ...place, url: 'http://other/' } };
    expect(await origin.reconfigure(elsewhere)).toEqual({ changed: [], waiting: ['backend'] });
  });

  it('reads its file again on SIGHUP, and its keys when they are saved', async () => {
    const [old, young] = [await createIssuer('old'), await createIssuer('young')];
    await using world = await makeWorld({ a: 'x' });
    const keys = `${world.dir}.jwks`;
    const config = `${world.dir}.yaml`;
    await writeFile(keys, JSON.stringify(keysOf(old)));
    const yaml = `dir: ${world.dir}\nstateDir: ${world.stateDir}\nlisten: 127.0.0.1:0\ntokenKeys: ${keys}\n`;
    await writeFile(config, yaml);
    await using program = startProgram(['origin', '--config', config], { tethered: true });
    const [, url] = await program.said(/ on (http:\S+)/);
    const status = async (issuer: Issuer): Promise<number> =>
      (await fetch(`${url}/v1/objects/a`, { headers: { Authorization: await issuer.issue() } })).status;
    expect([await status(old), await status(young)]).toEqual([200, 401]);
    await writeFile(keys, JSON.stringify(keysOf(young)));
    await eventually(() => status(young)).toBe(200);
    expect(await status(old)).toBe(401);
    await writeFile(config, `${yaml}tunning: {}\n`);
    program.signal('SIGHUP');
    await eventually(() => program.stderr).toContain(
      `${config}:5:1: "tunning" is not known here; did you mean "tuning"? (the settings read before stay in force)\n`,
    );
    expect(await status(young)).toBe(200);
    program.signal('SIGTERM');
    expect((await program.ended).code).toBe(0);
  });
});
