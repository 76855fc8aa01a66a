// Two sockets joined after the 101: bytes go from one to the other unparsed, with back-pressure both ways and a bound
// on what is held for a client that does not read. An abort on one side resets the other; a clean end is passed on
// behind everything that was read before it. Whether the session may exist is admission's business.
import type { Socket } from 'node:net';
import type { Share } from '../protocol/access/shaper.ts';
import { cutOff } from './upstream-socket.ts';
import type { UpstreamSocket } from './upstream-socket.ts';

/** Bytes moved through an upstream, both directions, summed over its sessions and requests. */
export type Traffic = { toClient: number; toUpstream: number };

/** What ended a session: its peers, a clock, its token, or the relay's own end. */
export type SessionEnd = 'closed' | 'idle' | 'linger' | 'token-ended' | 'token-bytes' | 'shutdown';

export type JoinLimits = {
  /** Capacity of buffers waiting for the client above which reading from the upstream pauses. */
  readonly heldBytes: number;
};

export class Session {
  readonly upstreamName: string;
  readonly #client: Socket;
  readonly #upstream: UpstreamSocket;
  readonly #traffic: Traffic;
  readonly #limits: JoinLimits;
  readonly #share: Share;
  #heldBytes = 0;
  #peakHeldBytes = 0;
  #moves = 0;
  #paused = false;
  /** The share has no room: reading waits for its next turn. */
  #starved = false;
  #upstreamEnded = false;
  #clientEnded = false;
  #end: SessionEnd = 'closed';

  constructor(
    about: { upstreamName: string; traffic: Traffic; limits: JoinLimits; share: Share },
    client: Socket,
    upstream: UpstreamSocket,
  ) {
    this.upstreamName = about.upstreamName;
    this.#traffic = about.traffic;
    this.#limits = about.limits;
    this.#share = about.share;
    this.#share.listen(
      () => this.#readOn(),
      () => this.abort('token-bytes'),
    );
    this.#client = client;
    this.#upstream = upstream;
    this.#pumpToClient();
    this.#pumpToUpstream();
  }

  /** Bytes of buffers that wait for the client now. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** The most that ever waited for the client. */
  get peakHeldBytes(): number {
    return this.#peakHeldBytes;
  }

  /** Changes whenever anything moved; two equal readings mean silence between them. */
  get moves(): number {
    return this.#moves;
  }

  /** One side has ended; what is left is to pass it on. */
  get isEnding(): boolean {
    return this.#upstreamEnded || this.#clientEnded;
  }

  /** What ends it, or has ended it. */
  get end(): SessionEnd {
    return this.#end;
  }

  /** Ends both sides now, without waiting for what is held. */
  abort(end: SessionEnd): void {
    if (this.#end === 'closed') this.#end = end;
    cutOff(this.#client);
    cutOff(this.#upstream.socket);
  }

  #pumpToClient(): void {
    const client = this.#client;
    const { socket } = this.#upstream;
    socket.on('end', () => {
      // Nothing of value can come behind the upstream's end, nor does anything for it matter any more; errors of its
      // socket must not cost the client the bytes still held for it.
      this.#upstreamEnded = true;
      if (!client.writableEnded) client.end();
      if (!socket.writableEnded) socket.end();
    });
    socket.on('close', () => {
      if (!this.#upstreamEnded) cutOff(client);
    });
    this.#upstream.readInto((buffer, bytes) => this.#landed(buffer, bytes));
  }

  #landed(buffer: Buffer, bytes: number): boolean {
    const { buffers } = this.#upstream;
    const client = this.#client;
    if (!client.writable) {
      buffers.give(buffer);
      return true;
    }
    this.#moves += 1;
    this.#traffic.toClient += bytes;
    this.#heldBytes += buffer.length;
    if (this.#heldBytes > this.#peakHeldBytes) this.#peakHeldBytes = this.#heldBytes;
    client.write(bytes === buffer.length ? buffer : buffer.subarray(0, bytes), (error) => {
      this.#heldBytes -= buffer.length;
      // After a failed write the system may not be done with the memory: never hand it to another session.
      if (error) buffers.drop(buffer);
      else buffers.give(buffer);
      this.#moves += 1;
      if (this.#paused && !this.#starved) this.#readOn();
    });
    this.#starved = !this.#share.took(bytes);
    this.#paused = this.#starved || this.#heldBytes >= this.#limits.heldBytes;
    return !this.#paused;
  }

  #readOn(): void {
    this.#starved = false;
    if (!this.#paused || this.#heldBytes >= this.#limits.heldBytes) return;
    this.#paused = false;
    this.#upstream.socket.resume();
  }

  #pumpToUpstream(): void {
    const client = this.#client;
    const { socket } = this.#upstream;
    client.on('data', (chunk: Buffer) => {
      this.#moves += 1;
      if (!socket.writable) return;
      this.#traffic.toUpstream += chunk.length;
      if (!socket.write(chunk)) client.pause();
    });
    socket.on('drain', () => {
      this.#moves += 1;
      client.resume();
    });
    client.on('end', () => {
      // The end may stand behind a BYE or be an abort: the upstream, who reads frames, tells them apart.
      this.#clientEnded = true;
      if (!socket.writableEnded) socket.end();
    });
    client.on('close', () => {
      if (!this.#upstreamEnded) cutOff(socket);
      else socket.destroy();
    });
    client.resume();
  }
}
