// The identity of an object: only a manifest whose signature holds, about the object asked for, and in agreement with
// what is pinned and with what the first route said, is accepted.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Identity, open } from '../../../client/io/identity.ts';
import type { Pins } from '../../../client/io/identity.ts';
import type { KnownOrigins } from '../../../client/io/known-origins.ts';
import { HeddleError } from '../../../protocol/errors.ts';
import type { HelloFrame } from '../../../protocol/frames.ts';
import { encodeManifest, formatRoot, MANIFEST_TYPE } from '../../../protocol/manifest.ts';
import { jwsOf, SignedObject, signingKey } from './signed-object.ts';

const KEY = 'data/a.bin';
const object = new SignedObject(KEY, 100_000);
const root = formatRoot(object.root);

/** The code with which a HELLO is refused by a fresh identity; undefined when it is accepted. */
function refusal(hello: HelloFrame, pins: Pins = {}, identity: Identity = new Identity(KEY, pins)): string | undefined {
  try {
    identity.accept(hello);
    return undefined;
  } catch (error) {
    if (!(error instanceof HeddleError)) throw error;
    expect(error.side).toBe('remote');
    return error.code;
  }
}

describe('signature', () => {
  test('a signed manifest is accepted and kept', () => {
    const identity = new Identity(KEY, {});
    expect(identity.manifest).toBeUndefined();
    expect(identity.accept(object.hello())).toEqual(object.manifest);
    expect(identity.manifest).toEqual(object.manifest);
    expect(open(object.signed()).signer).toBe(object.signer.x);
  });

  test('a manifest signed by another key than it names is refused', () => {
    const other = signingKey();
    const manifest = object.signed({ jwk: { kty: 'OKP', crv: 'Ed25519', x: other.x } });
    expect(refusal(object.hello({ manifest }))).toBe('bad-manifest');
  });

  test.each([
    ['no algorithm', { alg: 'none' }],
    ['another algorithm', { alg: 'HS256' }],
    ['another type', { typ: 'heddle-token+jws' }],
    ['no key', { jwk: undefined }],
    ['a key of another curve', { jwk: { kty: 'OKP', crv: 'X25519', x: object.signer.x } }],
    ['a key that is none', { jwk: { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(42) } }],
  ])('a header with %s is refused', (_, changed) => {
    expect(refusal(object.hello({ manifest: object.signed(changed) }))).toBe('bad-manifest');
  });

  test.each(['', 'a', 'a.b', '...', '..', 'bnVsbA..', 'e30.e30.', `${object.signed()}.x`])(
    '"%s" is no manifest',
    (manifest) => {
      expect(refusal(object.hello({ manifest }))).toBe('bad-manifest');
    },
  );

  test('a signature over something else than a canonical manifest is of no use', () => {
    const header = Buffer.from(
      JSON.stringify({ alg: 'EdDSA', typ: MANIFEST_TYPE, jwk: { kty: 'OKP', crv: 'Ed25519', x: object.signer.x } }),
    );
    const spaced = Buffer.from(JSON.stringify(object.manifest, undefined, 1));
    for (const payload of [Buffer.from('{}'), Buffer.from([0xff]), spaced]) {
      expect(refusal(object.hello({ manifest: jwsOf(header, payload, object.signer.key) }))).toBe('bad-manifest');
    }
    expect(encodeManifest(object.manifest).length).toBeLessThan(spaced.length);
  });

  test('no single changed character makes another manifest of it', () => {
    const jws = object.signed();
    const character = fc.constantFrom(...'ABCDwxyz0189-_.'.split(''));
    fc.assert(
      fc.property(fc.nat(jws.length - 1), character, (at, to) => {
        const changed = jws.slice(0, at) + to + jws.slice(at + 1);
        const identity = new Identity(KEY, {});
        // spare bits of the last character of the signature mean nothing: then it is the same manifest
        if (refusal(object.hello({ manifest: changed }), {}, identity) === undefined) {
          expect(identity.manifest).toEqual(object.manifest);
          expect(open(changed).signer).toBe(object.signer.x);
        } else expect(identity.manifest).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });
});

describe('agreement', () => {
  test('the manifest must be about the key asked for', () => {
    expect(refusal(new SignedObject('data/b.bin', 100_000).hello())).toBe('bad-manifest');
  });

  test('HELLO and manifest must say the same', () => {
    const other = object.root.slice();
    other[0] = (other[0] ?? 0) ^ 1;
    expect(refusal(object.hello({ size: 99_999 }))).toBe('bad-manifest');
    expect(refusal(object.hello({ root: other }))).toBe('bad-manifest');
  });

  test('the first one accepted is what all others must agree with, whoever signed it', () => {
    const identity = new Identity(KEY, {});
    identity.accept(object.hello());
    expect(refusal(new SignedObject(KEY, 100_000).hello(), {}, identity), 'the same bytes by another origin').toBe(
      undefined,
    );
    expect(refusal(new SignedObject(KEY, 100_000, { seed: 2 }).hello(), {}, identity)).toBe('root-mismatch');
    expect(identity.manifest).toEqual(object.manifest);
  });

  test('what was refused first does not count', () => {
    const identity = new Identity(KEY, {});
    expect(refusal(new SignedObject('other', 10).hello(), {}, identity)).toBe('bad-manifest');
    expect(refusal(object.hello(), {}, identity)).toBeUndefined();
  });
});

describe('pins', () => {
  test('a pinned root accepts only that root', () => {
    expect(refusal(object.hello(), { root })).toBeUndefined();
    expect(refusal(new SignedObject(KEY, 100_000, { seed: 2 }).hello(), { root })).toBe('root-mismatch');
  });

  test('a pinned origin key accepts only what that key signed', () => {
    expect(refusal(object.hello(), { originKey: object.signer.x })).toBeUndefined();
    expect(refusal(object.hello(), { originKey: signingKey().x })).toBe('key-mismatch');
  });

  test('says whether it is settled who is wrong', () => {
    expect(new Identity(KEY, {}).settled).toBe(false);
    expect(new Identity(KEY, { root }).settled).toBe(true);
    expect(new Identity(KEY, { originKey: 'x' }).settled).toBe(true);
  });

  test('with the root alone nobody trusted says the size: the tree has to', () => {
    expect(new Identity(KEY, { root }).needsSizeProof).toBe(true);
    expect(new Identity(KEY, { root, originKey: object.signer.x }).needsSizeProof).toBe(false);
    expect(new Identity(KEY, { root, size: 100_000 }).needsSizeProof).toBe(false);
    expect(new Identity(KEY, {}).needsSizeProof).toBe(false);
  });

  test('a size that is known binds, and so does one that is known to be too small', () => {
    expect(refusal(object.hello(), { root, size: 100_000 })).toBeUndefined();
    expect(refusal(object.hello(), { root, size: 99_999 })).toBe('root-mismatch');
    expect(refusal(object.hello(), { root, leastLeaves: 4 })).toBeUndefined();
    expect(refusal(object.hello(), { root, leastLeaves: 5 })).toBe('root-mismatch');
  });
});

describe('remembered keys', () => {
  const known = (keys: Readonly<Record<string, string>>): KnownOrigins & { readonly added: unknown[] } => {
    const added: unknown[] = [];
    return {
      added,
      keyOf: (name) => (keys[name] === undefined ? undefined : { key: keys[name], place: 'known:7' }),
      add: (more) => Promise.resolve(void added.push(...more)),
    };
  };

  test('the key remembered for the origin vouches for the object; another one is refused and the line is named', () => {
    const identity = new Identity(KEY, {}, known({ o: object.signer.x }));
    identity.accept(object.hello(), 'o');
    expect(identity.settled).toBe(true);
    const changed = new Identity(KEY, {}, known({ o: signingKey().x }));
    expect(() => changed.accept(object.hello(), 'o')).toThrow(/known:7 remembers/);
    expect(refusal(object.hello(), {}, changed), 'another origin').toBeUndefined();
  });

  test('a stranger that came first gives way to an origin whose key is remembered', () => {
    const stranger = new SignedObject(KEY, 100_000, { seed: 2 });
    const identity = new Identity(KEY, {}, known({ o: object.signer.x }));
    identity.accept(stranger.hello(), 's');
    const checked = identity.check(object.hello(), 'o');
    expect(identity.adopt(checked, 'o'), 'the transfer has to start over').toBe(false);
    const other = new Identity(KEY, {}, known({ o: object.signer.x }));
    other.accept(object.hello(), 'o');
    expect(refusal(stranger.hello(), {}, other)).toBe('root-mismatch');
  });

  test('strangers are remembered in the end, and only when nothing was pinned', async () => {
    const nobody = known({});
    const identity = new Identity(KEY, {}, nobody);
    identity.accept(object.hello(), 'o');
    await identity.remember();
    expect(nobody.added).toEqual([{ name: 'o', key: object.signer.x }]);
    const pinned = new Identity(KEY, { root }, nobody);
    pinned.accept(object.hello(), 'p');
    await pinned.remember();
    expect(nobody.added).toHaveLength(1);
  });
});

test('an empty object has an identity as well', () => {
  const empty = new SignedObject(KEY, 0);
  const identity = new Identity(KEY, {});
  expect(identity.accept(empty.hello({ held: [] }))).toMatchObject({ size: 0 });
});
