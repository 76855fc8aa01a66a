// What a user may say about routes and transfers: every mistake is one clear line at once, and what passes can be used.
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CORE_DEFAULTS } from '../../client/core/options.ts';
import { parseRouteArgument, resolveCore, resolveRoot, resolveRoutes } from '../../client/options.ts';
import type { ClientOptions, RouteOptions } from '../../client/options.ts';
import { HeddleError } from '../../protocol/errors.ts';
import { formatRequestHead } from '../../protocol/http-head.ts';

const route = (more: Partial<RouteOptions> = {}): RouteOptions => ({ name: 'eu', url: 'http://relay:9001', ...more });

/** The error that `run` throws, which must be one line with this code. */
function faultOf(run: () => unknown, code = 'bad-configuration'): string {
  try {
    run();
  } catch (error) {
    if (!(error instanceof HeddleError)) throw error;
    expect(error.code).toBe(code);
    expect(error.message).not.toContain('\n');
    return error.message;
  }
  return expect.fail('nothing was thrown');
}

describe('routes', () => {
  test('a base URL keeps its path; a fragment binds it to a local address', () => {
    const [bound] = resolveRoutes({ routes: [route({ url: 'https://relay-eu:9001/v1/via/main#local=192.168.1.5' })] });
    expect(bound?.baseUrl.href).toBe('https://relay-eu:9001/v1/via/main');
    expect(bound).toMatchObject({ name: 'eu', localAddress: '192.168.1.5', authorization: undefined });
  });

  test('an address of its own goes before the fragment; IPv6 is one as well', () => {
    const given = route({ url: 'http://a#local=10.0.0.1', localAddress: 'fe80::1' });
    expect(resolveRoutes({ routes: [given] })[0]?.localAddress).toBe('fe80::1');
  });

  test('a token becomes a header that can be written', () => {
    const [resolved] = resolveRoutes({ routes: [route()], token: 'abc.def-_~+/=' });
    const head = formatRequestHead('GET', '/', [['Authorization', resolved?.authorization ?? '']]);
    expect(head).toContain('Authorization: Bearer abc.def-_~+/=\r\n');
  });

  test.each(['', 'two words', 'line\nbreak', 'umlaut-ä', 'nul\0'])('the token %j cannot be one', (token) => {
    expect(faultOf(() => resolveRoutes({ routes: [route()], token }))).toContain('token');
  });

  test('no route, two of one name', () => {
    expect(faultOf(() => resolveRoutes({ routes: [] }))).toContain('no route');
    expect(faultOf(() => resolveRoutes({ routes: [route(), route({ url: 'http://b' })] }))).toContain('"eu"');
  });

  test.each(['', ' ', 'a b', '-a', 'a/b', 'ä', 'x'.repeat(65)])('%j is no name', (name) => {
    faultOf(() => resolveRoutes({ routes: [route({ name })] }));
  });

  test.each([
    ['relay:9001', 'http'],
    ['not a url', 'not a URL'],
    ['ftp://relay', 'ftp:'],
    ['http://relay/?x=1', 'query'],
    ['http://relay/#other', 'fragment'],
    ['http://relay/#local=', 'fragment'],
    ['http://relay/#local=none0', 'none0'],
    ['file:///etc/passwd', 'file:'],
  ])('the URL %s is refused and the reason named', (url, reason) => {
    const message = faultOf(() => resolveRoutes({ routes: [route({ url })] }));
    expect(message).toContain(reason);
    expect(message).toContain('eu');
  });

  test('whatever the texts, there is a route or a HeddleError', () => {
    const name = fc.oneof(fc.string(), fc.constant('eu'));
    fc.assert(
      fc.property(
        name,
        fc.oneof(
          fc.string(),
          fc.string().map((rest) => `http://a${rest}`),
        ),
        (label, url) => {
          try {
            const [resolved] = resolveRoutes({ routes: [{ name: label, url }] });
            expect(resolved?.baseUrl.protocol).toMatch(/^https?:$/);
            expect(resolved?.baseUrl.hash).toBe('');
          } catch (error) {
            expect(error).toBeInstanceOf(HeddleError);
          }
        },
      ),
    );
  });
});

describe('NAME=BASEURL', () => {
  test('is cut at the first =', () => {
    expect(parseRouteArgument('eu=http://a/v1/via/x#local=10.0.0.1')).toEqual({
      name: 'eu',
      url: 'http://a/v1/via/x#local=10.0.0.1',
    });
  });

  test.each(['', '=http://a', 'http://a', 'eu'])('%j is not written so', (argument) => {
    expect(faultOf(() => parseRouteArgument(argument), 'usage')).toContain('NAME=BASEURL');
  });
});

describe('core options', () => {
  const options = (more: Partial<ClientOptions>): ClientOptions => ({ routes: [route()], ...more });

  test('are the defaults with what was said, and cannot be changed', () => {
    const core = resolveCore(options({ segmentBytes: 65_536, reorderBytes: 1_000_000 }), 'any');
    const said = { segmentBytes: 65_536, reorderBytes: 1_000_000, output: 'any' };
    expect(core).toEqual({ ...CORE_DEFAULTS, ...said, leastWindowBytes: 131_072 });
    expect(Object.isFrozen(core)).toBe(true);
  });

  test('every window has room for two segments', () => {
    const core = resolveCore(options({ segmentBytes: 1_048_576 }), 'any');
    expect(core).toMatchObject({ firstWindowBytes: 2_097_152, leastWindowBytes: 2_097_152 });
  });

  test.each([0, -1, 1, 32_767, 98_304, 2_097_152, Number.NaN, Number.POSITIVE_INFINITY])(
    '%d is no segment size',
    (segmentBytes) => {
      faultOf(() => resolveCore(options({ segmentBytes }), 'order'));
    },
  );

  test.each([0, -1, 4 * 32_768 - 1, Number.NaN])('%d is not enough to put segments in order', (reorderBytes) => {
    faultOf(() => resolveCore(options({ reorderBytes }), 'order'));
  });
});

describe('root', () => {
  const digits = '0123456789abcdef'.repeat(4);

  test('is taken in either case and kept in one spelling', () => {
    expect(resolveRoot(undefined)).toBeUndefined();
    expect(resolveRoot(`sha256:${digits}`)).toBe(`sha256:${digits}`);
    expect(resolveRoot(`sha256:${digits.toUpperCase()}`)).toBe(`sha256:${digits}`);
  });

  test.each([
    '',
    'x',
    digits,
    `sha256:${digits}0`,
    `sha256:${digits.slice(1)}`,
    `sha512:${digits}`,
    `sha256:g${digits.slice(1)}`,
  ])('%s is none, and is not taken for "any root"', (root) => {
    faultOf(() => resolveRoot(root));
  });
});

test('a token is not shown by printing the options of a route', () => {
  // what is printed by accident (a log of the route list) is not a secret that can be used
  const shown = inspect(resolveRoutes({ routes: [route()] }));
  expect(shown).not.toContain('Bearer');
});
