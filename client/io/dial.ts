// One TCP or TLS connection being made, whose bytes go to whoever attaches later. So a program can dial its routes before
// it has loaded the code that will use them: the round trip of the handshake passes meanwhile.
import dns from 'node:dns';
import type { LookupAddress, LookupAllOptions } from 'node:dns';
import net from 'node:net';
import type Tls from 'node:tls';
import { bareHost } from '../../protocol/host.ts';
import { tlsOptionsOf } from './client-tls.ts';
import type { ClientTls } from './client-tls.ts';
import { openTunnelThrough } from './connect-proxy.ts';
import { localOptions } from './local-address.ts';
import { pinnedLookup } from './pinned-address.ts';
import { secureTunnel } from './plain-agent.ts';

/** Where to connect. */
export type DialTarget = {
  readonly baseUrl: URL;
  /** Local address to bind to, or the name of an interface. */
  readonly localAddress: string | undefined;
  /** HTTP proxy that the connection goes through. */
  readonly proxy?: URL | undefined;
  /** Addresses that may be connected to; all when it is left out. */
  readonly mayReach?: ((address: string) => boolean) | undefined;
  /** Where to connect, instead of looking the host of the URL up. */
  readonly address?: string | undefined;
  /** Of an https URL: whom to trust, and what to show. */
  readonly tls?: ClientTls | undefined;
};

/** Told what becomes of a connection; `over` more than once. */
export type DialWatcher = { connected(connectMs: number): void; failed(error: Error): void; over(): void };

/** Takes the bytes of a connection: `space` is read into, `filled` says how much. */
export type SocketReader = { space(): Uint8Array; filled(bytes: number): void };

/** Waiting that is one, ms: what was there when the loop looked was not waited for. */
const LEAST_WAIT_MS = 1;
/** Most that connecting is said to have taken while this process did not look: what the core takes for granted as well. */
const MOST_UNSEEN_MS = 50;

/** A connection, made or in the making. Reads land in the attached reader's buffers (`onread`), never in fresh ones. */
export class Dial {
  readonly target: DialTarget;
  /** ms from the dial until the connection stood; undefined before. */
  connectMs: number | undefined;
  readonly #startedAt: number = performance.now();
  /** What this process had waited in all when it began to look for this connection; undefined while it always looks. */
  #idleMs: number | undefined;
  /** The first read was armed before a reader attached: what it brings is copied from here. */
  readonly #scratch = new Uint8Array(1_024);
  #reader: SocketReader | undefined;
  #watcher: DialWatcher | undefined;
  #socket: net.Socket;
  #isHolding = true;

  constructor(target: DialTarget) {
    this.target = target;
    const { proxy } = target;
    this.#socket = proxy === undefined ? this.#connect() : this.#connectThrough(proxy);
    this.#watch(this.#socket);
    if (proxy === undefined) {
      const connected = (): void => this.#connected(performance.now() - this.#startedAt);
      this.#socket.once(isSecure(target) ? 'secureConnect' : 'connect', connected);
    }
  }

  /** The connection; another one once there is TLS inside a tunnel. */
  get socket(): net.Socket {
    return this.#socket;
  }

  /** Tells `watcher` from now on; that it is connected already, in a later turn. */
  watch(watcher: DialWatcher): void {
    this.#watcher = watcher;
    const { connectMs } = this;
    if (connectMs !== undefined) process.nextTick(() => watcher.connected(connectMs));
  }

  /** Whether the process has to stay alive for it. */
  hold(isHolding: boolean): void {
    this.#isHolding = isHolding;
    if (isHolding) this.#socket.ref();
    else this.#socket.unref();
  }

  /** The program has been busy since the dial and waits for the network from now on. */
  look(): void {
    this.#idleMs = idleMs();
  }

  /** Everything read from now on goes to `reader`. */
  attach(reader: SocketReader): void {
    this.#reader = reader;
  }

  #watch(socket: net.Socket): void {
    socket.on('error', (error) => this.#watcher?.failed(error));
    socket.on('end', () => this.#watcher?.over()).on('close', () => this.#watcher?.over());
  }

  #connected(elapsedMs: number): void {
    this.connectMs = elapsedMs <= MOST_UNSEEN_MS || this.#wasWaitedFor() ? elapsedMs : MOST_UNSEEN_MS;
    this.#watcher?.connected(this.connectMs);
  }

  /** Through a tunnel reads are copied: those that ask for it are few, and no path of theirs is quick. */
  #connectThrough(proxy: URL): net.Socket {
    const { target } = this;
    const tunnel = openTunnelThrough({ ...target, proxy }, (error, connectMs) => {
      if (error !== undefined) return this.#watcher?.failed(error);
      const isPlain = !isSecure(target);
      if (!isPlain) {
        this.#socket = secureTunnel(tunnel, target.baseUrl, tlsOptionsOf(target.tls));
        this.#watch(this.#socket);
        this.hold(this.#isHolding);
        this.#socket.once('secureConnect', () => this.#connected(connectMs));
      }
      this.#socket.on('data', (chunk: Buffer) => this.#copy(chunk)).resume();
      if (isPlain) this.#connected(connectMs);
      return undefined;
    });
    return tunnel;
  }

