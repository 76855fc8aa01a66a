// The queue of what is to be encoded: how many run at once, what is sent plain for want of room, what is learned of types,
// and that the loans stay the caller's.
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { PublishedObject } from '../../origin/catalog.ts';
import { Encoder } from '../../origin/encoder.ts';
import type { Encode, EncodingResult } from '../../origin/encoder.ts';
import { manifestOf } from '../../protocol/manifest.ts';
import { textBytes } from '../support/text-bytes.ts';
import { bytesOf } from './fixture.ts';

const SEGMENT = 32_768;

function objectOf(contentType: string): PublishedObject {
  const root = new Uint8Array(32);
  const manifest = manifestOf({ key: 'a', size: 10 * SEGMENT, root, contentType });
  return { key: 'a', place: 'p', version: 'v', size: 10 * SEGMENT, modified: 0, root, manifest, signed: 'a.b.c' };
}

const loanOf = (...parts: Uint8Array[]) => ({ parts, release: () => expect.fail('not the encoder') });

/** An encoder that keeps what it told; its jobs end when the test says so, or with `encode`. */
function kitOf({
  jobs = 2,
  queueBytes = 4 * SEGMENT,
  encode,
}: {
  jobs?: number;
  queueBytes?: number;
  encode?: Encode;
}) {
  const told: EncodingResult[] = [];
  const running: PromiseWithResolvers<Uint8Array>[] = [];
  const held: Encode = () => {
    const job = Promise.withResolvers<Uint8Array>();
    running.push(job);
    return job.promise;
  };
  const tuning = { encodeJobs: jobs, encodeQueueBytes: queueBytes };
  return { told, running, encoder: new Encoder(tuning, (result) => told.push(result), encode ?? held) };
}

test('so many at once, the others wait in turn, and what finds no room goes out plain at once', async () => {
  const { encoder, running, told } = kitOf({ jobs: 2, queueBytes: 2 * SEGMENT });
  const object = objectOf('text/plain');
  const all = [1, 2, 3, 4, 5].map(() => encoder.encode(object, loanOf(bytesOf(SEGMENT)), SEGMENT));
  expect(await all[4]).toBeUndefined();
  expect(told).toEqual(['queue-full']);
  expect(running).toHaveLength(2);
  running[0]?.resolve(new Uint8Array(10));
  expect(await all[0]).toHaveLength(10);
  await expect.poll(() => running.length).toBe(3);
  for (const at of [1, 2]) running[at]?.resolve(new Uint8Array(20));
  await expect.poll(() => running.length).toBe(4);
  running[3]?.resolve(new Uint8Array(30));
  expect((await Promise.all(all)).map((encoded) => encoded?.length)).toEqual([10, 20, 20, 30, undefined]);
  expect(told.filter((result) => result === 'encoded')).toHaveLength(4);
});

test('what does not become smaller, or cannot be encoded, is sent plain', async () => {
  const { encoder, running, told } = kitOf({});
  const object = objectOf('text/plain');
  const same = encoder.encode(object, loanOf(bytesOf(SEGMENT)), SEGMENT);
  const broken = encoder.encode(object, loanOf(bytesOf(SEGMENT)), SEGMENT);
  running[0]?.resolve(new Uint8Array(SEGMENT));
  running[1]?.reject(new Error('no memory'));
  expect([await same, await broken]).toEqual([undefined, undefined]);
  expect(told).toEqual(['not-smaller', 'not-smaller']);
});

test('what one object showed counts for its type from then on, but for bytes of no known type', async () => {
  const { encoder, running } = kitOf({});
  const triesOf = (type: string): number => [1, 2, 3].filter(() => encoder.wants(objectOf(type), SEGMENT, 1)).length;
  for (const type of ['video/mp4', 'application/octet-stream']) {
    const object = objectOf(type);
    expect(encoder.wants(object, SEGMENT, 1)).toBe(true);
    const done = encoder.encode(object, loanOf(bytesOf(SEGMENT)), SEGMENT);
    running.at(-1)?.resolve(new Uint8Array(SEGMENT));
    await done;
    expect(encoder.wants(object, SEGMENT, 1)).toBe(false);
  }
  expect(triesOf('video/mp4')).toBe(0);
  expect(triesOf('application/octet-stream')).toBe(3);
});

test('without jobs nothing is wanted', () => {
  expect(kitOf({ jobs: 0 }).encoder.wants(objectOf('text/plain'), SEGMENT, 1)).toBe(false);
});

test('gzip itself: blocks that lie apart become one stream', async () => {
  const told: EncodingResult[] = [];
  const tuning = { encodeJobs: 2, encodeQueueBytes: SEGMENT };
  const encoder = new Encoder(tuning, (result) => told.push(result));
  const text = textBytes(SEGMENT, 1);
  const object = objectOf('text/csv');
  const encoded = await encoder.encode(object, loanOf(text.subarray(0, 100), text.subarray(100)), SEGMENT);
  expect(encoded?.length).toBeLessThan(SEGMENT / 2);
  expect(Buffer.compare(gunzipSync(encoded!), text)).toBe(0);
  expect(await encoder.encode(object, loanOf(bytesOf(SEGMENT)), SEGMENT)).toBeUndefined();
  expect(told).toEqual(['encoded', 'not-smaller']);
});
