// Discovery over a real name server and real origins: what is found, when it is asked for again, what failures change, and
// whose lists are believed.
import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { CompactSign } from 'jose';
import { describe, expect, test } from 'vitest';
import { Discovery } from '../../client/discovery.ts';
import type { DiscoveryContext, DiscoveryOptions } from '../../client/discovery.ts';
import { encodeRouteList, ROUTE_LIST_TYPE } from '../../protocol/route-list.ts';
import { makeWorld } from '../origin/fixture.ts';
import { startDnsServer } from '../support/dns-server.ts';
import { startScripted } from '../support/mirrors.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const QUICK = { leastRefreshMs: 100, refreshMs: 100, mostRefreshMs: 400, timeoutMs: 500 };
const NAME = 'relays.example';
const RELAYS = { type: 'addresses', name: 'r', url: `http://${NAME}:9001` } as const;
const ROUTES = [{ name: 'eu', url: 'http://127.0.0.1:1/v1/via/main', places: ['50.1,8.7'] }];

/** Discovery that has asked everybody once, with what it complained about. */
async function discover(options: DiscoveryOptions, context: DiscoveryContext = {}) {
  const warnings: string[] = [];
  const discovery = new Discovery(options, {
    warning: ({ code, message }) => warnings.push(`${code}: ${message}`),
    ...context,
  });
  await discovery.start();
  const names = (): string[] => discovery.routes().map(({ route }) => route.name);
  return { discovery, warnings, names, [Symbol.dispose]: () => discovery[Symbol.dispose]() };
}

/** Settles with the names at the next change. */
function nextChange(discovery: Discovery): Promise<string[]> {
  const { promise, resolve } = Promise.withResolvers<string[]>();
  const stop = discovery.onChange(() => {
    stop();
    resolve(discovery.routes().map(({ route }) => route.name));
  });
  return promise;
}

describe('the DNS', () => {
  test('is asked again when its answer ends; what is new joins', async () => {
    await using server = await startDnsServer({ [NAME]: [{ type: 'A', address: '10.0.0.1', ttl: 0 }] });
    using found = await discover({ dns: [RELAYS], nameServers: [server.address], times: QUICK });
    expect(found.discovery.routes()).toEqual([
      {
        route: { name: 'r-10.0.0.1', url: 'http://relays.example:9001', address: '10.0.0.1' },
        source: 'addresses of relays.example',
      },
    ]);
    server.names.set(NAME, [
      { type: 'A', address: '10.0.0.1', ttl: 0 },
      { type: 'A', address: '10.0.0.2', ttl: 0 },
    ]);
    expect(await nextChange(found.discovery)).toEqual(['r-10.0.0.1', 'r-10.0.0.2']);
    expect(found.warnings).toEqual([]);
  });

  test.each<[what: string, answer: 'servfail' | [] | undefined, warning: RegExp]>([
    ['fails', 'servfail', /^unreachable: the DNS does not answer for relays\.example/],
    ['is empty', [], /^no-route: addresses of relays\.example: it names no route/],
    ['forgets the name', undefined, /^no-route: addresses of relays\.example: it names no route/],
  ])('that %s takes nothing away, and is complained about once', async (_what, answer, warning) => {
    await using server = await startDnsServer({ [NAME]: [{ type: 'A', address: '10.0.0.1', ttl: 0 }] });
    const times = { ...QUICK, holdMs: 0 };
    using found = await discover({ dns: [RELAYS], nameServers: [server.address], times });
    server.names.set(NAME, answer);
    const before = server.asked.length;
    await expect.poll(() => server.asked.length, { timeout: 20_000 }).toBeGreaterThan(before + 6);
    expect(found.names()).toEqual(['r-10.0.0.1']);
    expect(found.warnings).toEqual([expect.stringMatching(warning)]);
    server.names.set(NAME, [{ type: 'A', address: '10.0.0.2', ttl: 0 }]);
    expect(await nextChange(found.discovery)).toEqual(['r-10.0.0.2']);
  });

  test('is not asked before the start, nor after the end', async () => {
    await using server = await startDnsServer({ [NAME]: [{ type: 'A', address: '10.0.0.1', ttl: 0 }] });
    const discovery = new Discovery({ dns: [RELAYS], nameServers: [server.address], times: QUICK });
    expect(discovery.routes()).toEqual([]);
    expect(server.asked).toEqual([]);
    await discovery.start();
    discovery[Symbol.dispose]();
    const asked = server.asked.length;
    await using other = await startDnsServer({ [NAME]: [{ type: 'A', address: '10.0.0.1', ttl: 0 }] });
    using later = await discover({ dns: [RELAYS], nameServers: [other.address], times: QUICK });
    await expect.poll(() => other.asked.length, { timeout: 20_000 }).toBeGreaterThan(4);
    expect(server.asked).toHaveLength(asked);
    expect(later.names()).toEqual(['r-10.0.0.1']);
  });
});