  #copy(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length && !this.#socket.destroyed; ) {
      const space = this.#reader?.space() ?? this.#scratch;
      const part = chunk.subarray(at, at + space.length);
      if (part.length === 0) return;
      space.set(part);
      at += part.length;
      this.#reader?.filled(part.length);
    }
  }

  #wasWaitedFor(): boolean {
    return this.#idleMs === undefined || idleMs() - this.#idleMs >= LEAST_WAIT_MS;
  }

  #connect(): net.Socket {
    const { baseUrl, localAddress, address, mayReach, tls } = this.target;
    const secure = isSecure(this.target);
    const host = bareHost(baseUrl.hostname);
    // nothing is looked up for a literal
    if (mayReach !== undefined && net.isIP(host) !== 0 && !mayReach(host)) return failing(forbidden(host));
    const options = {
      host,
      port: Number(baseUrl.port || (secure ? 443 : 80)),
      ...localOptions(localAddress, host),
      ...pinnedLookup(address),
      noDelay: true,
      keepAlive: true,
      autoSelectFamily: localAddress === undefined,
      ...(mayReach === undefined ? {} : { lookup: lookupOf(mayReach) }),
      onread: {
        buffer: () => this.#reader?.space() ?? this.#scratch,
        callback: (bytes: number, buffer: Uint8Array) => {
          if (buffer === this.#scratch) this.#reader?.space().set(buffer.subarray(0, bytes));
          this.#reader?.filled(bytes);
          return true;
        },
      },
    };
    if (!secure) return net.connect(options as net.NetConnectOpts);
    const name = net.isIP(host) === 0 ? { servername: host } : {};
    return loadTls().connect({ ...options, ...name, ...tlsOptionsOf(tls), ALPNProtocols: ['http/1.1'] });
  }
}

/** Connections dialled ahead of their use; each is taken once. */
export class EarlyDials {
  readonly #dials: Dial[] = [];

  /** Dials, without keeping the process alive for it and without a fuss when it fails: who takes it will see. */
  add(target: DialTarget): void {
    const dial = new Dial(target);
    dial.look();
    dial.hold(false);
    this.#dials.push(dial);
  }

  /** The connection dialled for `target`, if there is one that has not failed. */
  take(target: DialTarget): Dial | undefined {
    const at = this.#dials.findIndex(({ target: { baseUrl, localAddress, address, proxy, tls } }) => {
      const isSamePlace = baseUrl.origin === target.baseUrl.origin && address === target.address;
      const isSameWay = localAddress === target.localAddress && proxy?.href === target.proxy?.href;
      return isSamePlace && isSameWay && tls === target.tls;
    });
    const [dial] = at < 0 ? [] : this.#dials.splice(at, 1);
    if (dial === undefined || dial.socket.destroyed) return undefined;
    dial.hold(true);
    dial.look();
    return dial;
  }

  /** Closes what nobody took. */
  [Symbol.dispose](): void {
    for (const { socket } of this.#dials.splice(0)) socket.destroy();
  }
}

/** What this process has waited in all, ms. The build of the page takes this clock for a browser's, which cannot tell. */
function idleMs(): number {
  const { nodeTiming } = performance as unknown as { readonly nodeTiming: { readonly idleTime: number } };
  return nodeTiming.idleTime;
}

/** True for targets that speak TLS. */
export function isSecure(target: DialTarget): boolean {
  return target.baseUrl.protocol === 'https:';
}

/** Looks a name up for every connection anew, and gives only what may be reached, so that no answer of DNS leads elsewhere. */
function lookupOf(mayReach: (address: string) => boolean): net.LookupFunction {
  return (host, options, done) => {
    dns.lookup(host, { ...options, all: true } as LookupAllOptions, (error, all: LookupAddress[]) => {
      const [first, ...others] = error === null ? all.filter(({ address }) => mayReach(address)) : [];
      if (first === undefined) done(error ?? forbidden(host), '');
      else if (options.all === true) done(null, [first, ...others]);
      else done(null, first.address, first.family);
    });
  };
}

function forbidden(host: string): Error {
  return new Error(`${host} is not on the Internet, though a server there leads to it`);
}

/** A socket that will never be connected. */
function failing(error: Error): net.Socket {
  const socket = new net.Socket();
  process.nextTick(() => socket.destroy(error));
  return socket;
}

/** TLS is loaded when the first https route is dialled: it takes longer than everything else a start needs. */
function loadTls(): typeof Tls {
  return process.getBuiltinModule('node:tls');
}
