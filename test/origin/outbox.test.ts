// How the outgoing side of a channel shares the process with the others.
import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Outbox } from '../../origin/outbox.ts';

const MANY = 1_000;
const MIB = 1_048_576;

it('gives others their turn every few MiB where the connection takes everything at once', async () => {
  const socket = new Writable({ write: (_bytes, _encoding, done) => done() });
  let writes = 0;
  const write = (): void => {
    if (writes === MANY) return;
    writes += 1;
    outbox.put(1, MIB, { parts: [new Uint8Array(1)] });
    outbox.flush();
  };
  const tuning = { queueBytes: 32_768, quickQueueBytes: 32_768 };
  const outbox = new Outbox(socket as unknown as Socket, tuning, write);
  write();
  for (let turns = 1; turns <= 5; turns += 1) {
    await turn();
    expect(writes).toBeLessThanOrEqual(2 * turns + 2);
  }
  expect(writes).toBeGreaterThan(3);
});
