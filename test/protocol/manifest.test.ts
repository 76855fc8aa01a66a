// The manifest's one byte form, everything else refused, and the signature's header checked with a real one.
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { CompactSign, compactVerify, EmbeddedJWK, exportJWK, generateKeyPair } from 'jose';
import { describe, expect, it } from 'vitest';
import { LEAF_BYTES, LIMITS } from '../../protocol/limits.ts';
import {
  checkManifestHeader,
  encodeManifest,
  etagOf,
  formatRoot,
  MANIFEST_TYPE,
  manifestOf,
  parseManifest,
  parseRoot,
} from '../../protocol/manifest.ts';
import type { Manifest } from '../../protocol/manifest.ts';

const hex = 'ab'.repeat(32);
const emptyRoot = createHash('sha256').digest();
const manifest: Manifest = {
  key: 'models/é.bin',
  size: 70_000,
  leafBytes: LEAF_BYTES,
  root: `sha256:${hex}`,
  etag: `"sha256-${hex}"`,
  contentType: 'application/octet-stream',
  modified: 1_760_000_000_123,
};
const text =
  `{"contentType":"application/octet-stream","etag":"\\"sha256-${hex}\\"","key":"models/é.bin",` +
  `"leafBytes":32768,"modified":1760000000123,"root":"sha256:${hex}","size":70000}`;
const bytes = (value: string): Uint8Array => new TextEncoder().encode(value);
const badManifest = (side: 'local' | 'remote'): unknown => expect.objectContaining({ code: 'bad-manifest', side });

/** A change as a short title. */
const shown = (change: unknown): string => (JSON.stringify(change) ?? '').slice(0, 60);

const manifests = fc
  .record({
    key: fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
      .map((key) => `k${key.replace(/[\\/\p{Cc}]/gu, '_')}`),
    size: fc.oneof(fc.integer({ min: 1, max: 100_000 }), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })),
    root: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    contentType: fc.constantFrom('text/plain; charset=utf-8', 'video/mp4', 'application/vnd.a+json'),
    modified: fc.option(fc.nat(8_640_000_000_000_000), { nil: undefined }),
  })
  .map(manifestOf);

describe('a manifest', () => {
  it('is this text', () => {
    expect(new TextDecoder().decode(encodeManifest(manifest))).toBe(text);
    expect(parseManifest(bytes(text))).toEqual(manifest);
  });

  it('says of an object what follows from it', () => {
    const root = Uint8Array.from({ length: 32 }, () => 0xab);
    const { key, size, contentType, modified } = manifest;
    expect(manifestOf({ key, size, root, contentType, modified })).toEqual(manifest);
    expect(manifestOf({ key, size, root, contentType })).not.toHaveProperty('modified');
  });

  it('comes back as it was', () => {
    fc.assert(
      fc.property(manifests, (sent) => {
        expect(parseManifest(encodeManifest(sent))).toEqual(sent);
      }),
    );
  });

  it('is refused in any other form of the same', () => {
    const others = [
      ` ${text}`,
      `${text}\n`,
      `\ufeff${text}`,
      text.replace(',', ', '),
      text.replace('70000', '7e4'),
      text.replace('70000', '70000.0'),
      text.replace('é', '\\u00e9'),
      text.replace('{', '{"extra":1,'),
      text.replace('{', '{"__proto__":1,'),
      text.replace('{', '{"size":1,'),
      text.replace('}', ',"size":70000}'),
      JSON.stringify(manifest),
      text.slice(0, -1),
      '',
      'null',
      '[]',
      '"a"',
      '1',
    ];
    for (const other of others) expect(() => parseManifest(bytes(other)), other).toThrow(badManifest('remote'));
    const broken = bytes(text.replace('é', 'e')).map((byte, at, all) => (all[at + 1] === 0x2e ? 0xff : byte));
    expect(() => parseManifest(broken)).toThrow(/not JSON/);
  });

  const changes: Record<string, unknown>[] = [
    { key: '' },
    { key: '../a' },
    { key: 'a\n' },
    { key: 'a'.repeat(LIMITS.maxKeyBytes + 1) },
    { key: '\ud800' },
    { key: 7 },
    { size: -1 },
    { size: 0.5 },
    { size: 2 ** 53 },
    { size: '1' },
    { size: 0 },
    { leafBytes: 65_536 },
    { leafBytes: undefined },
    { root: hex },
    { root: `sha256:${hex.toUpperCase()}` },
    { root: `sha512:${hex}` },
    { root: `sha256:${hex}\n` },
    { root: formatRoot(emptyRoot), etag: etagOf(formatRoot(emptyRoot)) },
    { etag: `W/"sha256-${hex}"` },
    { etag: `"sha256-${'ac'.repeat(32)}"` },
    { contentType: 'text' },
    { contentType: 'text/plain\r\nSet-Cookie: a' },
    { contentType: 'text/plain; a=é' },
    { contentType: `text/${'a'.repeat(255)}` },
    { contentType: undefined },
    { modified: -1 },
    { modified: 1.5 },
    { modified: null },
    { modified: 8.64e15 + 1 },
  ];
  const named = changes.map((change): [string, Record<string, unknown>] => [shown(change), change]);
  it.each(named)('is refused with %s', (_, change) => {
    const changed = { ...manifest, ...change };
    expect(() => encodeManifest(changed as Manifest)).toThrow(badManifest('local'));
    const { contentType, etag, key, leafBytes, modified, root, size } = changed;
    const sent = JSON.stringify({ contentType, etag, key, leafBytes, modified, root, size });
    expect(() => parseManifest(bytes(sent))).toThrow(badManifest('remote'));
  });

  it('of an empty object has the root of an empty object', () => {
    const empty = manifestOf({ key: 'a', size: 0, root: emptyRoot, contentType: 'text/plain' });
    expect(parseManifest(encodeManifest(empty))).toEqual(empty);
  });

  it('is refused beyond its limit, and survives any bytes', () => {
    expect(() => parseManifest(new Uint8Array(LIMITS.maxManifestBytes + 1))).toThrow(/exceeds/);
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }), fc.json().map(bytes)), (any) => {
        expect(() => parseManifest(any)).toThrow(badManifest('remote'));
      }),
    );
  });

  it('fits into its limit when it is signed, however long its key', () => {
    const key = '"'.repeat(LIMITS.maxKeyBytes);
    const payload = encodeManifest({ ...manifest, key, contentType: `text/${'a'.repeat(250)}` });
    expect((payload.length * 4) / 3).toBeLessThan(LIMITS.maxManifestBytes - 512);
  });
});

