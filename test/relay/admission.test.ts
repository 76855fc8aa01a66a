// Who may pass: tokens and what they allow, and that the answer does not depend on what is dialled afterwards.
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { JSONWebKeySet, JWTPayload } from 'jose';
import { describe, expect, test } from 'vitest';
import { createTokenCheck } from '../../protocol/access/token-check.ts';
import { Admission } from '../../relay/admission.ts';
import { Shaper } from '../../protocol/access/shaper.ts';
import { closed, openChannel, request } from './channel-client.ts';
import { openRelay } from './relays.ts';
import { echoing, startUpstream } from './upstream-server.ts';

const NOW = Date.UTC(2030, 0, 1);
const IN_AN_HOUR = NOW / 1_000 + 3_600;

async function createIssuer() {
  const { publicKey, privateKey } = await generateKeyPair('EdDSA', { extractable: true });
  const keys: JSONWebKeySet = { keys: [{ ...(await exportJWK(publicKey)), kid: 'one' }] };
  const issue = async (claims: JWTPayload, key = privateKey): Promise<string> =>
    `Bearer ${await new SignJWT({ aud: 'heddle-relay', ...claims }).setProtectedHeader({ alg: 'EdDSA', kid: 'one' }).sign(key)}`;
  return { keys, issue, privateKey };
}

const issuer = await createIssuer();

async function ask(claims: JWTPayload | string | undefined, path = '/v1/via/main/v1/segments/a/b', via?: string) {
  const admission = new Admission({
    upstreams: new Map([
      ['main', 1],
      ['other', 2],
    ]),
    pseudonym: 'heddle-me',
    tokenCheck: await createTokenCheck({ keys: issuer.keys, audience: 'heddle-relay', maxEntries: 10 }),
    limits: { maxSessions: 10, maxSessionsPerToken: 10 },
    shaper: new Shaper({ maxBytesPerSecond: 0, maxBytesPerSecondPerToken: 0 }),
  });
  const authorization = typeof claims === 'object' ? await issuer.issue(claims) : claims;
  const answer = await admission.admit({ rawPath: path, via, authorization }, NOW);
  return answer.type === 'admitted' ? 'admitted' : `${answer.status} ${answer.code}: ${answer.detail}`;
}

