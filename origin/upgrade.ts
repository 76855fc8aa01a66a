// The door of the channels: decides about each upgrade request, answers it with 101 or with an HTTP error, and keeps
// the account of the channels that are open. What happens on a channel is segment-sender.ts.
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { TokenGrant } from '../protocol/access/token-check.ts';
import { parseChannelHeaders, UPGRADE_TOKEN } from '../protocol/channel-request.ts';
import type { ChannelRequest } from '../protocol/channel-request.ts';
import { asHeddleError, HeddleError } from '../protocol/errors.ts';
import { formatResponseHead } from '../protocol/http-head.ts';
import { MAX_SEGMENTS } from '../protocol/limits.ts';
import { segmentCountOf } from '../protocol/merkle.ts';
import { keyOfSegmentsPath } from '../protocol/paths.ts';
import type { ChannelParts } from './channel-parts.ts';
import { Encoder } from './encoder.ts';
import { openPublished } from './origin-parts.ts';
import type { OriginParts } from './origin-parts.ts';
import { problemOf, reasonOf } from './problem.ts';
import { SegmentSender } from './segment-sender.ts';
import { Steering } from './steer.ts';

const ACCEPTED = Buffer.from(
  formatResponseHead(101, 'Switching Protocols', [
    ['Upgrade', UPGRADE_TOKEN],
    ['Connection', 'Upgrade'],
  ]),
);

/** The open channels of one origin. */
export class Channels {
  readonly #parts: OriginParts;
  /** The open channels, each with what let it in. */
  readonly #open = new Map<SegmentSender, TokenGrant | undefined>();
  readonly #sockets = new Set<Socket>();
  /** Steers the channels of one transfer where its client says so. */
  readonly steering: Steering = new Steering();
  readonly #encoder: Encoder;
  readonly #sweeper: NodeJS.Timeout;
  /** Bytes that clients of closed channels sent. */
  #receivedBefore = 0;
  /** Requests being decided. */
  #deciding = 0;
  #draining = false;

  constructor(parts: OriginParts) {
    this.#parts = parts;
    this.#encoder = new Encoder(parts.tuning, parts.metrics.encoded);
    this.#sweeper = setInterval(() => this.#sweep(), parts.tuning.sweepMs);
    this.#sweeper.unref();
  }

  /** Channels open now. */
  get size(): number {
    return this.#open.size;
  }

  /** Bytes that clients sent over channels since the start. */
  get receivedBytes(): number {
    return this.#sockets.keys().reduce((sum, { bytesRead }) => sum + bytesRead, this.#receivedBefore);
  }

  /** Bytes decided and not yet taken by the sockets. */
  get pendingBytes(): number {
    return this.#open.keys().reduce((sum, channel) => sum + channel.pendingBytes, 0);
  }

  /** Takes an upgrade request; never throws. */
  async accept(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    let lost = false;
    const onLost = (): void => void (lost = true);
    // The runtime took its own listeners away: an error without a listener would end the process.
    socket.on('error', onLost);
    socket.on('close', onLost);
    this.#deciding += 1;
    try {
      const { grant, channel } = await this.#admit(request);
      if (lost) channel.file.close();
      else this.#start({ ...channel, socket }, head, grant);
      if (!lost) this.#parts.debug?.(`channel ${nameOf(request)} is open`);
    } catch (error) {
      if (!lost) this.#refuse(socket, error);
      this.#parts.debug?.(`channel ${nameOf(request)} is refused: ${asHeddleError(error).message}`);
    } finally {
      this.#deciding -= 1;
    }
  }

