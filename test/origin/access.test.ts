// An origin with token keys: who reads what, how long, and in how many channels; and the signing key that may be given.
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateKeyPair, exportJWK } from 'jose';
import type { RunningOrigin } from '../../origin/main.ts';
import { createIssuer, secondsFromNow } from '../protocol/access/issuer.ts';
import { openRawChannel, patternOf } from '../support/raw-channel.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import { eventually, makeWorld } from './fixture.ts';
import type { World } from './fixture.ts';

const issuer = await createIssuer();
const stranger = await createIssuer();
let world: World;
let origin: RunningOrigin;

beforeAll(async () => {
  world = await makeWorld({ 'data/a': 'aaa', 'other/b': 'bbb' });
  origin = await world.start({}, { tokenKeys: issuer.keys });
});
afterAll(() => world[Symbol.asyncDispose]());

const open = (authorization?: string, key = 'data/a'): Promise<RawChannel> =>
  openRawChannel({
    url: origin.url,
    key,
    first: [patternOf(1)],
    headers: authorization === undefined ? {} : { Authorization: authorization },
  });

/** A request whose path goes out as it is. */
async function request({ port }: RunningOrigin, path: string): Promise<{ status: number | undefined }> {
  const [response] = (await once(get({ host: '127.0.0.1', port, path, agent: false }), 'response')) as [
    IncomingMessage,
  ];
  response.resume();
  return { status: response.statusCode };
}

describe('an origin with keys', () => {
  it.each([
    '/v1/objects/data/a',
    '/v1/objects',
    '/v1/manifests/data/a',
    '/v1/nodes/data/a?level=0&from=0&to=1',
    '/v1/nothing',
  ])('shows %s to nobody without a token', async (path) => {
    const answer = await fetch(origin.url + path);
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="heddle"');
    expect(await answer.json()).toMatchObject({ code: 'refused', detail: 'a bearer token is required' });
    const Authorization = await issuer.issue();
    expect((await fetch(origin.url + path, { headers: { Authorization } })).status).toBe(
      path === '/v1/nothing' ? 404 : 200,
    );
  });

  it.each([
    '/%76%31/objects',
    '/v1%2Fobjects',
    '//v1/objects',
    '/v1/objects/',
    '/livez/../v1/objects',
    '/livez?x',
    '/',
  ])('knows no other way in: %s', async (path) => {
    expect((await request(origin, path)).status).toBe(401);
  });

  it('says how it is to everybody', async () => {
    expect((await fetch(`${origin.url}/readyz`)).status).toBe(200);
    expect((await fetch(`${origin.url}/livez`)).status).toBe(200);
  });

  it('opens channels for good tokens only', async () => {
    await using without = await open();
    expect([without.head.status, without.head.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="heddle"']);
    await using wrong = await open(await stranger.issue());
    expect(wrong.head.status).toBe(401);
    await using relays = await open(await issuer.issue({ aud: 'heddle-relay' }));
    expect(relays.head.status).toBe(401);
    await using good = await open(await issuer.issue());
    expect(good.head.status).toBe(101);
  });

  it('keeps a token to its prefixes', async () => {
    const Authorization = await issuer.issue({ prefixes: ['data/'] });
    const status = async (path: string): Promise<number> =>
      (await fetch(origin.url + path, { headers: { Authorization } })).status;
    expect(await status('/v1/objects/data/a')).toBe(200);
    expect(await status('/v1/objects/other/b')).toBe(403);
    expect(await status('/v1/objects?prefix=data/')).toBe(200);
    expect(await status('/v1/objects')).toBe(403);
    expect(await status('/v1/objects/data/..%2Fother/b')).toBe(403);
    await using channel = await open(Authorization, 'other/b');
    expect(channel.head.status).toBe(403);
  });

  it('ends channels with their token', async () => {
    await using channel = await open(await issuer.issue({ exp: secondsFromNow(2) }));
    expect(channel.head.status).toBe(101);
    expect(await channel.skipTo('error')).toMatchObject({ code: 'refused', text: 'the token has expired' });
  });

  it('counts the sessions of a token, by subject', async () => {
    const [first, second] = await Promise.all(
      [1, 2].map((jti) => issuer.issue({ sub: 'one', maxSessions: 1, jti: `${jti}` })),
    );
    const channel = await open(first);
    expect(channel.head.status).toBe(101);
    await using refused = await open(second);
    expect([refused.head.status, refused.head.headers.get('retry-after')]).toEqual([503, '5']);
    await using other = await open(await issuer.issue({ sub: 'two', maxSessions: 1 }));
    expect(other.head.status).toBe(101);
    const gone = once(channel.socket, 'close');
    await channel[Symbol.asyncDispose]();
    await gone;
    await eventually(async () => {
      await using again = await open(second);
      return again.head.status;
    }).toBe(101);
  });

  it('does not warn that everybody can read', async () => {
    await world.start({}, { tokenKeys: issuer.keys, listen: { host: '0.0.0.0', port: 0 } });
    expect(world.lines).toEqual([]);
  });
});

describe('a signing key', () => {
  it('may be given as a JWK, and is the same wherever it is used', async () => {
    const { publicKey, privateKey } = await generateKeyPair('EdDSA', { extractable: true });
    await using own = await makeWorld({ a: 'x' });
    const signingKey = `${own.dir}.jwk`;
    await writeFile(signingKey, JSON.stringify(await exportJWK(privateKey)), { mode: 0o600 });
    const first = await own.start({}, { signingKey });
    expect(first.publicKey).toBe((await exportJWK(publicKey)).x);
    expect(own.lines).toEqual([]);
    await writeFile(signingKey, '{"kty":"OKP"}');
    await expect(own.start({}, { signingKey })).rejects.toThrow(`${signingKey} is not an Ed25519 private key`);
    await rm(signingKey);
    await expect(own.start({}, { signingKey })).rejects.toThrow('there is no signing key');
  });
});
