// Which object this is: the manifest in a HELLO is checked against its signature, the key asked for, and what the user
// pinned (root, origin key), earlier transfers remember (known-origins.ts), or the first route said. A transfer has one
// identity; a route that says another is refused.
import { createPublicKey, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { HeddleError } from '../../protocol/errors.ts';
import type { HelloFrame } from '../../protocol/frames.ts';
import { checkSignedHeader, formatRoot, MANIFEST_TYPE, parseManifest } from '../../protocol/manifest.ts';
import type { Manifest } from '../../protocol/manifest.ts';
import { leafCountOf } from '../../protocol/merkle.ts';
import type { KnownOrigins } from './known-origins.ts';

/** What is demanded of the object's identity. */
export type Pins = {
  /** `sha256:` and 64 hex digits. */
  readonly root?: string | undefined;
  /** Public Ed25519 key of the origin, the `x` of its JWK (base64url). */
  readonly originKey?: string | undefined;
  /** Bytes of the object with that root, when they are known. */
  readonly size?: number | undefined;
  /** Leaves that the object with that root was proven to have at least. */
  readonly leastLeaves?: number | undefined;
};

/** A HELLO that was found to be in order. */
export type Checked = {
  readonly manifest: Manifest;
  /** Public key that signed it. */
  readonly signer: string;
  /** The key was pinned, or remembered for this origin. */
  readonly vouched: boolean;
};

/** The identity of the object of one transfer. */
export class Identity {
  readonly #key: string;
  readonly #pins: Pins;
  readonly #known: KnownOrigins | undefined;
  #manifest: Manifest | undefined;
  #vouched = false;
  /** Keys seen for the first time, by the name of their origin. */
  readonly #strangers = new Map<string, string>();

  /** `known`: the keys that are remembered; looked at only while nothing is pinned. */
  constructor(key: string, pins: Pins, known?: KnownOrigins) {
    this.#key = key;
    this.#pins = pins;
    this.#known = pins.root === undefined && pins.originKey === undefined ? known : undefined;
  }

  /** The manifest accepted first, its size as it was found to be; undefined before the first HELLO. */
  get manifest(): Manifest | undefined {
    return this.#manifest;
  }

  /** True when a route that disagrees is known to be the wrong one. */
  get settled(): boolean {
    return this.#pins.root !== undefined || this.#pins.originKey !== undefined || this.#vouched;
  }

  /** True when nobody who is trusted says how large the object is: the tree has to prove it. */
  get needsSizeProof(): boolean {
    return this.#pins.root !== undefined && this.#pins.originKey === undefined && this.#pins.size === undefined;
  }

  /**
   * Checks a HELLO from the origin called `origin` or throws: `bad-manifest` (malformed, signature, other key than asked
   * for), `key-mismatch`, `root-mismatch`. Whoever is not trusted must agree with the identity adopted.
   */
  check(hello: HelloFrame, origin = ''): Checked {
    const { manifest, signer } = open(hello.manifest);
    const agrees = manifest.size === hello.size && manifest.root === formatRoot(hello.root);
    if (!agrees || manifest.key !== this.#key) throw bad('the manifest is about another object');
    const checked = { manifest, signer, vouched: this.#vouches(signer, origin) };
    const dispute = this.#dispute(manifest);
    if (dispute !== undefined && !this.#isOutranked(checked)) {
      throw new HeddleError('root-mismatch', dispute, { side: 'remote' });
    }
    return checked;
  }

  /** Takes a checked HELLO for the truth; false when it shows that the identity adopted before was a stranger's. */
  adopt(checked: Checked, origin = ''): boolean {
    if (this.#dispute(checked.manifest) !== undefined) return false;
    this.#manifest ??= checked.manifest;
    if (checked.vouched) this.#vouched = true;
    else this.#strangers.set(origin, checked.signer);
    return true;
  }

  /** `check`, then `adopt`: the manifest. */
  accept(hello: HelloFrame, origin = ''): Manifest {
    const checked = this.check(hello, origin);
    this.adopt(checked, origin);
    return checked.manifest;
  }

  /** The last leaf came and is proven: the object has this many bytes, whatever was said. */
  correctSize(size: number): void {
    if (this.#manifest !== undefined) this.#manifest = { ...this.#manifest, size };
  }

  /** The transfer is done and proven: the keys of origins seen for the first time are remembered. */
  async remember(): Promise<void> {
    if (this.#known === undefined) return;
    await this.#known.add([...this.#strangers].map(([name, key]) => ({ name, key })));
  }

  #vouches(signer: string, origin: string): boolean {
    const { originKey } = this.#pins;
    if (originKey !== undefined) {
      if (originKey === signer) return true;
      throw mismatch(`the origin signs with key ${signer}, not with the pinned one`);
    }
    const known = this.#known?.keyOf(origin);
    if (known === undefined || known.key === signer) return known !== undefined;
    throw mismatch(
      `the origin ${origin} signs with key ${signer}, but ${known.place} remembers ${known.key}: ` +
        'somebody may be in between; if the origin was set up anew, remove that line',
    );
  }

  /** What is wrong with a manifest, in words; undefined when it agrees with all that is known. */
  #dispute({ root, size }: Manifest): string | undefined {
    const expected = this.#pins.root ?? this.#manifest?.root;
    if (expected !== undefined && expected !== root) return `the root is ${root}, expected ${expected}`;
    const bytes = this.#pins.size ?? (this.needsSizeProof ? undefined : this.#manifest?.size);
    if (bytes !== undefined && bytes !== size) return `the object of ${root} has ${size} bytes, expected ${bytes}`;
    const { leastLeaves = 0 } = this.#pins;
    return leafCountOf(size) < leastLeaves ? `the object of ${root} is larger than ${size} bytes` : undefined;
  }

  /** One whose key is remembered goes before strangers that came first. */
  #isOutranked({ vouched }: Checked): boolean {
    return vouched && !this.settled;
  }
}

/** The manifest of a compact JWS whose signature holds, and the key that made it. Throws `bad-manifest`. */
export function open(jws: string): { manifest: Manifest; signer: string } {
  const { payload, signer } = openSigned(jws, MANIFEST_TYPE);
  return { manifest: parseManifest(payload), signer };
}

/** The payload of a compact JWS of this type whose signature holds, and the key that made it. Throws `bad-manifest`. */
export function openSigned(jws: string, type: string): { payload: Uint8Array; signer: string } {
  const [header = '', payload = '', signature = '', more] = jws.split('.');
  if (more !== undefined) throw bad('what is signed is not a compact JWS');
  const { key, x } = signerOf(header, type);
  const signed = Buffer.from(`${header}.${payload}`, 'ascii');
  if (!verify(null, signed, key, Buffer.from(signature, 'base64url'))) throw bad('the signature is wrong');
  return { payload: Buffer.from(payload, 'base64url'), signer: x };
}

function signerOf(header: string, type: string): { key: KeyObject; x: string } {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(header, 'base64url').toString('utf8'));
  } catch (cause) {
    throw new HeddleError('bad-manifest', 'what is signed has no readable header', { side: 'remote', cause });
  }
  const { jwk } = checkSignedHeader(value, type);
  return { key: createPublicKey({ key: jwk, format: 'jwk' }), x: jwk.x };
}

function bad(text: string): HeddleError {
  return new HeddleError('bad-manifest', text, { side: 'remote' });
}

function mismatch(text: string): HeddleError {
  return new HeddleError('key-mismatch', text, { side: 'remote' });
}