describe('the signature', () => {
  it('has a header with the key, and its payload is the manifest', async () => {
    const { publicKey, privateKey } = await generateKeyPair('EdDSA', { extractable: true });
    const { kty, crv, x } = await exportJWK(publicKey);
    const header = checkManifestHeader({ alg: 'EdDSA', typ: MANIFEST_TYPE, jwk: { kty, crv, x } });
    const signed = await new CompactSign(encodeManifest(manifest)).setProtectedHeader(header).sign(privateKey);
    expect(signed.length).toBeLessThan(LIMITS.maxManifestBytes);
    const { payload, protectedHeader } = await compactVerify(signed, EmbeddedJWK, { algorithms: ['EdDSA'] });
    expect(checkManifestHeader(protectedHeader)).toEqual(header);
    expect(parseManifest(payload)).toEqual(manifest);
  });

  const x = 'A'.repeat(43);
  const jwk = { kty: 'OKP', crv: 'Ed25519', x };
  const good = { alg: 'EdDSA', typ: MANIFEST_TYPE, jwk };
  const headers: unknown[] = [
    undefined,
    null,
    [],
    { ...good, alg: 'none' },
    { ...good, alg: 'HS256' },
    { ...good, typ: 'JWT' },
    { ...good, jwk: undefined },
    { ...good, jwk: { ...jwk, crv: 'X25519' } },
    { ...good, jwk: { ...jwk, kty: 'EC' } },
    { ...good, jwk: { ...jwk, x: 'A'.repeat(42) } },
    { ...good, jwk: { ...jwk, x: `${'A'.repeat(42)}B` } },
    { ...good, jwk: { ...jwk, d: x } },
    { ...good, crit: ['b64'], b64: false },
    { ...good, kid: '1' },
  ];
  it.each(headers)('is refused with the header %j', (header) => {
    expect(checkManifestHeader(good)).toEqual(good);
    expect(() => checkManifestHeader(header)).toThrow(badManifest('remote'));
  });
});

describe('a root', () => {
  it('comes back from its text, in either case', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (root) => {
        const written = formatRoot(root);
        expect(written).toBe(`sha256:${Buffer.from(root).toString('hex')}`);
        expect(parseRoot(written)).toEqual(root);
        expect(parseRoot(`sha256:${written.slice(7).toUpperCase()}`)).toEqual(root);
        expect(etagOf(written)).toBe(`"sha256-${written.slice(7)}"`);
      }),
    );
  });

  it.each([
    '',
    hex,
    `sha256:${hex.slice(1)}`,
    `sha256:${hex}0`,
    `sha256:${'g'.repeat(64)}`,
    ` sha256:${hex}`,
    `sha256:${hex}\n`,
  ])('is not %j', (written) => {
    expect(parseRoot(written)).toBeUndefined();
  });
});
