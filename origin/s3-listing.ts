// The answer of an object store to "list the objects of a bucket" (ListObjectsV2), as entries. The text is XML of a fixed
// form: what is not of that form is refused, never guessed at. Pure.

/** One object of a listing; the ETag with its quotes. */
export type ListedObject = {
  readonly key: string;
  readonly size: number;
  readonly etag: string;
  /** Milliseconds since 1970. */
  readonly modified: number;
};

/** One page, and what to ask for the next one with. */
export type ListingPage = { readonly objects: readonly ListedObject[]; readonly next: string | undefined };

/** The page in `text`; undefined when it is none, or not a whole one. */
export function parseListing(text: string): ListingPage | undefined {
  const body = /^\s*(?:<\?xml[^>]*\?>)?\s*<ListBucketResult[\s>]([^]*)<\/ListBucketResult>\s*$/.exec(text)?.[1];
  if (body === undefined) return undefined;
  const blocks = [...body.matchAll(/<Contents>([^]*?)<\/Contents>/g)].map(([, block = '']) => block);
  const outside = body.replaceAll(/<Contents>[^]*?<\/Contents>/g, '');
  const encoded = tagIn(outside, 'EncodingType') === 'url';
  const objects = blocks.map((block) => objectIn(block, encoded));
  const more = tagIn(outside, 'IsTruncated') === 'true';
  const next = more ? tagIn(outside, 'NextContinuationToken') : undefined;
  if ((more && next === undefined) || !objects.every((object) => object !== undefined)) return undefined;
  return { objects, next };
}

/** The code in the text of an error. */
export function errorCodeIn(text: string): string | undefined {
  return /<Code>([A-Za-z0-9.]{1,64})<\/Code>/.exec(text)?.[1];
}

function objectIn(block: string, encoded: boolean): ListedObject | undefined {
  const [written, size, etag, date] = ['Key', 'Size', 'ETag', 'LastModified'].map((name) => tagIn(block, name));
  if (written === undefined || etag === undefined || size === undefined || !/^[0-9]{1,15}$/.test(size))
    return undefined;
  const key = encoded ? decoded(written) : written;
  if (key === undefined) return undefined;
  // the head of the object says it in whole seconds
  const modified = Math.floor(Date.parse(date ?? '') / 1_000) * 1_000;
  const quoted = etag.startsWith('"') ? etag : `"${etag}"`;
  return { key, size: Number(size), etag: quoted, modified: Number.isNaN(modified) ? 0 : modified };
}

function tagIn(text: string, name: string): string | undefined {
  const value = new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1];
  return value?.replaceAll(
    /&(?:#x([0-9a-f]{1,6})|#([0-9]{1,7})|(amp|lt|gt|quot|apos));/gi,
    (whole, hex, ten, entity) => {
      if (typeof entity === 'string') return ENTITIES[entity.toLowerCase()] ?? whole;
      const code = typeof hex === 'string' ? Number.parseInt(hex, 16) : Number(ten);
      return code <= 0x10ffff ? String.fromCodePoint(code) : '\ufffd';
    },
  );
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** Object stores write a space as `+` there. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
