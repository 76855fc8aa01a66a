// Keys survive the way through a URL; nothing that climbs, hides or changes the host does.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../protocol/limits.ts';
import { decodeKey, encodeKey, hopsOf, keyOfSegmentsPath, pathsOf, splitVia } from '../../protocol/paths.ts';

const part = fc
  .oneof(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
    fc.string({ unit: fc.constantFrom(...Array.from('%2eF.?#&=+ ~:@;"<>[]{}|^`')), minLength: 1, maxLength: 8 }),
  )
  .map((text) => text.replace(/[\\/\p{Cc}]/gu, '_'))
  .filter((text) => text !== '.' && text !== '..');
const keys = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('/'));

const badRequest = (side: 'local' | 'remote'): unknown => expect.objectContaining({ code: 'bad-request', side });

describe('a key', () => {
  it('comes back as it was, and stays one path below its prefix whoever reads the URL', () => {
    fc.assert(
      fc.property(keys, (key) => {
        const encoded = encodeKey(key);
        expect(encoded).toMatch(/^[\x21-\x7e]+$/);
        expect(decodeKey(encoded)).toBe(key);
        const { segments, object, manifest, nodes } = pathsOf(key);
        for (const path of [segments, object, manifest, nodes]) {
          const url = new URL(path, 'http://origin.example');
          expect(url.pathname).toBe(path);
          expect(url.host + url.search + url.hash).toBe('origin.example');
        }
        expect(keyOfSegmentsPath(segments)).toBe(key);
        expect(keyOfSegmentsPath(`${segments}?a=/../b`)).toBe(key);
        expect(keyOfSegmentsPath(object)).toBeUndefined();
      }),
    );
  });

  const refused = [
    '',
    '.',
    '..',
    'a/../b',
    '../a',
    'a/..',
    'a/./b',
    '/a',
    'a/',
    'a//b',
    'a\\b',
    'a\0b',
    'a\nb',
    'a\u007fb',
  ];
  it.each([...refused, 'a\u009bb', '\ud800'])('%j is refused both ways', (key) => {
    expect(() => encodeKey(key)).toThrow(badRequest('local'));
    const escaped = key.isWellFormed() ? key.split('/').map(encodeURIComponent).join('/') : '%ED%A0%80';
    expect(() => decodeKey(escaped)).toThrow(badRequest('remote'));
    expect(() => keyOfSegmentsPath(`/v1/segments/${escaped}`)).toThrow(badRequest('remote'));
  });

  const hidden = [
    '%2e',
    '%2E%2e',
    'a/.%2e/b',
    'a%2fb',
    'a%2Fb',
    '..%2f..',
    '%5c..',
    '..%5c',
    '%00',
    'a%0d%0ab',
    '%',
    '%zz',
    '%c3',
    '%c0%ae',
    '%2',
    'a/%2e%2e',
  ];
  it.each(hidden)('%s is refused in whatever disguise', (encoded) => {
    expect(() => decodeKey(encoded)).toThrow(badRequest('remote'));
  });

  it('is refused beyond its limit', () => {
    const key = 'é'.repeat(LIMITS.maxKeyBytes / 2);
    expect(decodeKey(encodeKey(key))).toBe(key);
    expect(() => encodeKey(`${key}a`)).toThrow(badRequest('local'));
    expect(() => decodeKey(`${encodeKey(key)}a`)).toThrow(badRequest('remote'));
  });

  it('may look like an escape, once', () => {
    expect(decodeKey('%252e%252e')).toBe('%2e%2e');
    expect(encodeKey('%2e%2e')).toBe('%252e%252e');
    expect(decodeKey('...')).toBe('...');
  });

  it('never decodes to one that encodeKey would refuse', () => {
    const raw = fc.string({
      unit: fc.constantFrom('%', '2', 'e', 'E', 'F', '5', 'c', '0', '.', '/', '\\', 'a', 'é'),
      maxLength: 20,
    });
    fc.assert(
      fc.property(raw, (encoded) => {
        let key: string;
        try {
          key = decodeKey(encoded);
        } catch (error) {
          expect(error).toEqual(badRequest('remote'));
          return;
        }
        expect(decodeKey(encodeKey(key))).toBe(key);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('the way through a relay', () => {
  it('takes off one upstream and leaves the rest byte for byte', () => {
    expect(splitVia('/v1/via/eu/v1/via/main/v1/segments/a%20b?x=../y')).toEqual({
      upstream: 'eu',
      rest: '/v1/via/main/v1/segments/a%20b?x=../y',
    });
    expect(splitVia('/v1/via/eu/readyz')).toEqual({ upstream: 'eu', rest: '/readyz' });
    fc.assert(
      fc.property(keys, (key) => {
        const { segments } = pathsOf(key);
        expect(splitVia(`/v1/via/main${segments}`)).toEqual({ upstream: 'main', rest: segments });
      }),
    );
  });

  it.each(['/v1/segments/a', '/v1/via/', '/v1/via/main', '/v1/viaduct/a/b', '/V1/via/a/b', ''])(
    '%j leads elsewhere',
    (path) => {
      expect(splitVia(path)).toBeUndefined();
    },
  );

  it.each(['', '.', '..', 'a b', 'a%20b', '-a', 'http:', 'a@b', 'a:80', 'é', 'a'.repeat(65)])(
    '%j is no upstream',
    (name) => {
      expect(() => splitVia(`/v1/via/${name}/v1/segments/a`)).toThrow(badRequest('remote'));
    },
  );

  const climbing = [
    '/',
    '//evil.example/x',
    '/../x',
    '/v1/../../x',
    '/v1/%2e%2e/x',
    '/v1/.%2E/x',
    '/v1/./x',
    '/v1/a%2f..%2fb',
  ];
  const odd = [
    '/v1\\..\\x',
    '/v1/%5c',
    '/v1/a b',
    '/v1/a\r\nHost: x',
    '/v1/é',
    '/v1/a#b',
    '/v1/%',
    '/v1/%00',
    '/v1//a',
    '/v1/a/',
  ];
  it.each([...climbing, ...odd])('%j is no rest that a relay may forward', (rest) => {
    expect(() => splitVia(`/v1/via/main${rest}`)).toThrow(badRequest('remote'));
  });

  it('leaves every path it forwards below the base URL of the upstream', () => {
    const text = fc.string({ unit: fc.constantFrom(...Array.from('/.%2e5cEF\\?#@:a\t\n é')), maxLength: 16 });
    fc.assert(
      fc.property(text, (tail) => {
        let rest: string;
        try {
          rest = splitVia(`/v1/via/main/${tail}`)?.rest ?? '';
        } catch (error) {
          expect(error).toEqual(badRequest('remote'));
          return;
        }
        expect(new URL(`http://origin.example/base${rest}`).href).toBe(`http://origin.example/base${rest}`);
        expect(new URL(rest, 'http://origin.example').host).toBe('origin.example');
      }),
      { numRuns: 1_000 },
    );
  });

  it('counts the relays of a route', () => {
    expect(hopsOf('http://origin.example')).toBe(0);
    expect(hopsOf('https://ap.example/v1/via/eu/v1/via/main')).toBe(2);
  });
});
