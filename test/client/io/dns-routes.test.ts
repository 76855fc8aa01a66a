// What the DNS says becomes routes: addresses with their times to live, services with their priorities, nothing, failures.
import { describe, expect, test } from 'vitest';
import { askDns, openResolver } from '../../../client/io/dns-routes.ts';
import type { DnsQuestion, FoundRoutes } from '../../../client/io/dns-routes.ts';
import { startDnsServer } from '../../support/dns-server.ts';
import type { DnsAnswer } from '../../support/dns-server.ts';

const ADDRESSES: DnsQuestion = { type: 'addresses', name: 'r', url: 'https://relays.example:9001/v1/via/main' };
const SERVICE: DnsQuestion = {
  type: 'service',
  name: 's',
  service: '_heddle._tcp.example',
  scheme: 'http',
  path: '/v1/via/main',
};

async function ask(question: DnsQuestion, names: Readonly<Record<string, DnsAnswer>>): Promise<FoundRoutes> {
  await using server = await startDnsServer(names);
  return await askDns(question, openResolver([server.address], 200));
}

describe('addresses', () => {
  test('of both families are routes; the shortest time to live counts', async () => {
    const found = await ask(ADDRESSES, {
      'relays.example': [
        { type: 'A', address: '10.0.0.7', ttl: 60 },
        { type: 'A', address: '10.0.0.5', ttl: 60 },
        { type: 'AAAA', address: 'fd00::1', ttl: 20 },
      ],
    });
    const { url } = ADDRESSES as { url: string };
    expect(found).toEqual({
      routes: [
        { name: 'r-10.0.0.5', url, address: '10.0.0.5' },
        { name: 'r-10.0.0.7', url, address: '10.0.0.7' },
        { name: 'r-fd00--1', url, address: 'fd00::1' },
      ],
      holdsMs: 20_000,
    });
  });

  test('of one family are enough', async () => {
    const found = await ask(ADDRESSES, { 'relays.example': [{ type: 'AAAA', address: 'fd00::1', ttl: 5 }] });
    expect(found.routes.map(({ address }) => address)).toEqual(['fd00::1']);
  });

  test.each<[what: string, answer: DnsAnswer]>([
    ['no such name', undefined],
    ['no addresses', []],
    ['another kind of record', [{ type: 'SRV', target: 'a', port: 1, ttl: 1 }]],
  ])('%s is no route', async (_what, answer) => {
    expect(await ask(ADDRESSES, { 'relays.example': answer })).toEqual({ routes: [], holdsMs: undefined });
  });

  test.each(['servfail', 'silent'] as const)('%s is an error', async (answer) => {
    await expect(ask(ADDRESSES, { 'relays.example': answer })).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('relays.example'),
    });
  });
});

describe('a service', () => {
  test('gives a route for each target, ranked by priority, however names are long or odd', async () => {
    const long = `${'a'.repeat(50)}.relays.example`;
    const { routes, holdsMs } = await ask(SERVICE, {
      '_heddle._tcp.example': [
        { type: 'SRV', target: 'eu.relays.example', port: 9001, priority: 10, ttl: 5 },
        { type: 'SRV', target: 'us.relays.example', port: 9002, priority: 30, ttl: 5 },
        { type: 'SRV', target: long, port: 9003, priority: 20, ttl: 5 },
      ],
    });
    expect(holdsMs).toBeUndefined();
    expect(routes).toEqual([
      { name: expect.stringMatching(/^s-a{31}-[0-9a-f]{8}$/), url: `http://${long}:9003/v1/via/main`, rank: 1 / 2 },
      { name: 's-eu.relays.example-9001', url: 'http://eu.relays.example:9001/v1/via/main', rank: 1 },
      { name: 's-us.relays.example-9002', url: 'http://us.relays.example:9002/v1/via/main', rank: 1 / 3 },
    ]);
  });

  test('that is not there has none', async () => {
    expect(await ask(SERVICE, {})).toEqual({ routes: [], holdsMs: undefined });
    await expect(ask(SERVICE, { '_heddle._tcp.example': 'servfail' })).rejects.toMatchObject({ code: 'unreachable' });
  });
});
