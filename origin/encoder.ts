// Encodes segments in zlib's threads, a few at a time, for the clients that asked for it. What finds no place in the queue,
// is not worth it or does not become smaller is sent plain: nobody waits for the sake of a saving. Keeps no encoded bytes.
// Invariant: at most `encodeJobs` run, and at most `encodeQueueBytes` wait.
import { gzip } from 'node:zlib';
import type { Loan } from './block-loan.ts';
import type { PublishedObject } from './catalog.ts';
import { EncodingWorth } from './encoding-worth.ts';
import type { OriginTuning } from './options.ts';

/** The quickest level: the next ones take half as long again for a twentieth less. */
const LEVEL = 1;
/** Room for the head and the end of a stream that does not shrink, so that its output is one piece. */
const OUTPUT_SLACK_BYTES = 1_024;
/** The type of objects of which nothing is known: what others of it became says nothing. */
const ANY_TYPE = 'application/octet-stream';

/** What became of a segment that was to be encoded. */
export const ENCODING_RESULTS = ['encoded', 'not-smaller', 'queue-full'] as const;
export type EncodingResult = (typeof ENCODING_RESULTS)[number];

/** Told of each segment that was to be encoded: what it saved, and how long it took. */
export type EncodingObserver = (result: EncodingResult, savedBytes: number, ms: number) => void;

/** Encodes `bytes`; rejects where that cannot be done. */
export type Encode = (bytes: Uint8Array) => Promise<Uint8Array>;

type Job = { readonly bytes: number; run(): Promise<void> };

/** The encoder of one origin. */
export class Encoder {
  readonly #tuning: Pick<OriginTuning, 'encodeJobs' | 'encodeQueueBytes'>;
  readonly #observe: EncodingObserver;
  readonly #encode: Encode;
  /** Objects live as long as the catalog knows them. */
  readonly #worths = new WeakMap<PublishedObject, EncodingWorth>();
  /** What objects of each type became lately; there are as many types as the table of extensions has. */
  readonly #ratios = new Map<string, number>();
  readonly #waiting: Job[] = [];
  #waitingBytes = 0;
  #running = 0;

  constructor(
    tuning: Pick<OriginTuning, 'encodeJobs' | 'encodeQueueBytes'>,
    observe: EncodingObserver,
    encode: Encode = gzipped,
  ) {
    this.#tuning = tuning;
    this.#observe = observe;
    this.#encode = encode;
  }

  /** Whether the next `bytes` bytes of `object` are to be encoded for a channel that carries `rate` bytes per ms. */
  wants(object: PublishedObject, bytes: number, rate: number | undefined): boolean {
    return this.#tuning.encodeJobs > 0 && this.#worthOf(object).wants(bytes, rate);
  }

  /** The `bytes` bytes on loan encoded, when that makes them smaller; the loan stays the caller's. Never rejects. */
  encode(object: PublishedObject, { parts }: Loan, bytes: number): Promise<Uint8Array | undefined> {
    if (this.#running >= this.#tuning.encodeJobs && this.#waitingBytes + bytes > this.#tuning.encodeQueueBytes) {
      this.#observe('queue-full', 0, 0);
      return Promise.resolve(undefined);
    }
    const { promise, resolve } = Promise.withResolvers<Uint8Array | undefined>();
    const run = async (): Promise<void> => {
      const [first = new Uint8Array(0)] = parts;
      const startedAt = performance.now();
      // what cannot be encoded goes out as it is
      const encoded = await this.#encode(parts.length === 1 ? first : Buffer.concat(parts)).catch(() => undefined);
      resolve(this.#judge(object, bytes, encoded, performance.now() - startedAt));
    };
    this.#waiting.push({ bytes, run });
    this.#waitingBytes += bytes;
    this.#next();
    return promise;
  }

  #next(): void {
    while (this.#running < this.#tuning.encodeJobs) {
      const job = this.#waiting.shift();
      if (job === undefined) return;
      this.#waitingBytes -= job.bytes;
      this.#running += 1;
      void job.run().then(() => {
        this.#running -= 1;
        this.#next();
      });
    }
  }

  #judge(object: PublishedObject, bytes: number, encoded: Uint8Array | undefined, ms: number): Uint8Array | undefined {
    const worth = this.#worthOf(object);
    worth.learn(bytes, encoded?.length ?? bytes, ms);
    const { contentType } = object.manifest;
    if (contentType !== ANY_TYPE && worth.ratio !== undefined) this.#ratios.set(contentType, worth.ratio);
    const isSmaller = encoded !== undefined && encoded.length < bytes;
    this.#observe(isSmaller ? 'encoded' : 'not-smaller', isSmaller ? bytes - encoded.length : 0, ms);
    return isSmaller ? encoded : undefined;
  }

  #worthOf(object: PublishedObject): EncodingWorth {
    const known = this.#worths.get(object);
    if (known !== undefined) return known;
    const worth = new EncodingWorth(this.#ratios.get(object.manifest.contentType));
    this.#worths.set(object, worth);
    return worth;
  }
}

function gzipped(bytes: Uint8Array): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  gzip(bytes, { level: LEVEL, chunkSize: bytes.length + OUTPUT_SLACK_BYTES }, (error, encoded) => {
    if (error === null) resolve(encoded);
    else reject(error);
  });
  return promise;
}