describe('an origin', () => {
  test('says its routes; its pinned key, a remembered one, or none vouches for them', async () => {
    await using world = await makeWorld({});
    const origin = await world.start({}, { publishedRoutes: ROUTES });
    await using folder = await temporaryFolder();
    await writeFile(folder.file('known'), `${new URL(origin.url).host} ed25519 ${origin.publicKey}\n`);
    for (const context of [{ originKey: origin.publicKey }, { knownOrigins: folder.file('known'), token: 't' }, {}]) {
      using found = await discover({ origins: [origin.url] }, context);
      expect(found.discovery.routes()).toEqual([{ route: ROUTES[0], source: `list of ${origin.url}` }]);
      expect(found.warnings).toEqual([]);
    }
  });

  test('with another key is not believed, and without a known key gets nobody a token', async () => {
    await using world = await makeWorld({});
    const origin = await world.start({}, { publishedRoutes: ROUTES });
    const other = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }).x;
    await using folder = await temporaryFolder();
    await writeFile(folder.file('known'), `${new URL(origin.url).host} ed25519 ${other}\n`);
    const cases: [DiscoveryContext, RegExp][] = [
      [{ originKey: other }, /^key-mismatch: .* is signed with key /],
      [{ knownOrigins: folder.file('known') }, /^key-mismatch: .* is signed with key /],
      [{ token: 'secret' }, /^key-mismatch: .* whoever made it would get the token; pin the origin's key/],
    ];
    for (const [context, warning] of cases) {
      using found = await discover({ origins: [origin.url] }, context);
      expect(found.names()).toEqual([]);
      expect(found.warnings).toEqual([expect.stringMatching(warning)]);
    }
  });

  test('that publishes nothing, or is not there, is complained about', async () => {
    await using world = await makeWorld({});
    const origin = await world.start();
    using found = await discover({ origins: [origin.url] });
    expect(found.warnings).toEqual([expect.stringMatching(/^object-not-found: .* it answered 404/)]);
    await origin.close({ noticeMs: 0 });
    using gone = await discover({ origins: [origin.url] });
    expect(gone.warnings).toEqual([expect.stringMatching(/^unreachable: .*the connection is refused/)]);
  });
});

describe('a list that is wrong', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const { x = '' } = publicKey.export({ format: 'jwk' });
  const sign = (payload: Uint8Array, typ = ROUTE_LIST_TYPE): Promise<string> =>
    new CompactSign(payload)
      .setProtectedHeader({ alg: 'EdDSA', typ, jwk: { kty: 'OKP', crv: 'Ed25519', x } })
      .sign(privateKey);
  const list = (issued: number, expires: number): Uint8Array => encodeRouteList({ issued, expires, routes: ROUTES });
  const now = Date.now();

  test.each<[what: string, text: () => Promise<string>, warning: RegExp]>([
    ['has expired', () => sign(list(now - 9_000, now - 1)), /does not hold: it expired at/],
    ['is from the future', () => sign(list(now + 900_000, now + 990_000)), /from the future/],
    [
      'is signed as something else',
      () => sign(list(now, now + 9_000), 'heddle-manifest+jws'),
      /is no heddle-routes\+jws/,
    ],
    ['was changed', async () => tampered(await sign(list(now, now + 9_000))), /the signature is wrong/],
    ['is no list', () => sign(Buffer.from('[]')), /cannot be used/],
    ['is no JWS', async () => 'hello', /no readable header/],
    ['is too long', async () => 'x'.repeat(200_000), /is too long/],
  ])('because it %s changes nothing', async (_what, text, warning) => {
    const body = await text();
    await using server = await startScripted((_request, response) => response.end(body));
    using found = await discover({ origins: [server.url] }, { originKey: x });
    expect(found.names()).toEqual([]);
    expect(found.warnings).toEqual([expect.stringMatching(warning)]);
    expect(found.warnings[0]).toMatch(/^bad-manifest: /);
  });

  test('comes after a right one: that stays', async () => {
    let body = await sign(list(now, now + 600_000));
    await using server = await startScripted((_request, response) => response.end(body));
    using found = await discover({ origins: [server.url], times: QUICK }, { originKey: x });
    expect(found.names()).toEqual(['eu']);
    body = 'broken';
    await expect.poll(() => found.warnings, { timeout: 20_000 }).toHaveLength(1);
    expect(found.names()).toEqual(['eu']);
  });

  test('takes too long: so does nobody', async () => {
    await using server = await startScripted(() => {});
    using found = await discover({ origins: [server.url], times: QUICK });
    expect(found.warnings).toEqual([expect.stringMatching(/^timeout: .* no answer in time/)]);
  });

  /** With another byte in the middle of its payload. */
  function tampered(jws: string): string {
    const [header = '', payload = '', signature = ''] = jws.split('.');
    const changed = Buffer.from(Buffer.from(payload, 'base64url').toString().replace('eu', 'us'));
    return `${header}.${changed.toString('base64url')}.${signature}`;
  }
});
