// Routes dialled before the command is loaded: those that the arguments name, and nothing else, whatever they are.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dialEarly } from '../../../client/commands/early.ts';
import type { DialTarget } from '../../../client/io/dial.ts';
import { startPeer } from '../io/raw-peer.ts';

const targetOf = (baseUrl: URL, localAddress?: string): DialTarget => ({ baseUrl, localAddress });

test('both spellings of --route, with a local address or without', async () => {
  await using server = await startPeer();
  const url = server.url.href;
  const args = ['get', 'key', '--route', `a=${url}v1/via/x`, `--route=b=${url}#local=127.0.0.1`, '-o', 'file'];
  using dials = dialEarly(args);
  const plain = dials.take(targetOf(server.url));
  const bound = dials.take(targetOf(server.url, '127.0.0.1'));
  expect(plain).toBeDefined();
  expect(bound).toBeDefined();
  expect(dials.take(targetOf(server.url))).toBeUndefined();
  await server.accept();
  await server.accept();
  plain?.socket.destroy();
  bound?.socket.destroy();
});

test('mirrors, and a URL in the place of the key', async () => {
  await using server = await startPeer();
  const url = server.url.href;
  const args = ['get', `${url}a.bin`, '--mirror', `b=${url}b.bin#local=127.0.0.1`, '-o', `${url}no`];
  using dials = dialEarly(args);
  expect(dials.take(targetOf(server.url))?.socket.destroy()).toBeDefined();
  expect(dials.take(targetOf(server.url, '127.0.0.1'))?.socket.destroy()).toBeDefined();
  expect(dials.take(targetOf(server.url))).toBeUndefined();
});

test('what makes no sense is left to the command', () => {
  const word = fc.oneof(fc.constantFrom('--route', '--route=', '--mirror', 'a=ftp://x', 'a=b=c', '='), fc.string());
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), (args) => {
      using dials = dialEarly(args);
      expect(dials.take(targetOf(new URL('http://127.0.0.1:1')))).toBeUndefined();
    }),
    { numRuns: 50 },
  );
});
