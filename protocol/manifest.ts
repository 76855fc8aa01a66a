// The manifest: what an origin says, under its signature, about one object. Here are its fields, its one and only byte
// form, and the header its JWS must have. Signing and checking the signature (EdDSA, jose) belongs to the roles.
//
// A manifest travels as a compact JWS whose payload is the canonical JSON of the fields (RFC 8785: keys sorted, no white
// space, UTF-8). Payloads in any other form are refused, so equal manifests are equal bytes and no field hides twice.
// A new field therefore needs a new `typ`.
import { HeddleError } from './errors.ts';
import { HASH_BYTES, LEAF_BYTES, LIMITS } from './limits.ts';
import { encodeKey } from './paths.ts';

/** A Merkle root as text: `sha256:` and 64 lower-case hex digits. */
export type RootText = `sha256:${string}`;

/** What an origin signs about an object. */
export type Manifest = {
  readonly key: string;
  /** Bytes of the object. */
  readonly size: number;
  /** Bytes of a leaf of its Merkle tree; LEAF_BYTES in this version. */
  readonly leafBytes: number;
  readonly root: RootText;
  /** Strong ETag, quotes included; follows from the root. */
  readonly etag: string;
  readonly contentType: string;
  /** Last modification, milliseconds since 1970. */
  readonly modified?: number;
};

/** The protected header of what an origin signs, with the public key it is signed with; exactly these members. */
type SignedHeader = {
  readonly alg: 'EdDSA';
  readonly typ: string;
  readonly jwk: { readonly kty: 'OKP'; readonly crv: 'Ed25519'; readonly x: string };
};

/** The `typ` of a manifest's JWS: a token signed with the same key can never pass as a manifest, nor the reverse. */
export const MANIFEST_TYPE = 'heddle-manifest+jws';

/** The largest content type, characters; as long as any registered one with its parameters. */
const MAX_CONTENT_TYPE_CHARACTERS = 255;

/** The largest time a Date can hold, milliseconds. */
const MAX_TIME_MS = 8.64e15;

/** 32 bytes in base64url, the unused bits of the last digit zero: one key has one text, so texts can be pinned. */
const PUBLIC_KEY = /^[\w-]{42}[AEIMQUYcgkosw048]$/;

const EMPTY_ROOT: RootText = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/** The manifest of an object from what is known about it; the rest follows. Throws `bad-manifest`, side local. */
export function manifestOf(object: {
  readonly key: string;
  readonly size: number;
  readonly root: Uint8Array;
  readonly contentType: string;
  readonly modified?: number | undefined;
}): Manifest {
  const { key, size, contentType, modified } = object;
  const root = formatRoot(object.root);
  const times = modified === undefined ? {} : { modified };
  return checked({ key, size, leafBytes: LEAF_BYTES, root, etag: etagOf(root), contentType, ...times }, 'local');
}

/** The payload to sign: canonical JSON. Throws `bad-manifest`, side local. */
export function encodeManifest(manifest: Manifest): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(canonical(checked(manifest, 'local')));
}

/** The manifest whose canonical JSON is `payload`. Throws `bad-manifest`, side remote. The signature is not its matter. */
export function parseManifest(payload: Uint8Array): Manifest {
  if (payload.length > LIMITS.maxManifestBytes) throw bad(`the manifest exceeds ${LIMITS.maxManifestBytes} bytes`);
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload);
    value = JSON.parse(text);
  } catch (cause) {
    throw bad('the manifest is not JSON', 'remote', cause);
  }
  const manifest = checked(value, 'remote');
  if (canonical(manifest) !== text) throw bad('the manifest is not canonical JSON, or has unknown members');
  return manifest;
}

