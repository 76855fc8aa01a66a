// Where mirrors may lead a client: a server of the Internet that redirects into the network of the user is not followed,
// however it writes the address. 127.0.0.2 plays the Internet here, 127.0.0.1 the user's network.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Mirror } from '../../../client/io/range-mirror.ts';
import { answerRange, startScripted } from '../../support/mirrors.ts';
import type { MirrorServer } from '../../support/mirrors.ts';
import { objectBytes } from '../../support/object-bytes.ts';
import { RangeKit, SEGMENT } from './range-kit.ts';

const content = objectBytes(3 * SEGMENT, 7);
const isPublic = (address: string): boolean => address === '127.0.0.2';

const owned = new AsyncDisposableStack();
let inside: MirrorServer;
let asked = 0;

beforeAll(async () => {
  inside = owned.use(
    await startScripted((_, response, range) => {
      asked += 1;
      answerRange(response, content, range);
    }),
  );
});
beforeEach(() => {
  asked = 0;
});
afterAll(() => owned.disposeAsync());

/** What becomes of a download from a server on `host` that redirects to `location`. */
async function follow(host: string, location: string): Promise<RangeKit> {
  const server = owned.use(
    await startScripted((_, response) => response.writeHead(302, { Location: location }).end(), host),
  );
  const mirror = new Mirror(new URL(server.url), { alone: true, isPublic });
  const kit = new RangeKit(server.url, { mirror });
  await kit.open(100);
  return kit;
}

describe('from the Internet', () => {
  test.each(['127.0.0.1', 'localhost', '2130706433', '0x7f.1', '0177.0.0.1', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]'])(
    'nothing is asked of %s',
    async (host) => {
      using kit = await follow('127.0.0.2', `http://${host}:${inside.port}/`);
      const { error } = await kit.until('closed');
      expect(error.message).toMatch(/is not on the Internet, though a server there leads to it$/);
      expect(asked).toBe(0);
    },
  );

  test('nor behind a second redirect', async () => {
    const second = owned.use(
      await startScripted(
        (_, response) => response.writeHead(302, { Location: `http://127.0.0.1:${inside.port}/` }).end(),
        '127.0.0.2',
      ),
    );
    using kit = await follow('127.0.0.2', second.url);
    await kit.until('closed');
    expect(asked).toBe(0);
  });

  test('another place on the Internet is', async () => {
    const second = owned.use(
      await startScripted((_, response, range) => answerRange(response, content, range), '127.0.0.2'),
    );
    using kit = await follow('127.0.0.2', second.url);
    expect(await kit.untilSegments(3)).toHaveLength(3);
  });
});

test('within the own network a redirect leads anywhere', async () => {
  using kit = await follow('127.0.0.1', `http://localhost:${inside.port}/`);
  expect(await kit.untilSegments(3)).toHaveLength(3);
  expect(asked).toBeGreaterThan(0);
});
