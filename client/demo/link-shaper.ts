// A shaped link in user space: a TCP forwarder on loopback with a rate and a delay each way (lane.ts), shared by all its
// connections, because it models a path and not a connection. Setting a connection up costs one round trip: the target is
// dialled and the first bytes are read that much later, and a target that refuses is a reset then (the local connect itself
// succeeds at once). Models no loss, and behind the bounded queue the kernel's socket buffers wait as well.
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { HeddleError } from '../../protocol/errors.ts';
import { Lane } from './lane.ts';
import type { Arrival } from './lane.ts';

/** One number for each direction: `up` from who dials to the target, `down` back. */
export type BothWays = { readonly up: number; readonly down: number };

/** What a link is like. One number stands for both directions. */
export type LinkOptions = {
  readonly target: { readonly host?: string; readonly port: number };
  readonly megabitsPerSecond: number | BothWays;
  /** One way, ms. */
  readonly delayMs: number | BothWays;
  /** Bytes that may wait before each bottleneck; default: 100 ms of its rate, at least 64 KiB. */
  readonly queueBytes?: number;
};

type Connection = { readonly client: Socket; server: Socket | undefined; readonly dialAt: number };
type Flow = { readonly from: Socket; readonly to: Socket; readonly lane: Lane<Flow>; held: boolean };

const HOST = '127.0.0.1';
/** Bytes that a receiver may leave unread, as its TCP window would, before its sender is no longer read. */
const RECEIVER_BYTES = 262_144;
/** Bytes per ms of one Mbit/s. */
const MEGABIT = 125;

/** Starts a link on a free port of the loopback. */
export async function startLink(options: LinkOptions): Promise<ShapedLink> {
  const link = new ShapedLink(options);
  await link.restore();
  return link;
}

