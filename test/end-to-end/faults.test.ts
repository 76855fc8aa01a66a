// What happens to a transfer when a relay or the origin is killed, stopped or started again in the middle of it. Every
// part is a real process; when to strike is told by the wire, not by a clock.
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { objectBytes } from '../support/object-bytes.ts';
import { startProgram } from '../support/program.ts';
import type { Outcome } from '../support/program.ts';
import { startRoutes } from '../support/routes.ts';
import type { RouteShape, TestRoutes } from '../support/routes.ts';
import { startOriginProgram, startRelayProgram } from '../support/servers.ts';
import { WireLog } from '../support/wire-log.ts';
import { lastLine, routeOf, startWorld } from '../support/world.ts';
import type { LastLine, World } from '../support/world.ts';

const SIZE = 10_000_000;
const SEGMENTS = Math.ceil(SIZE / 32_768);
const content = objectBytes(SIZE, 31);
/** After a fault, segments have to go on coming within so long. */
const GOES_ON_MS = 2_000;
/** Three routes that take about a second together. */
const SHAPES = ['a', 'b', 'c'].map((name) => ({ name, megabitsPerSecond: 24, delayMs: 8 }));
/** A route with half a megabyte under way, and so many segments left that most of them are on it. */
const LONG: RouteShape = { name: 'c', megabitsPerSecond: 24, delayMs: 90 };
const IN_FLIGHT = 14;
/** A client pings each channel every 30 to 100 ms: after so many it has looked for a life sign for long. */
const PINGS_IN_VAIN = 12;

const owned = new AsyncDisposableStack();
let world: World;
beforeAll(async () => {
  world = owned.use(await startWorld({ 'a.bin': content }));
});
afterAll(() => owned.disposeAsync());

describe.each(['file', 'standard output'] as const)('into a %s', (output) => {
  test('a relay is killed: the others take over what it owed', async () => {
    await using setting = await settingOf(output);
    const { log, routes, outcome } = setting;
    await setting.meanwhile(log.segmentsFrom('b', SEGMENTS / 8));
    await routes.all[1]!.relay.program.kill();
    const killedAt = performance.now();
    const done = await setting.verified(await outcome);
    expect(longestSilence(log, killedAt)).toBeLessThan(GOES_ON_MS);
    expect(routeOf(done, 'b').state).not.toBe('active');
    for (const name of ['a', 'c']) expect(routeOf(done, name).state).toBe('active');
    expect(log.lines.filter(({ tap }) => tap === 'b').length).toBeGreaterThan(1);
  });

  test('a relay is stopped: the others take over, and what it still sends later harms nobody', async () => {
    await using setting = await settingOf(output);
    const { log, routes, outcome } = setting;
    await setting.meanwhile(log.segmentsFrom('b', SEGMENTS / 8));
    routes.all[1]!.relay.program.signal('SIGSTOP');
    const stoppedAt = performance.now();
    await setting.meanwhile(log.segmentsFrom('a', SEGMENTS / 8));
    routes.all[1]!.relay.program.signal('SIGCONT');
    const done = await setting.verified(await outcome);
    expect(longestSilence(log, stoppedAt)).toBeLessThan(GOES_ON_MS);
    expect(done.routes.every(({ corrupt }) => corrupt === 0)).toBe(true);
  });
});

test.each(['file', 'standard output'] as const)(
  'a route falls silent when the others have nothing left to do (into a %s)',
  async (output) => {
    // the last to arrive are those of the long route; when it falls silent nobody else receives any more
    await using setting = await settingOf(output, world, [...SHAPES.slice(0, 2), LONG]);
    const { log, routes, outcome } = setting;
    await setting.meanwhile(log.segmentsFrom(undefined, SEGMENTS - IN_FLIGHT));
    routes.all[2]!.link.pause();
    const silentAt = performance.now();
    await setting.verified(await outcome);
    expect(longestSilence(log, silentAt)).toBeLessThan(GOES_ON_MS);
  },
);

test('a relay is stopped and never goes on', async () => {
  await using setting = await settingOf('file');
  const { log, routes, outcome } = setting;
  await setting.meanwhile(log.segmentsFrom('b', SEGMENTS / 8));
  routes.all[1]!.relay.program.signal('SIGSTOP');
  const stoppedAt = performance.now();
  await setting.verified(await outcome);
  expect(longestSilence(log, stoppedAt)).toBeLessThan(GOES_ON_MS);
});

test('two of three relays are killed at once', async () => {
  await using setting = await settingOf('standard output');
  const { log, routes, outcome } = setting;
  await setting.meanwhile(log.segmentsFrom('b', SEGMENTS / 8));
  await Promise.all([routes.all[0]!.relay.program.kill(), routes.all[1]!.relay.program.kill()]);
  const killedAt = performance.now();
  await setting.verified(await outcome);
  expect(longestSilence(log, killedAt)).toBeLessThan(GOES_ON_MS);
});