/** The header of a JWS that an origin made, checked before its key is used. Throws `bad-manifest`, side remote. */
export function checkSignedHeader(value: unknown, type: string): SignedHeader {
  const { alg, typ, jwk, ...others } = membersOf(value);
  const { kty, crv, x, ...more } = membersOf(jwk);
  if (alg !== 'EdDSA') throw bad('the manifest is not signed with EdDSA');
  if (typ !== type) throw bad(`the signed text is no ${type}`);
  if (kty !== 'OKP' || crv !== 'Ed25519' || typeof x !== 'string' || !PUBLIC_KEY.test(x)) {
    throw bad("the manifest's key is not an Ed25519 key");
  }
  if (Object.keys(others).length + Object.keys(more).length > 0) throw bad("the manifest's header has unknown members");
  return { alg, typ: type, jwk: { kty, crv, x } };
}

/** The header of a manifest's JWS. Throws `bad-manifest`, side remote. */
export function checkManifestHeader(value: unknown): SignedHeader {
  return checkSignedHeader(value, MANIFEST_TYPE);
}

/** The strong ETag of an object with this root, quotes included. */
export function etagOf(root: RootText): string {
  return `"${root.replace(':', '-')}"`;
}

/** The 32 bytes of `sha256:HEX` (either case, as people paste it); undefined when it is nothing of the kind. */
export function parseRoot(text: string): Uint8Array<ArrayBuffer> | undefined {
  const hex = /^sha256:([0-9a-fA-F]{64})$/.exec(text)?.[1];
  if (hex === undefined) return undefined;
  return Uint8Array.from({ length: HASH_BYTES }, (_, at) => Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16));
}

/** `sha256:` and the 64 lower-case hex digits of a root. */
export function formatRoot(root: Uint8Array): RootText {
  let hex = '';
  for (const byte of root) hex += byte.toString(16).padStart(2, '0');
  return `sha256:${hex}`;
}

function canonical({ contentType, etag, key, leafBytes, modified, root, size }: Manifest): string {
  // In the order of the names; JSON.stringify leaves an undefined member out.
  return JSON.stringify({ contentType, etag, key, leafBytes, modified, root, size });
}

function checked(value: unknown, side: 'local' | 'remote'): Manifest {
  const { key, size, leafBytes, root, etag, contentType, modified } = membersOf(value, side);
  if (typeof key !== 'string' || !isKey(key)) throw bad('the key is not one', side);
  if (!isCount(size, Number.MAX_SAFE_INTEGER)) throw bad('the size is not a number of bytes', side);
  if (leafBytes !== LEAF_BYTES) throw bad(`the leaf is not ${LEAF_BYTES} bytes`, side);
  if (!isRoot(root)) throw bad('the root is not sha256 with 64 lower-case hex digits', side);
  if ((size === 0) !== (root === EMPTY_ROOT)) throw bad('the root does not fit the size', side);
  if (etag !== etagOf(root)) throw bad('the ETag does not follow from the root', side);
  if (!isContentType(contentType)) throw bad('the content type is not one', side);
  if (modified === undefined) return { key, size, leafBytes, root, etag, contentType };
  if (!isCount(modified, MAX_TIME_MS)) throw bad('the time of modification is not one', side);
  return { key, size, leafBytes, root, etag, contentType, modified };
}

function membersOf(value: unknown, side: 'local' | 'remote' = 'remote'): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad('an object is missing', side);
  return { ...value };
}

function isKey(key: string): boolean {
  try {
    return encodeKey(key) !== '';
  } catch {
    return false;
  }
}

function isCount(value: unknown, maximum: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= maximum;
}

function isRoot(value: unknown): value is RootText {
  return typeof value === 'string' && /^sha256:[0-9a-f]{64}$/.test(value);
}

/** A content type goes into headers as it is: printable ASCII, type/subtype, then perhaps parameters. */
function isContentType(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > MAX_CONTENT_TYPE_CHARACTERS) return false;
  return /^[!#$%&'*+.^_`|~\w-]+\/[!#$%&'*+.^_`|~\w-]+(?:;[\x20-\x7e]*)?$/.test(value);
}

function bad(text: string, side: 'local' | 'remote' = 'remote', cause?: unknown): HeddleError {
  return new HeddleError('bad-manifest', text, { side, cause });
}