/** A running link. Disposing it resets what is open. */
export class ShapedLink {
  readonly host: string = HOST;
  readonly #options: LinkOptions;
  readonly #delay: BothWays;
  readonly #up: Lane<Flow>;
  readonly #down: Lane<Flow>;
  readonly #connections = new Set<Connection>();
  readonly #flows = new Set<Flow>();
  readonly #carried = { up: 0, down: 0 };
  #server: Server | undefined;
  #port = 0;
  #silent = false;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  constructor(options: LinkOptions) {
    const rate = ratesOf(options.megabitsPerSecond);
    const { queueBytes } = options;
    this.#options = options;
    this.#delay = bothWays(options.delayMs);
    this.#up = new Lane({ bytesPerMs: rate.up, delayMs: this.#delay.up, queueBytes });
    this.#down = new Lane({ bytesPerMs: rate.down, delayMs: this.#delay.down, queueBytes });
  }

  get port(): number {
    return this.#port;
  }

  /** Connections that are open, or being set up. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Bytes that came out at the far end so far. */
  get carriedBytes(): BothWays {
    return { ...this.#carried };
  }

  /** Bytes that wait before each bottleneck. */
  get queuedBytes(): BothWays {
    return { up: this.#up.queuedBytes, down: this.#down.queuedBytes };
  }

  /** Changes the rate from now on. */
  setRate(megabitsPerSecond: number | BothWays): void {
    const rate = ratesOf(megabitsPerSecond);
    const now = performance.now();
    this.#up.setRate(rate.up, now);
    this.#down.setRate(rate.down, now);
    this.#turn();
  }

  /** A black hole: nothing arrives any more, no byte, no end, no reset. Connecting still succeeds and is silent too. */
  pause(): void {
    this.#silent = true;
    this.#up.pause(performance.now());
    this.#down.pause(performance.now());
  }

  /** Ends a pause; what was under way goes on from where it was. */
  resume(): void {
    this.#silent = false;
    this.#up.resume(performance.now());
    this.#down.resume(performance.now());
    this.#turn();
  }

  /** Resets every connection at both ends at once and refuses new ones; what was under way is lost. */
  kill(): void {
    this.#server?.close();
    this.#server = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
    for (const { client, server } of this.#connections) {
      reset(client);
      if (server !== undefined) reset(server);
    }
    this.#connections.clear();
    this.#flows.clear();
    this.#up.clear();
    this.#down.clear();
  }

  /** Accepts connections (again, after `kill`), on the same port. */
  async restore(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) =>
      this.#accept(client),
    );
    this.#server = server;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once('error', reject).listen(this.#port, HOST, resolve);
    await promise;
    this.#port = (server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const server = this.#server;
    const closed = Promise.withResolvers<void>();
    if (server?.listening === true) server.once('close', closed.resolve);
    else closed.resolve();
    this.kill();
    await closed.promise;
  }

  #accept(client: Socket): void {
    const dialAt = performance.now() + this.#delay.up + this.#delay.down;
    const connection: Connection = { client, server: undefined, dialAt };
    this.#connections.add(connection);
    client.on('error', ignore);
    client.once('close', () => this.#ended(connection));
    this.#arm(dialAt);
  }

  #dial(connection: Connection): void {
    const { client } = connection;
    const { host = HOST, port } = this.#options.target;
    const server = connect({ host, port, allowHalfOpen: true, noDelay: true });
    connection.server = server;
    server.on('error', ignore);
    let refused = true;
    server.once('close', () => {
      if (refused) reset(client);
      this.#ended(connection);
    });
    server.once('connect', () => {
      refused = false;
      this.#carry(client, server, this.#up);
      this.#carry(server, client, this.#down);
    });
  }

  /** Reads `from` into the lane; a half close and a reset travel behind the bytes. */
  #carry(from: Socket, to: Socket, lane: Lane<Flow>): void {
    const flow: Flow = { from, to, lane, held: false };
    this.#flows.add(flow);
    from.on('data', (chunk: Buffer) => {
      const now = performance.now();
      lane.push(flow, chunk, now);
      flow.held = mustWait(flow, now);
      if (flow.held) from.pause();
      this.#arm(lane.nextAt());
    });
    from.once('end', () => this.#mark(flow, 'end'));
    from.once('close', (failed: boolean) => {
      if (failed) this.#mark(flow, 'reset');
      this.#readOn(performance.now());
    });
    to.on('drain', () => this.#readOn(performance.now()));
    from.resume();
  }

  #mark(flow: Flow, mark: 'end' | 'reset'): void {
    if (!this.#flows.has(flow)) return;
    flow.lane.pushMark(flow, mark, performance.now());
    this.#arm(flow.lane.nextAt());
  }

  #ended(connection: Connection): void {
    const { client, server } = connection;
    if (!client.closed || server?.closed === false) return;
    this.#connections.delete(connection);
    for (const flow of this.#flows) if (flow.from === client || flow.to === client) this.#flows.delete(flow);
  }

  /** All that is due now, in one go for the whole link. */
  #turn(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
    const now = performance.now();
    for (let came = this.#up.take(now); came !== undefined; came = this.#up.take(now)) this.#arrived(came, 'up');
    for (let came = this.#down.take(now); came !== undefined; came = this.#down.take(now)) this.#arrived(came, 'down');
    this.#readOn(now);
    let next = Math.min(this.#up.nextAt(), this.#down.nextAt());
    for (const connection of this.#connections) {
      if (connection.server !== undefined || this.#silent) continue;
      if (connection.dialAt <= now) this.#dial(connection);
      else next = Math.min(next, connection.dialAt);
    }
    this.#arm(next);
  }

  #arrived({ owner: { to }, bytes, mark }: Arrival<Flow>, way: keyof BothWays): void {
    if (to.destroyed) return;
    if (mark === 'reset') reset(to);
    else if (mark === 'end') to.end();
    else {
      this.#carried[way] += bytes.length;
      to.write(bytes);
    }
  }

  #readOn(now: number): void {
    for (const flow of this.#flows) {
      if (!flow.held || mustWait(flow, now)) continue;
      flow.held = false;
      flow.from.resume();
    }
  }

  /** Looks again at `at`, unless it will do so earlier anyway. Timers have whole ms; the lanes do not mind. */
  #arm(at: number): void {
    if (at >= this.#timerAt || this.#server === undefined) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(() => this.#turn(), Math.max(1, Math.ceil(at - performance.now())));
  }
}

/** The bottleneck's queue is full, or the receiver does not read. */
function mustWait({ lane, to }: Flow, now: number): boolean {
  return lane.isFull(now) || to.writableLength > RECEIVER_BYTES;
}

/** A reset while a FIN is just being sent fails in Node and leaks the handle: that one waits until the FIN has left. */
function reset(socket: Socket): void {
  if (socket.connecting) socket.destroy();
  else if (socket.writableEnded && !socket.writableFinished) setImmediate(() => void socket.resetAndDestroy());
  else socket.resetAndDestroy();
}

function ratesOf(megabitsPerSecond: number | BothWays): BothWays {
  const { up, down } = bothWays(megabitsPerSecond);
  if (up > 0 && down > 0 && Number.isFinite(up + down)) return { up: up * MEGABIT, down: down * MEGABIT };
  throw new HeddleError('bad-configuration', `a link cannot carry ${up} Mbit/s up and ${down} down; pause it instead`);
}

function bothWays(value: number | BothWays): BothWays {
  return typeof value === 'number' ? { up: value, down: value } : value;
}

function ignore(): void {}
