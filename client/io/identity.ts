// Which object this is: the manifest in a HELLO is checked against its signature, the key asked for, and what the user
// pinned (root, origin key) or the first route said. A transfer has one identity; a route that says another is refused.
import { createPublicKey, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { HeddleError } from '../../protocol/errors.ts';
import type { HelloFrame } from '../../protocol/frames.ts';
import { checkManifestHeader, formatRoot, parseManifest } from '../../protocol/manifest.ts';
import type { Manifest } from '../../protocol/manifest.ts';

/** What the user demands of the object's identity. */
export type Pins = {
  /** `sha256:` and 64 hex digits. */
  readonly root?: string | undefined;
  /** Public Ed25519 key of the origin, the `x` of its JWK (base64url). */
  readonly originKey?: string | undefined;
};

/** The identity of the object of one transfer. */
export class Identity {
  readonly #key: string;
  readonly #pins: Pins;
  #manifest: Manifest | undefined;

  constructor(key: string, pins: Pins) {
    this.#key = key;
    this.#pins = pins;
  }

  /** The manifest accepted first; undefined before the first HELLO. */
  get manifest(): Manifest | undefined {
    return this.#manifest;
  }

  /** True when a route that disagrees is known to be the wrong one. */
  get pinned(): boolean {
    return this.#pins.root !== undefined || this.#pins.originKey !== undefined;
  }

  /**
   * Accepts a HELLO or throws: `bad-manifest` (malformed, signature, other key than asked for), `key-mismatch`,
   * `root-mismatch`. The first one accepted is the identity all others must agree with.
   */
  accept(hello: HelloFrame): Manifest {
    const { manifest, signer } = open(hello.manifest);
    const agrees = manifest.size === hello.size && manifest.root === formatRoot(hello.root);
    if (!agrees || manifest.key !== this.#key) throw bad('the manifest is about another object');
    if (this.#pins.originKey !== undefined && this.#pins.originKey !== signer) {
      throw new HeddleError('key-mismatch', `the origin signs with key ${signer}, not with the pinned one`, {
        side: 'remote',
      });
    }
    const expected = this.#pins.root ?? this.#manifest?.root;
    if (expected !== undefined && expected !== manifest.root) {
      throw new HeddleError('root-mismatch', `the root is ${manifest.root}, expected ${expected}`, { side: 'remote' });
    }
    this.#manifest ??= manifest;
    return manifest;
  }
}

/** The manifest of a compact JWS whose signature holds, and the key that made it. Throws `bad-manifest`. */
export function open(jws: string): { manifest: Manifest; signer: string } {
  const [header = '', payload = '', signature = '', more] = jws.split('.');
  if (more !== undefined) throw bad('the manifest is not a compact JWS');
  const { key, x } = signerOf(header);
  const signed = Buffer.from(`${header}.${payload}`, 'ascii');
  if (!verify(null, signed, key, Buffer.from(signature, 'base64url'))) throw bad('the signature is wrong');
  return { manifest: parseManifest(Buffer.from(payload, 'base64url')), signer: x };
}

function signerOf(header: string): { key: KeyObject; x: string } {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(header, 'base64url').toString('utf8'));
  } catch (cause) {
    throw new HeddleError('bad-manifest', 'the manifest has no readable header', { side: 'remote', cause });
  }
  const { jwk } = checkManifestHeader(value);
  return { key: createPublicKey({ key: jwk, format: 'jwk' }), x: jwk.x };
}

function bad(text: string): HeddleError {
  return new HeddleError('bad-manifest', text, { side: 'remote' });
}