describe('a token', () => {
  test('that is good lets pass', async () => {
    expect(await ask({ exp: IN_AN_HOUR })).toBe('admitted');
    expect(await ask({ exp: IN_AN_HOUR, aud: 'heddle-relay' })).toBe('admitted');
    expect(await ask({ exp: IN_AN_HOUR, aud: ['x', 'heddle-relay'], upstreams: ['main'], prefixes: ['x', 'a/'] })).toBe(
      'admitted',
    );
  });

  test.each([
    ['is missing', undefined, 'a bearer token is required'],
    ['is of another scheme', 'Basic abc', 'a bearer token is required'],
    ['is nonsense', 'Bearer abc', 'the token is not valid'],
    ['has expired', { exp: NOW / 1_000 - 1 }, 'the token has expired'],
    ['never expires', {}, 'the token is not valid'],
    ['is for somebody else', { exp: IN_AN_HOUR, aud: 'heddle-origin' }, 'the token is for another audience'],
    ['is not good yet', { exp: IN_AN_HOUR, nbf: NOW / 1_000 + 60 }, 'the token is not valid'],
    ['names upstreams oddly', { exp: IN_AN_HOUR, upstreams: 'main' }, 'the claim "upstreams" is not a list of texts'],
    ['names prefixes oddly', { exp: IN_AN_HOUR, prefixes: [1] }, 'the claim "prefixes" is not a list of texts'],
    ['misspells a limit', { exp: IN_AN_HOUR, prefix: 'a/' }, 'the claim "prefix" is not known'],
    [
      'has a limit of nothing',
      { exp: IN_AN_HOUR, maxSessions: 0 },
      'the claim "maxSessions" is not a whole number above 0',
    ],
  ])('that %s is refused with 401', async (_, claims, detail) => {
    expect(await ask(claims)).toBe(`401 refused: ${detail}`);
  });

  test('signed by another key, or by none, is refused', async () => {
    const { issue } = await createIssuer();
    expect(await ask(await issue({ exp: IN_AN_HOUR }))).toBe('401 refused: the token is not valid');
    const parts = ['{"alg":"none"}', `{"exp":${IN_AN_HOUR}}`].map((part) => Buffer.from(part).toString('base64url'));
    expect(await ask(`Bearer ${parts.join('.')}.`)).toBe('401 refused: the token is not valid');
  });

  test('for another upstream is refused with 403', async () => {
    const claims = { exp: IN_AN_HOUR, upstreams: ['other'] };
    expect(await ask(claims)).toBe('403 refused: the token is not for this upstream');
    expect(await ask(claims, '/v1/via/other/v1/segments/a')).toBe('admitted');
  });

  test.each([
    ['/v1/segments/data/a', true],
    ['/v1/objects/data/a?x=1', true],
    ['/v1/manifests/data/%61', true],
    ['/v1/via/next/v1/via/more/v1/nodes/data/a?level=1', true],
    ['/v1/objects?prefix=data%2Fsub', true],
    ['/v1/segments/%64ata/a', true],
    ['/v1/segments/other', false],
    ['/v1/segments/datax', false],
    ['/.well-known/heddle/routes', true],
    ['/v1/objects?prefix=dat', false],
    ['/v1/objects?prefix=data%2F&prefix=other', false],
    ['/v1/objects', false],
    ['/v1/via/next/v1/segments/other', false],
    ['/anything/data/a', false],
    ['/v1/segments/other?/v1/segments/data/a', false],
  ])('for a prefix of keys: %s %s', async (path, passes) => {
    const answer = await ask({ exp: IN_AN_HOUR, prefixes: ['data/'] }, `/v1/via/main${path}`);
    expect(answer).toBe(passes ? 'admitted' : '403 refused: the token is not for this object');
  });

  test('is asked for before the names of upstreams are told', async () => {
    expect(await ask(undefined, '/v1/via/nobody/v1/segments/a')).toMatch(/^401/);
    expect(await ask({ exp: IN_AN_HOUR }, '/v1/via/nobody/v1/segments/a')).toMatch(/^404 unknown-upstream/);
  });
});

describe('in a relay', () => {
  const PATH = '/v1/via/main/v1/segments/a';

  test('a channel and a plain request need the token, and nothing is dialled without it', async () => {
    await using upstream = await startUpstream({ onUpgrade: echoing, onRequest: (_, response) => response.end('ok') });
    await using relay = await openRelay(upstream.url, { tokenKeys: issuer.keys });
    using refused = await openChannel(relay.port, PATH);
    expect(refused.head.status).toBe(401);
    expect(refused.head.headers.get('www-authenticate')).toBe('Bearer realm="heddle"');
    expect((await request(relay.port, PATH)).status).toBe(401);
    expect(upstream.accepted()).toBe(0);
    const Authorization = await issuer.issue({ exp: Date.now() / 1_000 + 3_600 });
    using passed = await openChannel(relay.port, PATH, { headers: [['Authorization', Authorization]] });
    expect(passed.head.status).toBe(101);
    expect((await request(relay.port, PATH, { headers: { Authorization } })).status).toBe(200);
    expect((await request(relay.port, '/readyz')).status).toBe(200);
  });

  test("a session ends at its token's expiry", async () => {
    await using upstream = await startUpstream({ onUpgrade: echoing });
    await using relay = await openRelay(upstream.url, { tokenKeys: issuer.keys });
    const Authorization = await issuer.issue({ exp: Math.floor(Date.now() / 1_000) + 2 });
    using channel = await openChannel(relay.port, PATH, { headers: [['Authorization', Authorization]] });
    expect(channel.head.status).toBe(101);
    channel.socket.resume();
    await closed(channel.socket);
  });
});

test('a loop is refused before the token is looked at', async () => {
  expect(await ask(undefined, undefined, '1.1 x, 1.1 heddle-me')).toMatch(/^508 loop-detected/);
  expect(await ask({ exp: IN_AN_HOUR }, undefined, '1.1 heddle-me-too, heddle/1 y (heddle-me)')).toBe('admitted');
});
