// A few idle connections to one upstream, so that a request saves the round trips of TCP and TLS. They are opened after
// the upstream's first use or come back from plain requests, are replaced when taken, closed by age, and given up when
// nobody comes any more.
// The relay's tick drives it; it owns no timer.
import { cutOff } from './upstream-socket.ts';
import type { UpstreamSocket } from './upstream-socket.ts';

export type WarmLimits = {
  readonly warmConnections: number;
  readonly warmIdleMs: number;
  readonly warmForgetMs: number;
};

type Idle = {
  readonly connection: UpstreamSocket;
  readonly expiresAt: number;
  /** Takes its listeners off the socket: somebody else has it from now on. */
  readonly handOver: () => void;
};

/** Connections that plain requests gave back: each holds a small buffer. */
const MOST_RETURNED = 32;

/** Pause after a failed dial, so that a dead upstream is not dialled each second for nobody. */
const BACK_OFF_MS = 5_000;

export class WarmConnections {
  readonly #dial: (signal: AbortSignal) => Promise<UpstreamSocket>;
  readonly #limits: WarmLimits;
  readonly #closing = new AbortController();
  #idle: Idle[] = [];
  #dialling = 0;
  #usedAt = Number.NEGATIVE_INFINITY;
  #notBefore = Number.NEGATIVE_INFINITY;

  constructor(dial: (signal: AbortSignal) => Promise<UpstreamSocket>, limits: WarmLimits) {
    this.#dial = dial;
    this.#limits = limits;
  }

  /** Connections ready to be taken. */
  get ready(): number {
    return this.#idle.length;
  }

  /** The youngest ready connection, if there is one; it is replaced in the background. */
  take(now: number): UpstreamSocket | undefined {
    this.#usedAt = now;
    this.#dropExpired(now);
    const taken = this.#idle.pop();
    taken?.handOver();
    this.#fill(now);
    return taken?.connection;
  }

  /** A connection whose answer was read to its end and on which another request may be sent. */
  giveBack(connection: UpstreamSocket, now: number): void {
    const { socket } = connection;
    const isWanted = this.#limits.warmConnections > 0 && this.#idle.length < MOST_RETURNED;
    if (!isWanted || socket.destroyed || socket.readableEnded || this.#closing.signal.aborted) socket.destroy();
    else this.#keep(connection, now + this.#limits.warmIdleMs);
  }

  /** To be called about once a second. */
  tick(now: number): void {
    this.#dropExpired(now);
    this.#fill(now);
  }

  close(): void {
    this.#closing.abort();
    for (const { connection } of this.#idle.splice(0)) connection.socket.destroy();
  }

  #dropExpired(now: number): void {
    const forgotten = now - this.#usedAt >= this.#limits.warmForgetMs;
    const [keep, drop] = [[] as Idle[], [] as Idle[]];
    for (const idle of this.#idle) (forgotten || idle.expiresAt <= now ? drop : keep).push(idle);
    this.#idle = keep;
    for (const { connection } of drop) connection.socket.destroy();
  }

  #fill(now: number): void {
    if (now - this.#usedAt >= this.#limits.warmForgetMs || now < this.#notBefore) return;
    const missing = this.#limits.warmConnections - this.#idle.length - this.#dialling;
    for (let count = 0; count < missing; count += 1) void this.#open(now);
  }

  async #open(now: number): Promise<void> {
    const { signal } = this.#closing;
    if (signal.aborted) return;
    this.#dialling += 1;
    try {
      this.#keep(await this.#dial(signal), now + this.#limits.warmIdleMs);
    } catch {
      // A failed dial is told to the next client that needs one; here it only means "not now".
      this.#notBefore = now + BACK_OFF_MS;
    } finally {
      this.#dialling -= 1;
    }
  }

  #keep(connection: UpstreamSocket, expiresAt: number): void {
    const { socket, buffers } = connection;
    const forget = (): void => {
      const at = this.#idle.indexOf(idle);
      if (at >= 0) this.#idle.splice(at, 1);
    };
    // Whatever an upstream says unasked (most likely 408 and the end) spoils the connection.
    const onEnd = (): void => {
      forget();
      socket.destroy();
    };
    const handOver = (): void => void socket.off('close', forget).off('end', onEnd);
    const idle: Idle = { connection, expiresAt, handOver };
    this.#idle.push(idle);
    socket.once('close', forget).once('end', onEnd);
    connection.readInto((buffer) => {
      buffers.give(buffer);
      forget();
      cutOff(socket);
      return true;
    });
  }
}
