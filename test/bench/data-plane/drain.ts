// A process that opens streams and throws away what comes, as cheaply as it can: every read lands in one buffer. Takes a
// DrainOrder as its argument and prints a DrainAnswer.
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import type { NetConnectOpts, Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import { formatChannelHeaders, UPGRADE_TOKEN } from '../../../protocol/channel-request.ts';
import type { ClientFrame } from '../../../protocol/frames.ts';
import { encodeFrame } from '../../../protocol/frame-writer.ts';
import { formatRequestHead, parseResponseHead } from '../../../protocol/http-head.ts';
import { MAX_SEGMENTS } from '../../../protocol/limits.ts';
import type { DrainAnswer, DrainOrder } from './drain-order.ts';
import { FrameSkimmer } from './frame-skimmer.ts';

/** What is done with the bytes behind the head of an answer; true: it was all. */
type Body = {
  readonly head: [string, string][];
  take(bytes: Uint8Array, socket: Socket): boolean;
  begin?(socket: Socket): void;
};

const READ_BYTES = 1_048_576;
const HOST = '127.0.0.1';

const order = JSON.parse(process.argv[2] ?? '{}') as DrainOrder;
const pongMs: number[] = [];
const effectMs: number[] = [];
const begunAt = performance.now();
const sizes = await Promise.all(
  Array.from({ length: order.streams }, (_, index) => drainOne(bodyOf(order, index + 1))),
);
const answer: DrainAnswer = {
  bytes: sizes.reduce((sum, bytes) => sum + bytes, 0),
  seconds: (performance.now() - begunAt) / 1_000,
  pongMs,
  effectMs,
};
console.log(JSON.stringify(answer));

function drainOne(body: Body): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  let head: Buffer | undefined = Buffer.alloc(0);
  let bytes = 0;
  const read = (length: number): boolean => {
    let rest: Buffer = buffer.subarray(0, length);
    if (head !== undefined) {
      head = Buffer.concat([head, rest]);
      const parsed = parseResponseHead(head);
      if (parsed === undefined) return true;
      if (parsed.status >= 300) reject(new Error(`answered ${parsed.status}`));
      rest = head.subarray(parsed.bytes);
      head = undefined;
      body.begin?.(socket);
    }
    bytes += rest.length;
    if (body.take(rest, socket)) {
      resolve(bytes);
      socket.destroy();
    }
    return true;
  };
  const onread = { buffer, callback: read };
  const place = { host: HOST, port: order.port, noDelay: true, onread };
  const socket =
    order.tls === true
      ? connectTls({ ...place, rejectUnauthorized: false } as ConnectionOptions)
      : connect(place as NetConnectOpts);
  const headers: [string, string][] = [['Host', `${HOST}:${order.port}`], ...body.head];
  socket.write(formatRequestHead('GET', order.path, headers));
  socket.on('error', reject);
  socket.on('close', () => reject(new Error('closed too early')));
  return promise;
}

function bodyOf(wanted: DrainOrder, number: number): Body {
  switch (wanted.type) {
    case 'bytes':
      return countedBody(wanted.bytesPerStream, wanted.upgrade ? upgradeHead(number, 32_768, []) : []);
    case 'range':
      return countedBody(wanted.bytesPerStream, [['Range', `bytes=0-${wanted.bytesPerStream - 1}`]]);
    case 'channel':
      return channelBody(wanted, number);
    default:
      return wanted satisfies never;
  }
}

function countedBody(bytes: number, head: [string, string][]): Body {
  let left = bytes;
  return {
    head,
    take: (chunk) => {
      left -= chunk.length;
      return left <= 0;
    },
  };
}

function channelBody(wanted: Extract<DrainOrder, { type: 'channel' }>, number: number): Body {
  const { segments, segmentBytes, windowSegments = MAX_SEGMENTS, steerEveryMs } = wanted;
  const cycle = Uint16Array.from([number]);
  const patternFrom = (epoch: number, from: number): ClientFrame => ({
    type: 'pattern',
    pattern: { epoch, from, to: segments, lead: new Uint16Array(0), cycle },
  });
  const first: ClientFrame[] = [patternFrom(1, 0), { type: 'credit', total: Math.min(windowSegments, MAX_SEGMENTS) }];
  const pings = new Map<number, number>();
  /** When the patterns were sent that nothing has come under yet, the oldest first. */
  const patterns = new Map<number, number>();
  let epoch = 1;
  let received = 0;
  let credit = windowSegments;
  let timer: NodeJS.Timeout | undefined;
  const skimmer = new FrameSkimmer({
    segment: (under) => {
      received += 1;
      for (const [pending, sentAt] of patterns) {
        if (pending > under) break;
        effectMs.push(performance.now() - sentAt);
        patterns.delete(pending);
      }
    },
    pong: (nonce) => pongMs.push(performance.now() - (pings.get(nonce) ?? 0)),
    error: (text) => {
      throw new Error(text);
    },
  });
  return {
    head: upgradeHead(number, segmentBytes, first),
    begin: (socket) => {
      if (steerEveryMs === undefined) return;
      timer = setInterval(() => {
        const nonce = pings.size + 1;
        const now = performance.now();
        pings.set(nonce, now);
        epoch += 1;
        patterns.set(epoch, now);
        // segments come in order here: all before `received` are done with
        socket.write(Buffer.concat([encodeFrame(patternFrom(epoch, received)), encodeFrame({ type: 'ping', nonce })]));
      }, steerEveryMs);
    },
    take: (bytes, socket) => {
      skimmer.push(bytes);
      if (received >= segments) {
        clearInterval(timer);
        return true;
      }
      // Credit in steps of an eighth of the window, as a client does that does not want to send a frame per segment.
      const total = received + windowSegments;
      if (windowSegments < segments && total - credit >= Math.max(1, windowSegments / 8)) {
        credit = total;
        socket.write(encodeFrame({ type: 'credit', total }));
      }
      return false;
    },
  };
}

function upgradeHead(number: number, segmentBytes: number, first: readonly ClientFrame[]): [string, string][] {
  const transfer = randomBytes(16).toString('hex');
  const channel = formatChannelHeaders({ transfer, number, segmentBytes, first });
  return [['Connection', 'Upgrade'], ['Upgrade', UPGRADE_TOKEN], ...channel];
}
