// The body of a plain answer on its way from the upstream's socket to a client: reads land in shared buffers and are
// written as they are, with back-pressure and a bound on what is held for a client that does not read. What the head
// says is forward-request.ts's business. Invariant: every landed buffer is given back or dropped exactly once.
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { HeddleError } from '../protocol/errors.ts';
import type { BodyFraming } from './body-framing.ts';
import type { JoinLimits, Traffic } from './join.ts';
import type { Share } from '../protocol/access/shaper.ts';
import type { UpstreamAnswer } from './upstream-answer.ts';

/** Where a body goes, and on whose account. */
export type BodyWay = {
  readonly response: ServerResponse;
  /** The connection that the response goes out on, now or when it is its turn. */
  readonly client: Socket;
  readonly traffic: Traffic;
  readonly share: Share;
  readonly limits: JoinLimits;
};

/** Settles when the client's system has all of it. Rejects when either side breaks off; ends neither then. */
export async function passBody(answer: UpstreamAnswer, framing: BodyFraming, way: BodyWay): Promise<void> {
  const body = new PassingBody(answer, framing, way);
  try {
    await body.passed;
  } finally {
    body.leave();
  }
}

class PassingBody {
  readonly passed: Promise<void>;
  readonly #answer: UpstreamAnswer;
  readonly #framing: BodyFraming;
  readonly #way: BodyWay;
  readonly #settle: PromiseWithResolvers<void> = Promise.withResolvers();
  /** Landed buffers that a write still uses. */
  readonly #held = new Set<Buffer>();
  #heldBytes = 0;
  #isPaused = false;
  /** The share has no room: reading waits for its next turn. */
  #isStarved = false;
  #isComplete = false;

  constructor(answer: UpstreamAnswer, framing: BodyFraming, way: BodyWay) {
    this.passed = this.#settle.promise;
    this.#answer = answer;
    this.#framing = framing;
    this.#way = way;
    const { socket } = answer.connection;
    way.share.listen(
      () => this.#readOn(),
      () => this.#fail(new HeddleError('refused', 'the bytes of the token are used up')),
    );
    way.response.once('finish', this.#onFinish).once('close', this.#onGone);
    // A response that waits behind another one on the same connection is not told when that is closed.
    way.client.once('close', this.#onGone);
    socket.once('end', this.#onEnd).once('close', this.#onEnd);
    this.#begin();
  }

  /** Nothing of it is heard any more; buffers still being written are never handed to anybody else. */
  leave(): void {
    const { response, client } = this.#way;
    const { socket, buffers } = this.#answer.connection;
    response.off('finish', this.#onFinish).off('close', this.#onGone);
    client.off('close', this.#onGone);
    socket.off('end', this.#onEnd).off('close', this.#onEnd);
    for (const buffer of this.#held) buffers.drop(buffer);
    this.#held.clear();
  }

  #begin(): void {
    const { connection } = this.#answer;
    const { socket } = connection;
    try {
      this.#take(this.#answer.rest(), () => {});
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (this.#isComplete) return;
    if (socket.destroyed || socket.readableEnded) this.#onEnd();
    else connection.readInto((buffer, bytes) => this.#landed(buffer, bytes));
  }

  #landed(buffer: Buffer, bytes: number): boolean {
    const { connection } = this.#answer;
    const { buffers } = connection;
    if (this.#isComplete || !this.#way.response.writable) {
      buffers.give(buffer);
      return true;
    }
    this.#held.add(buffer);
    this.#heldBytes += buffer.length;
    const free = (error?: Error | null): void => {
      // After a failed write the system may not be done with the memory: never hand it to another session.
      if (!this.#held.delete(buffer)) return;
      if (error) buffers.drop(buffer);
      else buffers.give(buffer);
      this.#heldBytes -= buffer.length;
      if (!this.#isStarved) this.#readOn();
    };
    try {
      if (this.#take(buffer.subarray(0, bytes), free) === 0) free();
    } catch (error) {
      this.#fail(error);
      return false;
    }
    if (this.#isComplete) connection.rest();
    else this.#isPaused = this.#isStarved || this.#heldBytes >= this.#way.limits.heldBytes;
    return !this.#isPaused;
  }

  /** Writes the data in `bytes`; `free` is called when the last of it is written. Gives the number of runs of data. */
  #take(bytes: Buffer, free: (error?: Error | null) => void): number {
    const { response, traffic, share } = this.#way;
    const runs: Buffer[] = [];
    const isComplete = this.#framing.take(bytes, (run) => runs.push(run));
    for (const [index, run] of runs.entries()) {
      traffic.toClient += run.length;
      if (index === runs.length - 1) response.write(run, free);
      else response.write(run);
      this.#isStarved = !share.took(run.length);
    }
    if (isComplete) this.#complete();
    return runs.length;
  }

  #complete(): void {
    this.#isComplete = true;
    this.#way.response.end();
  }

  #readOn(): void {
    this.#isStarved = false;
    if (!this.#isPaused || this.#heldBytes >= this.#way.limits.heldBytes) return;
    this.#isPaused = false;
    this.#answer.connection.socket.resume();
  }

  #fail(error: unknown): void {
    this.#settle.reject(error);
  }

  readonly #onFinish = (): void => this.#settle.resolve();

  readonly #onGone = (): void => this.#fail(new HeddleError('connection-lost', 'the client has left'));

  readonly #onEnd = (): void => {
    if (this.#isComplete) return;
    const { connection } = this.#answer;
    // a reset also ends the connection, but no body
    if (this.#framing.endsWithConnection && connection.socket.readableEnded) this.#complete();
    else this.#fail(new HeddleError('connection-lost', undefined, { side: 'remote' }));
  };
}
