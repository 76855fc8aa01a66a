// An object as an origin would offer it: bytes, the tree over them, proof pages, and a HELLO with a signed manifest.
import { generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { sha256 } from '../../../client/io/sha256.ts';
import type { HelloFrame, ProofPage } from '../../../protocol/frames.ts';
import { HASH_BYTES, LEAF_BYTES } from '../../../protocol/limits.ts';
import { encodeManifest, manifestOf, MANIFEST_TYPE } from '../../../protocol/manifest.ts';
import type { Manifest } from '../../../protocol/manifest.ts';
import { buildLevels, hashLeaf, leafCountOf, levelOf, pageAt, rootOf } from '../../../protocol/merkle.ts';
import { objectBytes } from '../../support/object-bytes.ts';

/** A signing key and its public half as a manifest names it. */
export type SigningKey = { readonly key: KeyObject; readonly x: string };

export function signingKey(): SigningKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return { key: privateKey, x: String(publicKey.export({ format: 'jwk' }).x) };
}

/** An object of `size` bytes made from `seed`. */
export class SignedObject {
  readonly key: string;
  readonly bytes: Buffer;
  readonly levels: Uint8Array[];
  readonly signer: SigningKey;

  constructor(key: string, size: number, more: { readonly seed?: number; readonly signer?: SigningKey } = {}) {
    this.key = key;
    this.signer = more.signer ?? signingKey();
    this.bytes = objectBytes(size, more.seed ?? 1);
    const leaves = new Uint8Array(leafCountOf(size) * HASH_BYTES);
    for (let at = 0; at * LEAF_BYTES < size; at += 1) {
      leaves.set(hashLeaf(this.bytes.subarray(at * LEAF_BYTES, (at + 1) * LEAF_BYTES), sha256), at * HASH_BYTES);
    }
    this.levels = buildLevels(leaves, sha256);
  }

  get root(): Uint8Array {
    return rootOf(this.levels);
  }

  get manifest(): Manifest {
    const { key, bytes, root } = this;
    return manifestOf({ key, size: bytes.length, root, contentType: 'application/octet-stream' });
  }

  /** The manifest as a compact JWS; `changed` replaces members of its header. */
  signed(changed: Readonly<Record<string, unknown>> = {}): string {
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: this.signer.x };
    const header = Buffer.from(JSON.stringify({ alg: 'EdDSA', typ: MANIFEST_TYPE, jwk, ...changed }));
    return jwsOf(header, encodeManifest(this.manifest), this.signer.key);
  }

  hello(changed: Partial<HelloFrame> = {}): HelloFrame {
    const { bytes, root } = this;
    const held = [{ first: 0, length: leafCountOf(bytes.length) }];
    return { type: 'hello', objectId: 'id', size: bytes.length, root, manifest: this.signed(), held, ...changed };
  }

  /** The page of `span` nodes that holds the node of segment `index`. */
  page(index: number, span: number, segmentBytes: number = LEAF_BYTES): ProofPage {
    return pageAt(this.levels, levelOf(segmentBytes), index, span);
  }
}

/** A compact JWS over any payload, signed with `key`. */
export function jwsOf(header: Uint8Array, payload: Uint8Array, key: KeyObject): string {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
  const signed = `${text(header)}.${text(payload)}`;
  return `${signed}.${text(sign(null, Buffer.from(signed), key))}`;
}