  /** Lets nobody new in. Settles when the last channel is closed. */
  async drain(): Promise<void> {
    this.#draining = true;
    while (this.#open.size > 0) await Promise.race([...this.#open.keys()].map((channel) => channel.closed));
  }

  /** Tells those left that the origin stops; they are gone after `lingerMs` at most. */
  async end(): Promise<void> {
    this.#draining = true;
    for (const channel of this.#open.keys()) channel.fail(new HeddleError('draining'));
    const late = setTimeout(() => this.#destroy(), this.#parts.tuning.lingerMs);
    await this.drain();
    clearTimeout(late);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#sweeper);
    this.#destroy();
  }

  async #admit(message: IncomingMessage): Promise<Admitted> {
    const { guard, allowances, pages, metrics, tuning } = this.#parts;
    if (this.#draining) throw new HeddleError('draining');
    if (this.#open.size + this.#deciding > tuning.maxChannels) {
      metrics.limited.channels.inc();
      throw new HeddleError('overloaded');
    }
    const grant = await guard.admit(message.headers.authorization, message.url ?? '', Date.now());
    this.#checkSessions(grant);
    allowances.check(grant);
    const { key, request } = readRequest(message);
    const { object, file } = await openPublished(this.#parts, key, request.transfer);
    if (segmentCountOf(object.size, request.segmentBytes) > MAX_SEGMENTS) {
      file.close();
      throw new HeddleError('bad-request', 'the segment is too small for an object of this size', { side: 'remote' });
    }
    const shared = { pages, metrics, tuning, steering: this.steering, encoder: this.#encoder };
    return { grant, channel: { request, object, file, ...shared } };
  }

  /** Counts what is open; requests still being decided may slip through together. */
  #checkSessions(grant: TokenGrant | undefined): void {
    if (grant?.maxSessions === undefined) return;
    let open = 0;
    for (const other of this.#open.values()) if (other?.account === grant.account) open += 1;
    if (open < grant.maxSessions) return;
    this.#parts.metrics.limited['token-channels'].inc();
    throw new HeddleError('overloaded', 'the token has no session left');
  }

  #start(parts: ChannelParts, head: Buffer, grant: TokenGrant | undefined): void {
    const { metrics, allowances } = this.#parts;
    const share = allowances.open(grant);
    const channel = new SegmentSender({ ...parts, share });
    const { socket, request } = parts;
    this.#open.set(channel, grant);
    this.#sockets.add(socket);
    metrics.channels.inc();
    metrics.channelsOpened.inc();
    void channel.closed.then(() => {
      this.#open.delete(channel);
      this.#sockets.delete(socket);
      this.#receivedBefore += socket.bytesRead;
      allowances.close(share);
      metrics.channels.dec();
      this.#parts.debug?.(`channel ${request.number} of transfer ${request.transfer} is closed`);
    });
    channel.start(ACCEPTED, head);
  }

  #refuse(socket: Socket, error: unknown): void {
    this.#parts.metrics.refused[asHeddleError(error).code].inc();
    const { status, headers, body } = problemOf(error, this.#parts.tuning.retryAfterSeconds);
    const all: [string, string][] = [...Object.entries(headers), ['Connection', 'close']];
    if (status === 426) all.push(['Upgrade', UPGRADE_TOKEN]);
    socket.end(formatResponseHead(status, reasonOf(status), all) + body);
    socket.resume();
    const linger = setTimeout(() => socket.destroy(), this.#parts.tuning.lingerMs);
    socket.on('close', () => clearTimeout(linger));
  }

  #sweep(): void {
    const now = performance.now();
    const wallClock = Date.now();
    this.#parts.allowances.forget(wallClock);
    for (const [channel, grant] of this.#open) {
      const end = this.#parts.guard.endOf(grant, wallClock);
      if (end === undefined) channel.sweep(now);
      else channel.fail(new HeddleError('refused', end));
    }
  }

  #destroy(): void {
    for (const channel of this.#open.keys()) channel.destroy();
  }
}

/** A request in a log: whose it is and what for, without what it may hold of secrets. */
function nameOf({ url = '', headers }: IncomingMessage): string {
  const [, transfer = '?', number = '?'] =
    /^transfer=(\w{1,32}); number=(\d{1,5})/.exec(only(headers['heddle-channel']) ?? '') ?? [];
  return `${number} of transfer ${transfer} for ${url.replace(/\?.*$/, '')}`;
}

type Admitted = { readonly grant: TokenGrant | undefined; readonly channel: Omit<ChannelParts, 'socket'> };

function readRequest(message: IncomingMessage): { key: string; request: ChannelRequest } {
  const { method, url = '', headers } = message;
  const key = keyOfSegmentsPath(url);
  if (key === undefined) throw new HeddleError('object-not-found', 'channels are opened below /v1/segments/');
  if (method !== 'GET') throw new HeddleError('bad-request', 'a channel is opened with GET', { side: 'remote' });
  if (headers.upgrade?.toLowerCase() !== UPGRADE_TOKEN) {
    throw new HeddleError('handshake-failed', `only ${UPGRADE_TOKEN} is spoken here`, { side: 'remote' });
  }
  return { key, request: parseChannelHeaders(only(headers['heddle-channel']), only(headers['heddle-first'])) };
}

/** Headers of our own are never lists; Node joins repeated ones with a comma, which the grammar refuses. */
function only(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value;
}
