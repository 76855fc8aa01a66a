// The verifier on the calling thread and in its worker: the same verdicts, nothing written to, and an end at any time.
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { PLACES } from '../../../client/io/check-ring.ts';
import type { Extent } from '../../../client/io/segment-decoder.ts';
import { sha256 } from '../../../client/io/sha256.ts';
import { Verifier } from '../../../client/io/verifier.ts';
import { hashSegment } from '../../../protocol/merkle.ts';
import { objectBytes } from '../../support/object-bytes.ts';

const START = 16;
const BYTES = 1_048_576;

const noFault = (error: Error): void => expect.fail(error.message);

type Shared = Uint8Array<SharedArrayBuffer>;

/** A buffer with a segment at START, and its node. */
function segmentOf(seed: number, length = BYTES): { buffer: Shared; node: Uint8Array; end: number } {
  const buffer = new Uint8Array(new SharedArrayBuffer(START + length + 16));
  buffer.set(objectBytes(length, seed), START);
  return { buffer, node: hashSegment(buffer.subarray(START, START + length), sha256), end: START + length };
}

function check(verifier: Verifier, buffer: Shared, end: number, node: Uint8Array): Promise<boolean> {
  return new Promise((resolve) => {
    verifier.check(buffer, { start: START, end }, node, resolve);
  });
}

/** Hashes on until the worker has taken over: from then on a check is not answered within the call. */
async function untilWorker(verifier: Verifier): Promise<void> {
  const { buffer, node, end } = segmentOf(1);
  for (let inline = true; inline; ) {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    let now: boolean | undefined;
    verifier.check(buffer, { start: START, end }, node, (ok) => {
      now = ok;
      resolve(ok);
    });
    inline = now !== undefined;
    await promise;
    await new Promise((turn) => {
      setImmediate(turn);
    });
  }
}

describe.each(['inline', 'in the worker'])('%s', (where) => {
  async function ready(): Promise<Verifier> {
    const verifier = new Verifier(noFault);
    if (where === 'in the worker') await untilWorker(verifier);
    return verifier;
  }

  test('an encoded segment comes back plain, and one that is broken or too long is bad', async () => {
    await using verifier = await ready();
    const plain = objectBytes(100_000, 3);
    const node = hashSegment(plain, sha256);
    const judged = async (stream: Uint8Array, mostBytes: number): Promise<string> => {
      const buffer = new Uint8Array(new SharedArrayBuffer(START + 120_000));
      buffer.set(stream, START);
      const { promise, resolve } = Promise.withResolvers<string>();
      const done = (ok: boolean, at?: Extent): void =>
        resolve(`${ok} ${at === undefined ? '' : Buffer.compare(buffer.subarray(at.start, at.end), plain)}`);
      verifier.check(buffer, { start: START, end: START + stream.length }, node, done, { encoding: 'gzip', mostBytes });
      return promise;
    };
    const stream = gzipSync(plain);
    const bent = Buffer.from(stream);
    bent[5_000] = (bent[5_000] ?? 0) ^ 1;
    expect(await judged(stream, 100_000)).toBe('true 0');
    expect(await judged(stream, 99_999), 'more than was agreed').toBe('false ');
    expect(await judged(bent, 100_000)).toMatch(/^false/);
    expect(await judged(stream.subarray(0, 9), 100_000)).toMatch(/^false/);
    expect(await judged(new Uint8Array(0), 100_000)).toMatch(/^false/);
    expect(await judged(Buffer.from('no stream at all'), 100_000)).toMatch(/^false/);
    expect(await judged(gzipSync(Buffer.alloc(80_000_000)), 100_000), 'a bomb').toMatch(/^false/);
  });

  test('a good segment is good and stays as it was', async () => {
    await using verifier = await ready();
    const { buffer, node, end } = segmentOf(7, 100_001);
    const copy = Buffer.from(buffer);
    expect(await check(verifier, buffer, end, node)).toBe(true);
    expect(Buffer.compare(buffer, copy)).toBe(0);
  });

  test('one wrong bit, a wrong node or a wrong length is found', async () => {
    await using verifier = await ready();
    const { buffer, node, end } = segmentOf(8, 65_537);
    expect(await check(verifier, buffer, end - 1, node)).toBe(false);
    expect(await check(verifier, buffer, end, sha256(node, node))).toBe(false);
    buffer[START + 40_000] = (buffer[START + 40_000] ?? 0) ^ 1;
    expect(await check(verifier, buffer, end, node)).toBe(false);
    buffer[START + 40_000] = (buffer[START + 40_000] ?? 0) ^ 1;
    expect(await check(verifier, buffer, end, node)).toBe(true);
  });

  test('many at once each get their own verdict', async () => {
    await using verifier = await ready();
    const verdicts = await Promise.all(
      Array.from({ length: 40 }, (_, seed) => {
        const { buffer, node, end } = segmentOf(seed + 1, 10_000);
        if (seed % 3 === 0) buffer[START] = (buffer[START] ?? 0) ^ 1;
        return check(verifier, buffer, end, node);
      }),
    );
    expect(verdicts).toEqual(Array.from({ length: 40 }, (_, seed) => seed % 3 !== 0));
  });

  test('several in one piece of memory each get their own verdict, more of them than a slab holds', async () => {
    await using verifier = await ready();
    const memory = new Uint8Array(new SharedArrayBuffer(4 * BYTES));
    memory.set(objectBytes(memory.length, 9));
    const places = Array.from({ length: 128 }, (_, at) => ({ start: at * 32_768, end: (at + 1) * 32_768 - (at % 7) }));
    const nodes = places.map(({ start, end }) => hashSegment(memory.subarray(start, end), sha256));
    const bent = [3, 4, 100];
    for (const at of bent) memory[(places[at]?.start ?? 0) + 5] = (memory[(places[at]?.start ?? 0) + 5] ?? 0) ^ 1;
    const verdicts = await Promise.all(
      places.map(({ start, end }, at) => {
        return new Promise<boolean>((resolve) => {
          verifier.check(memory, { start, end }, nodes[at] ?? new Uint8Array(32), resolve);
        });
      }),
    );
    expect(verdicts.flatMap((ok, at) => (ok ? [] : [at]))).toEqual(bent);
  });
});

