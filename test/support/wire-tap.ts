// A tap: forwards TCP connections on the loopback byte for byte and writes every frame of a channel, both ways, into a
// log. A frame is noted when its last byte passes: on its way up before it is passed on, on its way down as well.
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { parseChannelHeaders } from '../../protocol/channel-request.ts';
import type { ClientFrame, SourceFrame } from '../../protocol/frames.ts';
import { CLIENT_FRAME_TYPES, FrameReader, SOURCE_FRAME_TYPES } from '../../protocol/frame-reader.ts';
import { parseResponseHead } from '../../protocol/http-head.ts';
import type { SeenFrame, WireLine, WireLog } from './wire-log.ts';

/** A running tap. */
export type WireTap = AsyncDisposable & {
  readonly name: string;
  readonly url: string;
  readonly port: number;
};

/** Starts a tap in front of `target`, a port of the loopback. */
export async function startWireTap(name: string, target: number, log: WireLog): Promise<WireTap> {
  const sockets = new Set<Socket>();
  const own = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
    return socket;
  };
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = connect({ host: '127.0.0.1', port: target, allowHalfOpen: true, noDelay: true });
    const line = newLine(name, near.remoteAddress ?? '');
    log.lines.push(line);
    own(near);
    own(far);
    const up = listenTo(line, 'up', log);
    const down = listenTo(line, 'down', log);
    pass(near, far, (chunk) => {
      line.upBytes += chunk.length;
      up(chunk);
    });
    pass(far, near, (chunk) => {
      line.downBytes += chunk.length;
      down(chunk);
    });
    near.once('close', () => {
      line.closedAt ??= performance.now();
    });
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  const { port } = server.address() as AddressInfo;
  return {
    name,
    port,
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      for (const socket of sockets) socket.destroy();
      await closed.promise;
    },
  };
}

function newLine(tap: string, localAddress: string): WireLine {
  return {
    tap,
    localAddress,
    openedAt: performance.now(),
    channel: undefined,
    path: undefined,
    status: undefined,
    upBytes: 0,
    downBytes: 0,
    fault: undefined,
    closedAt: undefined,
  };
}

/** One direction: bytes, then the end or the reset. */
function pass(from: Socket, to: Socket, look: (chunk: Buffer) => void): void {
  from.on('data', (chunk: Buffer) => {
    look(chunk);
    if (!to.write(chunk)) from.pause();
  });
  to.on('drain', () => from.resume());
  from.once('end', () => to.end());
  from.once('close', (failed) => {
    if (!failed) return;
    if (to.connecting) to.destroy();
    else to.resetAndDestroy();
  });
}

/** Reads the head of a direction, then its frames. What is no channel is passed on unread. */
function listenTo(line: WireLine, way: 'up' | 'down', log: WireLog): (chunk: Buffer) => void {
  const reader = new FrameReader(way === 'up' ? CLIENT_FRAME_TYPES : SOURCE_FRAME_TYPES);
  const readHead = way === 'up' ? readRequest : readAnswer;
  let held: Buffer | undefined = Buffer.alloc(0);
  const note = (frame: ClientFrame | SourceFrame): void => {
    log.add({ at: performance.now(), line, way, frame: withoutPayload(frame) });
  };
  return (chunk) => {
    if (line.fault !== undefined) return;
    try {
      let rest: Uint8Array = chunk;
      if (held !== undefined) {
        held = Buffer.concat([held, chunk]);
        const bytes = readHead(held, line);
        if (bytes === undefined) return;
        rest = held.subarray(bytes);
        held = undefined;
        if (way === 'up') for (const frame of line.channel?.first ?? []) note(frame);
      }
      if (line.channel === undefined || (way === 'down' && line.status !== 101)) return;
      for (const frame of reader.push(rest)) note(frame);
    } catch (error) {
      line.fault = error instanceof Error ? error.message : String(error);
    }
  };
}

function readRequest(bytes: Buffer, line: WireLine): number | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [first = '', ...fields] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const headers = new Map(fields.map((field) => [field.slice(0, field.indexOf(':')).toLowerCase(), valueOf(field)]));
  line.path = first.split(' ')[1];
  if (headers.has('heddle-channel')) {
    line.channel = parseChannelHeaders(headers.get('heddle-channel'), headers.get('heddle-first'));
  }
  return end + 4;
}

function readAnswer(bytes: Buffer, line: WireLine): number | undefined {
  const head = parseResponseHead(bytes);
  line.status = head?.status;
  return head?.bytes;
}

function valueOf(field: string): string {
  return field.slice(field.indexOf(':') + 1).trim();
}

function withoutPayload(frame: ClientFrame | SourceFrame): SeenFrame {
  if (frame.type !== 'segment') return frame;
  const { payload, ...rest } = frame;
  return { ...rest, payloadBytes: payload.length };
}
