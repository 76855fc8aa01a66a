// What users say about mirrors, and what a URL in the place of a key leads to.
import { describe, expect, test } from 'vitest';
import { isUrl, mirrorOfUrl, parseMirrorArgument, resolveMirror, routesToUrl } from '../../client/mirrors.ts';
import { resolveCore, resolveRoutes } from '../../client/options.ts';
import { HeddleError } from '../../protocol/errors.ts';

const MIRROR = { name: 'm', url: 'http://h/a.bin' };

/** The code and text with which `run` throws. */
function thrown(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof HeddleError) return `${error.code}: ${error.message}`;
  }
  return 'nothing thrown';
}

test.each([
  ['http://h/a', true],
  ['HTTPS://h/a', true],
  ['ftp://h/a', true],
  ['a/b', false],
  ['http:/a', false],
  ['c:\\a', false],
])('%s is a URL: %s', (key, expected) => expect(isUrl(key)).toBe(expected));

describe('mirrors', () => {
  test('are sources that prove nothing and never see the token', () => {
    const routes = resolveRoutes({ routes: [{ name: 'r', url: 'http://o' }], mirrors: [MIRROR], token: 'secret' });
    expect(routes[0]).toMatchObject({ name: 'r', authorization: 'Bearer secret' });
    expect(routes[0]?.mirror).toBeUndefined();
    expect(routes[1]).toMatchObject({ name: 'm', authorization: undefined, mirror: 'copy', terms: { proves: false } });
  });

  test('have queries, passwords and local addresses', () => {
    const url = 'https://me:se%20cret@h/a.bin?sig=1&x=%2F#local=127.0.0.2';
    const { baseUrl, localAddress } = resolveMirror({ name: 'm', url });
    expect(baseUrl.href).toBe('https://me:se%20cret@h/a.bin?sig=1&x=%2F');
    expect(localAddress).toBe('127.0.0.2');
  });

  test('make segments larger, unless the user says otherwise', () => {
    const routes = [{ name: 'r', url: 'http://o' }];
    expect(resolveCore({ routes }, 'any').segmentBytes).toBe(32_768);
    expect(resolveCore({ routes, mirrors: [MIRROR] }, 'any').segmentBytes).toBe(131_072);
    expect(resolveCore({ routes, mirrors: [MIRROR], segmentBytes: 65_536 }, 'any').segmentBytes).toBe(65_536);
  });

  test.each<[string, () => unknown, string]>([
    ['no source at all', () => resolveRoutes({ routes: [], mirrors: [] }), 'bad-configuration: no route is given'],
    [
      'one name for two',
      () => resolveRoutes({ routes: [{ name: 'm', url: 'http://o' }], mirrors: [MIRROR] }),
      'bad-configuration: two routes have the name "m"',
    ],
    ['no name', () => resolveRoutes({ routes: [], mirrors: [{ ...MIRROR, name: '' }] }), 'bad-configuration: "" is no'],
    ['no URL', () => resolveMirror({ name: 'm', url: 'h/a' }), 'bad-configuration: mirror m: "h/a" is not a URL'],
    [
      'no http',
      () => resolveMirror({ name: 'm', url: 'file:///etc/passwd' }),
      'bad-configuration: mirror m: only http',
    ],
    [
      'no address',
      () => resolveMirror({ ...MIRROR, localAddress: 'none0' }),
      'bad-configuration: mirror m: "none0" is neither an IP address nor an interface of this machine (',
    ],
    ['no equals sign', () => parseMirrorArgument('http://h/a?b=c'), 'usage: a mirror is written NAME=URL'],
    ['nothing in front of it', () => parseMirrorArgument('=http://h/a'), 'usage: a mirror is written NAME=URL'],
  ])('%s', (_, run, expected) => expect(thrown(run)).toContain(expected));
});

describe('a URL in the place of a key', () => {
  test('is a mirror of its own, named by its host', () => {
    const { key, routes } = routesToUrl('http://h:8080/a.bin?x=1', []);
    expect(key).toBe('http://h:8080/a.bin?x=1');
    expect(routes).toMatchObject([{ name: 'h-8080', mirror: 'primary' }]);
  });

  test('stands before the others, with a name of its own', () => {
    const { routes } = routesToUrl('http://h/a.bin', [resolveMirror({ name: 'h', url: 'http://other/a.bin' })]);
    expect(routes.map(({ name, mirror }) => [name, mirror])).toEqual([
      ['h-2', 'primary'],
      ['h', 'copy'],
    ]);
  });

  test('is shown without its password', () => {
    expect(routesToUrl('http://me:secret@h/a.bin', []).key).toBe('http://h/a.bin');
  });

  test.each([
    ['http://[::1]:80/a', '1'],
    ['http://[::]/a', 'mirror'],
    ['http://-x/a', 'x'],
  ])('%s is called %s', (url, name) => expect(mirrorOfUrl(url, []).name).toBe(name));

  test('needs no route, and a route needs a key', () => {
    const [route] = resolveRoutes({ routes: [{ name: 'r', url: 'http://o' }] });
    expect(thrown(() => routesToUrl('http://h/a', route === undefined ? [] : [route]))).toContain(
      'usage: a route needs',
    );
  });
});
