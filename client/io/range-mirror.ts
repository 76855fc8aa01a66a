// What is known of one mirror during a transfer, shared by its channels: where it is now, its copy, and how it likes to
// be asked. Written by range-channel.ts; decides nothing.
import { isPublicAddress } from './public-address.ts';
import type { Copy } from './range-answer.ts';

/** Requests that may wait for their answers on one connection. */
const MOST_PIPELINED = 64;
/** Connections of one channel to a server that answers only one request on each. */
const MOST_LINES = 4;

/** ms of silence behind an answer. */
const PATIENCE_MS = 2_000;
/** Links that expired, of one transfer. */
const MOST_RETURNS = 3;

/** One mirror. */
export class Mirror {
  /** The URL as the user gave it, without user and password. */
  readonly given: URL;
  /** Where its answers come from: the URL given, or where it redirects to. */
  url: URL;
  /** An Authorization line for the server of the URL given; nobody else gets it. */
  readonly #authorization: string | undefined;
  copy: Copy | undefined;
  /** Requests that may be under way on a connection, and connections of a channel. */
  depth: number = MOST_PIPELINED;
  lines = 1;
  /** True once a request was answered that was sent before the answer in front of it was over. */
  pipelines = false;
  /** ms that such a request waits behind that answer before the server is taken for one that forgets them. */
  readonly patienceMs: number;
  /** How often where it redirects to was given up. */
  #returns = 0;
  /** True for the only source there is: then the whole will do when it serves no ranges. */
  readonly alone: boolean;
  /** True while a channel reads the whole: no other can help it. */
  streaming = false;
  readonly #isPublic: (address: string) => boolean;
  #givenIsPublic = false;

  /** `isPublic` tells addresses of the Internet from those of the own network. */
  constructor(
    url: URL,
    options: {
      readonly alone: boolean;
      readonly patienceMs?: number;
      readonly isPublic?: (address: string) => boolean;
    },
  ) {
    this.alone = options.alone;
    this.#isPublic = options.isPublic ?? isPublicAddress;
    this.patienceMs = options.patienceMs ?? PATIENCE_MS;
    const { username, password } = url;
    const words = [username, password].map(decodeURIComponent).join(':');
    this.#authorization = words === ':' ? undefined : `Basic ${Buffer.from(words).toString('base64')}`;
    this.given = new URL(url);
    this.given.username = '';
    this.given.password = '';
    this.given.hash = '';
    this.url = this.given;
  }

  /** A connection stands, to `address`. */
  met(address: string | undefined): void {
    if (address !== undefined && this.url === this.given) this.#givenIsPublic = this.#isPublic(address);
  }

  /**
   * What may be connected to; undefined where everything may. The URL was given by the user; where a server of the
   * Internet redirects to was not, and must not be a machine of the user's own network.
   */
  get mayReach(): ((address: string) => boolean) | undefined {
    return this.url !== this.given && this.#givenIsPublic ? this.#isPublic : undefined;
  }

  /** Where it redirects to does not work (any more): true when the URL given is worth another try. */
  goesBack(): boolean {
    if (this.url === this.given || this.#returns >= MOST_RETURNS) return false;
    this.#returns += 1;
    this.url = this.given;
    return true;
  }

  /** The server closes behind its answers: one request on a connection, several connections. */
  answersOnce(): void {
    this.depth = 1;
    this.lines = MOST_LINES;
  }

  /** The header lines of a request for bytes `first` to `last`, both included. */
  headersFor(first: number, last: number): [string, string][] {
    const { etag, modified } = this.copy ?? {};
    const headers: [string, string][] = [
      ['Host', this.url.host],
      ['User-Agent', 'heddle'],
      ['Accept', '*/*'],
      // a range of a compressed body would be other bytes
      ['Accept-Encoding', 'identity'],
      ['Range', `bytes=${first}-${last}`],
    ];
    if (this.copy === undefined) headers.push(['Want-Repr-Digest', 'sha-256=1']);
    if (etag !== undefined) headers.push(['If-Match', etag]);
    else if (modified !== undefined) headers.push(['If-Unmodified-Since', modified]);
    if (this.#authorization !== undefined && this.url.origin === this.given.origin) {
      headers.push(['Authorization', this.#authorization]);
    }
    return headers;
  }
}
