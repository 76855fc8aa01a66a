// Paths that are really distinct, each with its own rate: the shares follow the rates, and a relay that is killed, frozen,
// unplugged or comes back costs the application nothing but time. Each test begins on slow lines, waits until what it is
// about has been seen, and opens the lines for the rest.
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { PATHS, startWorld } from './paths.ts';
import type { PathName, Rates, RunningApplication, Seen, World } from './paths.ts';

const { images, missing } = inject('engine');
const MEBIBYTE = 1_048_576;
const OBJECT_BYTES = 96 * MEBIBYTE + 12_345;
/** Slow enough that a fault on a busy machine falls well within the transfer. */
const SLOW: Rates = { eu: 6, us: 5, ap: 4 };

describe.skipIf(missing !== undefined)(
  missing === undefined ? 'three paths' : `three paths (skipped: ${missing})`,
  () => {
    let world: World;

    beforeAll(async () => {
      world = await startWorld(images!, OBJECT_BYTES);
    });
    afterAll(() => world?.[Symbol.asyncDispose]());

    test('the shares follow the rates of the paths', async () => {
      await world.shape({ eu: 48, us: 24, ap: 12 });
      const application = world.read();
      const { bytes, routes } = await application.until('half was there', (seen) => seen.bytes > OBJECT_BYTES / 3);
      const shares = PATHS.map((path) => routes[path].bytes / bytes);
      await world.shape(undefined);
      const done = await application.ended;
      expect(done).toMatchObject({ bytes: OBJECT_BYTES, sha256: world.sha256, verified: true });
      report('shares of 48:24:12 Mbit/s', shares.map((share) => share.toFixed(3)).join(' '));
      const [eu = 0, us = 0, ap = 0] = shares;
      expect(eu).toBeGreaterThan(us);
      expect(us).toBeGreaterThan(ap);
      // 0.571, 0.286 and 0.143
      expect(eu).toBeGreaterThan(0.45);
      expect(us).toBeGreaterThan(0.18);
      expect(ap).toBeGreaterThan(0.07);
    });

    test('a relay is killed and comes back', async () => {
      const { relay } = world.paths.us;
      await world.shape(SLOW);
      const application = world.read();
      await application.until('all three brought something', allBring);
      await relay.kill();
      const lost = await goesOnWithout(application, 'us');
      await relay.start();
      await application.until('the relay brought more', ({ routes }) => routes.us.bytes > lost.routes.us.bytes);
      await expectWhole(application, 'killed');
    });

    test('a relay freezes: silence, not an error', async () => {
      const { relay } = world.paths.eu;
      await world.shape(SLOW);
      const application = world.read();
      await application.until('all three brought something', allBring);
      await relay.pause();
      try {
        await goesOnWithout(application, 'eu');
        await expectWhole(application, 'frozen');
      } finally {
        await relay.unpause();
      }
    });

    test('a relay is unplugged from the client and plugged in again', async () => {
      const { relay, near } = world.paths.us;
      await world.shape(SLOW);
      const application = world.read();
      await application.until('all three brought something', allBring);
      await near.disconnect(relay);
      const lost = await goesOnWithout(application, 'us');
      await near.connect(relay);
      await application.until('the relay brought more', ({ routes }) => routes.us.bytes > lost.routes.us.bytes);
      await expectWhole(application, 'unplugged');
    });

    async function expectWhole(application: RunningApplication, what: string): Promise<void> {
      await world.shape(undefined);
      const done = await application.ended;
      expect(done).toMatchObject({ bytes: OBJECT_BYTES, sha256: world.sha256, verified: true });
      report(`${what}: longest time without a byte`, `${done.longestStallMs.toFixed(0)} ms at ${done.stalledAt} bytes`);
    }
  },
);

/** Waits until the path is missed and the others have gone on; what that looks like. */
async function goesOnWithout(application: RunningApplication, path: PathName): Promise<Seen> {
  const lost = await application.until(`${path} was missed`, ({ routes }) => routes[path].state !== 'active');
  return application.until(`all but ${path} went on`, ({ bytes }) => bytes > lost.bytes + MEBIBYTE);
}

function allBring({ routes }: Seen): boolean {
  return PATHS.every((path: PathName) => routes[path].bytes > 0);
}

function report(what: string, value: string): void {
  console.log(`${what}: ${value}`);
}
