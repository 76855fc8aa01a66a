// The system's errors in words: no code of the system is left in them.
import { readFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { asHeddleError, HeddleError } from '../../protocol/errors.ts';
import { listenFault } from '../../protocol/listen-fault.ts';
import { systemReason, systemWords } from '../../protocol/system-words.ts';
import { refusingPort } from '../support/servers.ts';

const fault = (fields: object): Error => Object.assign(new Error('E… said by the system'), fields);

describe('words for what the system says', () => {
  test('of a file', async () => {
    const error: unknown = await readFile('/nowhere/at/all').catch((cause: unknown) => cause);
    expect(systemReason(error)).toBe('there is no such file or folder');
    expect(systemWords(error)).toBe('/nowhere/at/all: there is no such file or folder');
    expect(asHeddleError(error, 'local-io')).toMatchObject({ code: 'local-io', message: systemWords(error) });
  });

  test('of a folder in the place of a file', async () => {
    const error: unknown = await readFile(import.meta.dirname).catch((cause: unknown) => cause);
    expect(systemReason(error)).toBe('it is a folder');
  });

  test('of a connection: where it was to go', async () => {
    const port = await refusingPort();
    const [error] = (await once(connect(port, '127.0.0.1'), 'error').catch((cause: unknown) => [cause])) as [Error];
    expect(systemWords(error)).toBe(`127.0.0.1:${port}: the connection is refused`);
  });

  test.each<[Error, string]>([
    [fault({ code: 'ECONNREFUSED', address: '::1', port: 80 }), '[::1]:80: the connection is refused'],
    [fault({ code: 'ENOTFOUND', hostname: 'x.invalid' }), 'x.invalid: the name is not known'],
    [fault({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }), 'E… said by the system'],
    [Object.assign(new TypeError('x'), { message: '' }), 'TypeError'],
    [
      new AggregateError(
        [
          fault({ code: 'ECONNREFUSED', address: '1.2.3.4', port: 1 }),
          fault({ code: 'ENETUNREACH', address: '::2', port: 1 }),
        ],
        'all failed',
      ),
      '1.2.3.4:1: the connection is refused; [::2]:1: there is no way there',
    ],
  ])('%o', (error, words) => {
    expect(systemWords(error)).toBe(words);
  });
});

describe('nobody can listen there', () => {
  test('because somebody does: one code, and what to do', async () => {
    await using taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const [cause] = (await once(createServer().listen(port, '127.0.0.1'), 'error').catch((error: unknown) => [
      error,
    ])) as [Error];
    expect(listenFault(`127.0.0.1:${port}`, cause)).toMatchObject({
      code: 'local-io',
      message: `cannot listen on 127.0.0.1:${port}: somebody listens there already; choose another port, or end the program that has it`,
    });
  });

  test.each([
    ['EADDRNOTAVAIL', 'this machine has no such address; write one that it has, or 0.0.0.0 for all'],
    ['EACCES', 'this user may not do that; choose a port from 1024 on, or give the program CAP_NET_BIND_SERVICE'],
    ['ENOTFOUND', 'the name is not known; write an address of this machine'],
  ])('%s', (code, words) => {
    expect(listenFault('x:1', fault({ code }), 'serve').message).toBe(`cannot serve on x:1: ${words}`);
  });

  test('what is said already stays', () => {
    const said = new HeddleError('usage', 'no');
    expect(listenFault('x:1', said)).toBe(said);
  });
});
