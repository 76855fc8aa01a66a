// Routes that begin at one machine are said to, whatever they are called; loopback and other interfaces are not.
import { expect, test } from 'vitest';
import { sharedAddresses, sharingLine } from '../../../client/io/shared-addresses.ts';

const route = (name: string, url: string, more: { localAddress?: string; address?: string } = {}) => ({
  name,
  baseUrl: new URL(url),
  localAddress: more.localAddress,
  address: more.address,
});

const NAMES: Readonly<Record<string, readonly string[]>> = {
  eu: ['192.0.2.1'],
  'eu-too': ['192.0.2.9', '192.0.2.1'],
  us: ['192.0.2.2'],
  local: ['127.0.0.1'],
};

const find = async (host: string): Promise<readonly string[]> => {
  const found = NAMES[host];
  if (found === undefined) throw new Error('ENOTFOUND');
  return found;
};

test('two names of one machine are one path', async () => {
  const shared = await sharedAddresses(
    [
      route('a', 'http://eu:1'),
      route('b', 'https://eu-too:2/v1/via/main'),
      route('c', 'http://us'),
      route('d', 'http://192.0.2.2:77'),
      route('e', 'http://lost'),
      route('f', 'http://other', { address: '192.0.2.1' }),
    ],
    find,
  );
  expect(shared).toEqual([
    { address: '192.0.2.1', routes: ['a', 'b', 'f'] },
    { address: '192.0.2.2', routes: ['c', 'd'] },
  ]);
  expect(shared.map(sharingLine)).toEqual([
    'a, b and f lead to the same address 192.0.2.1: they are one path',
    'c and d lead to the same address 192.0.2.2: they are one path',
  ]);
});

test('two interfaces to one machine are two paths, and loopback is nobody', async () => {
  const routes = [
    route('wifi', 'http://eu', { localAddress: '10.0.0.1' }),
    route('lte', 'http://eu', { localAddress: '10.9.0.1' }),
    route('x', 'http://local:1'),
    route('y', 'http://127.0.0.1:2'),
    route('z', 'http://[::1]:3'),
  ];
  expect(await sharedAddresses(routes, find)).toEqual([]);
});
