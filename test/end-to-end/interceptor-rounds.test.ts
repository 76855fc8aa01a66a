// How many round trips an intercepted request waits for, counted and not timed: a gate before the origin holds every
// answer, so that whatever is asked until then was asked in one round. What is small costs as many as a plain request.
import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Dispatcher } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDispatcher } from '../../client/interceptor.ts';
import { eventually } from '../support/eventually.ts';
import { objectBytes } from '../support/object-bytes.ts';
import { startWorld } from '../support/world.ts';

const LARGEST_SMALL = 65_536;
const MIDDLE = 200_000;
const SOME = { range: 'bytes=100000-100999' };
/** Objects that nobody asked for before. */
const NEW_KEYS = 12;
const owned = new AsyncDisposableStack();
let heddle: Dispatcher;
let gate: Gate;
let keysTaken = 0;

beforeAll(async () => {
  const small = Array.from({ length: NEW_KEYS }, (_, at) => [`new${at}.bin`, objectBytes(LARGEST_SMALL, at)]);
  const known = { 'known.bin': objectBytes(LARGEST_SMALL, 50), 'middle.bin': objectBytes(MIDDLE, 51) };
  const world = owned.use(await startWorld({ ...Object.fromEntries(small), ...known }));
  gate = owned.use(await startGate(world.origin.port));
  heddle = createDispatcher({
    origins: [{ origin: 'http://data.example', routes: [{ name: 'only', url: `http://127.0.0.1:${gate.port}` }] }],
  });
  owned.defer(() => heddle.destroy());
  // from the second object on the origin's key is known
  await gate.pass(async () => {
    await bodyOf('known.bin');
    await bodyOf('middle.bin', SOME);
  });
});
afterAll(() => owned.disposeAsync());

/** Requests that wait for their answers, as `objects/KEY`. */
type Gate = AsyncDisposable & {
  readonly port: number;
  waiting(): string[];
  /** Lets the answers to these go; those to come are held again. */
  release(...kinds: string[]): void;
  /** Holds nothing while `work` runs. */
  pass<Value>(work: () => Promise<Value>): Promise<Value>;
};

async function startGate(port: number): Promise<Gate> {
  const held = new Map<string, () => void>();
  let isOpen = false;
  const server = createServer((incoming, response) => {
    const { url: path = '', headers } = incoming;
    const go = (): void => {
      const onward = httpRequest({ host: '127.0.0.1', port, path, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      });
      onward.end();
    };
    if (isOpen) go();
    else held.set(path, go);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    waiting: () => [...held.keys()].map((path) => path.replace(/^\/v1\/|\?.*$/g, '')).sort(),
    release(...kinds) {
      for (const [path, go] of held) {
        if (!kinds.some((kind) => path.startsWith(`/v1/${kind}/`))) continue;
        held.delete(path);
        go();
      }
    },
    async pass(work) {
      isOpen = true;
      try {
        return await work();
      } finally {
        isOpen = false;
      }
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function ask(key: string, headers: Record<string, string> = {}): Promise<Dispatcher.ResponseData> {
  return heddle.request({ origin: 'http://data.example', path: `/v1/objects/${key}`, method: 'GET', headers });
}

async function bodyOf(key: string, headers: Record<string, string> = {}): Promise<number> {
  const { body } = await ask(key, headers);
  return (await body.bytes()).length;
}

function anotherKey(): string {
  keysTaken += 1;
  return `new${keysTaken - 1}.bin`;
}

/** What is asked in the first round, until `count` wait. */
async function firstRound(count: number): Promise<string[]> {
  await eventually(() => gate.waiting().length >= count);
  return gate.waiting();
}

describe('a warm request', () => {
  test('for a small object that is known: one round of one request', async () => {
    const body = bodyOf('known.bin');
    expect(await firstRound(1)).toEqual(['objects/known.bin']);
    gate.release('objects');
    expect(await body).toBe(LARGEST_SMALL);
    expect(gate.waiting()).toEqual([]);
  });

  test('for a small object that is new: one round, with its manifest and what might prove it beside it', async () => {
    const key = anotherKey();
    const body = bodyOf(key);
    expect(await firstRound(3)).toEqual([`manifests/${key}`, `nodes/${key}`, `objects/${key}`]);
    gate.release('manifests', 'nodes', 'objects');
    expect(await body).toBe(LARGEST_SMALL);
    expect(gate.waiting()).toEqual([]);
  });

  test('for one that turns out to be a single block does not wait for nodes at all', async () => {
    const body = bodyOf(anotherKey());
    await firstRound(3);
    gate.release('manifests', 'objects');
    expect(await body).toBe(LARGEST_SMALL);
    gate.release('nodes');
  });

  test('for part of a larger object: one round, with its nodes beside it', async () => {
    const body = bodyOf('middle.bin', SOME);
    expect(await firstRound(2)).toEqual(['nodes/middle.bin', 'objects/middle.bin']);
    gate.release('objects', 'nodes');
    expect(await body).toBe(1_000);
    expect(gate.waiting()).toEqual([]);
  });

  test('tells the head of what is known before its nodes are here', async () => {
    const answer = ask('middle.bin', SOME);
    await firstRound(2);
    gate.release('objects');
    const { statusCode, body } = await answer;
    expect(statusCode).toBe(206);
    body.on('error', () => {}).destroy();
    gate.release('nodes');
  });

  test('tells no head of what is new before its manifest is here', async () => {
    const answer = ask(anotherKey());
    await firstRound(3);
    gate.release('objects', 'nodes');
    const order: string[] = [];
    const told = answer.then(({ body }) => {
      order.push('head');
      return body.bytes();
    });
    await gate.pass(() => bodyOf('known.bin'));
    order.push('manifest');
    gate.release('manifests');
    expect((await told).length).toBe(LARGEST_SMALL);
    expect(order).toEqual(['manifest', 'head']);
  });
});
