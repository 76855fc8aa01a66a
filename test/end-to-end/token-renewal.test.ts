// Transfers that outlive their tokens: a channel that was opened with a token that ends soon gets a successor with the
// newer one while it still works, so that nothing breaks off; without a newer token the server ends it, with one clear line.
import { describe, expect, test } from 'vitest';
import { createClient } from '../../client/client.ts';
import { makeWorld, metricOf, WITH_ADMIN } from '../origin/fixture.ts';
import { createIssuer } from '../protocol/access/issuer.ts';
import { objectBytes } from '../support/object-bytes.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const SIZE = 4_000_000;
/** So that a transfer takes about eight seconds. */
const BYTES_PER_SECOND = 500_000;
const LIFE_SECONDS = 6;

/** An origin that asks for tokens, a file to download to, and a token that is renewed when `renewed` is set. */
async function start() {
  await using stack = new AsyncDisposableStack();
  const issuer = await createIssuer('one');
  const world = stack.use(await makeWorld({ a: objectBytes(SIZE, 1) }));
  const origin = await world.start({}, { ...WITH_ADMIN, tokenKeys: issuer.keys });
  const folder = stack.use(await temporaryFolder());
  const strip = (header: string): string => header.replace(/^Bearer /, '');
  const now = Math.floor(Date.now() / 1_000);
  const short = strip(await issuer.issue({ exp: now + LIFE_SECONDS }));
  const long = strip(await issuer.issue({ exp: now + 600 }));
  const closed: string[] = [];
  const state = { renewed: false };
  const client = createClient({
    routes: [{ name: 'direct', url: origin.url, maxBytesPerSecond: BYTES_PER_SECOND }],
    token: () => (state.renewed ? long : short),
  });
  const running = client.download('a', folder.file('a'), {
    observer: { channelClosed: (_route, { code }) => closed.push(code) },
  });
  const owned = stack.move();
  return { origin, running, closed, state, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

describe('a transfer that outlives its token', () => {
  test('goes on over a successor, and nothing breaks off', { timeout: 60_000 }, async () => {
    await using all = await start();
    // the first channel is open, with the short one
    await expect.poll(() => metricOf(all.origin, 'heddle_origin_channels_total'), { timeout: 20_000 }).toBe(1);
    all.state.renewed = true;
    const report = await all.running.done;
    expect(report.elapsedMs).toBeGreaterThan(LIFE_SECONDS * 1_000);
    expect(report.wasteBytes).toBe(0);
    expect(all.closed).toEqual([]);
    expect(await metricOf(all.origin, 'heddle_origin_channels_total')).toBeGreaterThanOrEqual(2);
    expect(await metricOf(all.origin, 'heddle_origin_refused_total{code="refused"}')).toBe(0);
  });

  test('ends with it when there is no newer one', { timeout: 60_000 }, async () => {
    await using all = await start();
    await expect(all.running.done).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('direct'),
    });
  });
});
