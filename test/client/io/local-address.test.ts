// Where connections leave this machine: addresses, interfaces by name, and the family of names that are looked up.
import { networkInterfaces } from 'node:os';
import { expect, test } from 'vitest';
import { isLocalPlace, localOptions, namesOfInterfaces } from '../../../client/io/local-address.ts';

const [loopback = ''] = Object.entries(networkInterfaces()).flatMap(([name, all = []]) =>
  all.some(({ address }) => address === '127.0.0.1') ? [name] : [],
);

test('nothing said binds to nothing', () => {
  expect(localOptions(undefined, 'h')).toEqual({});
});

test('an address binds to itself, and names are looked up in its family', () => {
  expect(localOptions('192.0.2.7', 'h')).toEqual({ localAddress: '192.0.2.7', family: 4 });
  expect(localOptions('2001:db8::7', 'h')).toEqual({ localAddress: '2001:db8::7', family: 6 });
});

test('an interface binds to the address it has', () => {
  expect(localOptions(loopback, 'h')).toEqual({ localAddress: '127.0.0.1', family: 4 });
  expect(localOptions(loopback, '10.0.0.1')).toEqual({ localAddress: '127.0.0.1', family: 4 });
});

test.skipIf(networkInterfaces()[loopback]?.every(({ address }) => address !== '::1'))(
  'on the way to an IPv6 host to its IPv6 address (where this machine has IPv6)',
  () => expect(localOptions(loopback, '[::1]')).toEqual({ localAddress: '::1', family: 6 }),
);

test('an interface that is gone binds to what nobody has', () => {
  expect(localOptions('none0', 'h').localAddress).toBe('192.0.2.0');
});

test('what can be bound to', () => {
  expect(['127.0.0.1', '::1', loopback, 'none0', ''].map(isLocalPlace)).toEqual([true, true, true, false, false]);
  expect(namesOfInterfaces()).toContain(loopback);
});