test('more than the ring has places for, in more memory than is kept in mind: every verdict comes, in order', async () => {
  await using verifier = new Verifier(noFault);
  await untilWorker(verifier);
  const pieces = Array.from({ length: 90 }, (_, seed) => segmentOf(seed + 1, BYTES - 16));
  const small = { start: START, end: START + 1_000 };
  const nodes = pieces.map(({ buffer }) => hashSegment(buffer.subarray(small.start, small.end), sha256));
  const verdicts: number[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  for (let number = 0; number < 3 * PLACES; number += 1) {
    const at = number % pieces.length;
    // each piece is asked about long after it was forgotten; now and then with a node that is not its own
    const node = nodes[number % 7 === 0 ? (at + 1) % nodes.length : at] ?? new Uint8Array(32);
    verifier.check(pieces[at]?.buffer ?? expect.fail(), small, node, (ok) => {
      verdicts.push(ok ? number : -number);
      if (verdicts.length === 3 * PLACES) resolve();
    });
  }
  await promise;
  expect(verdicts).toEqual(Array.from({ length: 3 * PLACES }, (_, at) => (at % 7 === 0 ? -at : at)));
});

test('the node may be used again at once: the job has its own copy', async () => {
  await using verifier = new Verifier(noFault);
  await untilWorker(verifier);
  const { buffer, node, end } = segmentOf(3);
  const verdict = check(verifier, buffer, end, node);
  node.fill(0);
  expect(await verdict).toBe(true);
});

test('it can be disposed of while it is busy; no verdict comes afterwards', async () => {
  const verifier = new Verifier(noFault);
  await untilWorker(verifier);
  let verdicts = 0;
  const count = (): void => {
    verdicts += 1;
  };
  for (let seed = 0; seed < 20; seed += 1) {
    const { buffer, node, end } = segmentOf(seed + 1);
    verifier.check(buffer, { start: START, end }, node, count);
  }
  const before = verdicts;
  await verifier[Symbol.asyncDispose]();
  await new Promise((turn) => {
    setImmediate(turn);
  });
  expect(verdicts).toBe(before);
});

test('it can be disposed of before it was used, while its worker starts, and twice', async () => {
  const unused = new Verifier(noFault);
  await unused[Symbol.asyncDispose]();
  const starting = new Verifier(noFault);
  const { buffer, node, end } = segmentOf(1);
  for (let turn = 0; turn < 17; turn += 1) await check(starting, buffer, end, node);
  await starting[Symbol.asyncDispose]();
  await starting[Symbol.asyncDispose]();
});