test('a relay that is started again is used again', async () => {
  await using setting = await settingOf('file');
  const { log, routes, outcome } = setting;
  const route = routes.all[1]!;
  await setting.meanwhile(log.segmentsFrom('b', SEGMENTS / 16));
  const refused = log.until(({ line }) => line.tap === 'a');
  await route.relay.program.kill();
  await refused;
  await using again = await startRelayProgram({ main: world.origin.url }, route.relay.port);
  const back = log.until(({ line, frame }) => line.tap === 'b' && frame.type === 'segment');
  await Promise.race([back, outcome]);
  const done = await setting.verified(await outcome);
  expect(log.channels('b').length).toBeGreaterThan(1);
  expect(log.frames('segment', log.channels('b').at(-1)).length).toBeGreaterThan(0);
  expect(routeOf(done, 'b').state).toBe('active');
  expect(again.program.running).toBe(true);
});

test('the origin is killed and started again: the transfer waits and ends well', async () => {
  await using own = await startWorld({ 'a.bin': content });
  await using setting = await settingOf('file', own);
  const { log, outcome } = setting;
  await setting.meanwhile(log.segmentsFrom(undefined, SEGMENTS / 4));
  await own.origin.program.kill();
  await using again = await startOriginProgram({ dir: own.objects, state: own.state, port: own.origin.port });
  await setting.verified(await outcome);
  expect(new Set(log.frames('segment').map(({ frame }) => frame.index)).size).toBe(SEGMENTS);
  expect(again.program.running).toBe(true);
});

test('the origin comes back with another version: exit 4, nothing is mixed, nothing is left', async () => {
  await using own = await startWorld({ 'a.bin': content });
  await using setting = await settingOf('file', own);
  const { log, outcome } = setting;
  await setting.meanwhile(log.segmentsFrom(undefined, SEGMENTS / 4));
  await own.origin.program.kill();
  await writeFile(`${own.objects}/a.bin`, objectBytes(SIZE, 33));
  await using again = await startOriginProgram({ dir: own.objects, state: own.state, port: own.origin.port });
  expect((await outcome).code).toBe(4);
  expect(lastLine(await outcome)).toMatchObject({
    type: 'error',
    code: expect.stringMatching(/root-mismatch|changed/),
  });
  expect(await own.outputs()).toEqual([]);
  expect(again.program.running).toBe(true);
});

test('the object is overwritten while it is sent: an error, nothing is mixed, nothing is left', async () => {
  await using own = await startWorld({ 'a.bin': content });
  await using setting = await settingOf('file', own);
  const { log, outcome } = setting;
  await setting.meanwhile(log.segmentsFrom(undefined, SEGMENTS / 4));
  await writeFile(`${own.objects}/a.bin`, objectBytes(SIZE, 33));
  expect((await outcome).code).toBe(4);
  expect(lastLine(await outcome).type).toBe('error');
  expect(await own.outputs()).toEqual([]);
});

test('everything stands still at once, and goes on: nobody is blamed, nothing comes twice', async () => {
  await using setting = await settingOf('file');
  const { log, routes, outcome } = setting;
  await setting.meanwhile(log.segmentsFrom(undefined, SEGMENTS / 4));
  for (const { link } of routes.all) link.pause();
  await setting.meanwhile(log.framesAt('ping', 'a', PINGS_IN_VAIN));
  for (const { link } of routes.all) link.resume();
  const done = await setting.verified(await outcome);
  expect(done.wasteBytes / SIZE).toBeLessThan(0.05);
  expect(done.routes.map(({ state }) => state)).toEqual(['active', 'active', 'active']);
});

type Setting = AsyncDisposable & {
  readonly log: WireLog;
  readonly routes: TestRoutes;
  readonly outcome: Promise<Outcome>;
  /** Waits for something that happens before the transfer ends; throws when it ends first. */
  meanwhile<Value>(event: Promise<Value>): Promise<Value>;
  /** The last line, after the bytes were compared. */
  verified(outcome: Outcome): Promise<LastLine>;
};

/** A running transfer over three tapped and shaped routes with relays of their own. */
async function settingOf(
  output: 'file' | 'standard output',
  from: World = world,
  shapes: readonly RouteShape[] = SHAPES,
): Promise<Setting> {
  await using stack = new AsyncDisposableStack();
  const log = new WireLog();
  const routes = stack.use(await startRoutes(shapes, from.origin.url, log));
  const target = output === 'file' ? from.output('out.bin') : '-';
  const program = stack.use(startProgram(['get', 'a.bin', '-o', target, '--json', ...routes.arguments]));
  const owner = stack.move();
  return {
    log,
    routes,
    outcome: program.ended,
    meanwhile: (event) =>
      Promise.race([
        event,
        program.ended.then(({ code }) => {
          throw new Error(`the transfer ended before, with code ${code}`);
        }),
      ]),
    verified: async (outcome) => {
      expect(outcome).toMatchObject({ code: 0, signal: null });
      const received = output === 'file' ? await from.read('out.bin') : outcome.stdout;
      expect(received.equals(content)).toBe(true);
      return lastLine(outcome, output === 'file' ? 'stdout' : 'stderr');
    },
    [Symbol.asyncDispose]: () => owner.disposeAsync(),
  };
}

/** Longest time after `since` in which no segment came, on any route, until the last one did, ms. */
function longestSilence(log: WireLog, since: number): number {
  const times = log.frames('segment').flatMap(({ at }) => (at > since ? [at] : []));
  return Math.max(0, ...times.map((at, place) => at - (times[place - 1] ?? since)));
}
