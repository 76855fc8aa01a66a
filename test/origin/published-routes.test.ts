// The routes that an origin publishes: signed with the key of its manifests, for everybody, renewed, changed while it runs.
import { compactVerify, importJWK } from 'jose';
import { describe, expect, it } from 'vitest';
import { PublishedRoutes } from '../../origin/published-routes.ts';
import { resolveTuning } from '../../origin/options.ts';
import { parseRouteList } from '../../protocol/route-list.ts';
import { createIssuer } from '../protocol/access/issuer.ts';
import { makeWorld } from './fixture.ts';

const ROUTES = [{ name: 'eu', url: 'https://eu.example/v1/via/main', places: ['50.1,8.7'] }];

describe('an origin', () => {
  it('publishes its routes for everybody, signed', async () => {
    await using world = await makeWorld({ a: 'x' });
    const { keys } = await createIssuer('one');
    const origin = await world.start({ routeListSeconds: 60 }, { publishedRoutes: ROUTES, tokenKeys: keys });
    expect((await fetch(`${origin.url}/v1/objects/a`)).status).toBe(401);
    const answer = await fetch(`${origin.url}/.well-known/heddle/routes`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/jose');
    expect(answer.headers.get('cache-control')).toMatch(/^max-age=1[45]$/);
    const key = await importJWK({ kty: 'OKP', crv: 'Ed25519', x: origin.publicKey }, 'EdDSA');
    const { payload, protectedHeader } = await compactVerify(await answer.text(), key);
    expect(protectedHeader).toEqual({
      alg: 'EdDSA',
      typ: 'heddle-routes+jws',
      jwk: { kty: 'OKP', crv: 'Ed25519', x: origin.publicKey },
    });
    const list = parseRouteList(payload);
    expect(list.routes).toEqual(ROUTES);
    expect(list.expires - list.issued).toBe(60_000);
    expect(Math.abs(Date.now() - list.issued)).toBeLessThan(30_000);
  });

  it('publishes nothing unless told, and something else when told so', async () => {
    await using world = await makeWorld({ a: 'x' });
    const origin = await world.start();
    const ask = () => fetch(`${origin.url}/.well-known/heddle/routes`);
    expect((await ask()).status).toBe(404);
    const options = {
      dir: world.dir,
      stateDir: world.stateDir,
      listen: { host: '127.0.0.1', port: 0 },
      tuning: { lingerMs: 200, sweepMs: 20 },
    };
    expect(await origin.reconfigure({ ...options, publishedRoutes: ROUTES })).toEqual({
      changed: ['publishedRoutes'],
      waiting: [],
    });
    expect((await ask()).status).toBe(200);
    await origin.reconfigure(options);
    expect((await ask()).status).toBe(404);
  });
});

it('a list is signed anew when a quarter of its life has passed, or the clock was set back', async () => {
  const signed: number[] = [];
  const signer = {
    publicKey: '',
    sign: async () => '',
    signRoutes: async ({ issued }: { issued: number }) => {
      signed.push(issued);
      return String(issued);
    },
  };
  const published = new PublishedRoutes(signer, resolveTuning({ routeListSeconds: 100 }), ROUTES);
  for (const now of [1_000_000, 1_024_999, 1_025_000, 1_025_001, 900_000]) {
    const list = await published.at(now);
    expect(list?.jws).toBe(String(signed.at(-1)));
  }
  expect(signed).toEqual([1_000_000, 1_025_000, 900_000]);
});
