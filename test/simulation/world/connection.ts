// One TCP connection of the client: dialled, upgraded, frames up and down, ended by either side. Stands where
// client/io/channel-socket.ts and its receiver stand: cuts the stream into reads of at most 64 KiB.
import type { Agenda } from '../agenda.ts';
import type { ErrorCode } from '../../../protocol/errors.ts';
import { Flow, sendBufferBytes } from '../network/flow.ts';
import { Uplink } from '../network/uplink.ts';
import type { Path, Refusing, Resident } from './path.ts';
import { Source } from './source.ts';
import type { Downstream, SourceOrder, Upstream } from './source.ts';

const READ_BYTES = 65_536;
const SEGMENT_PREFIX_BYTES = 16;
/** The kernel sends a SYN again after one second, then two, four …. */
const SYN_RETRY_MS = 1_000;

export type ConnectionEvents = {
  connected(connectMs: number): void;
  /** Payload bytes of a segment were read. */
  payload(bytes: number): void;
  frame(frame: Downstream): void;
  closed(code: ErrorCode): void;
  refused(refusing: Refusing): void;
};

type Coming = { readonly frame: Downstream; readonly bytes: number; read: number };

/** A connection over `path`. After `closed` or `refused` nothing else follows. */
export class Connection implements Resident {
  readonly #agenda: Agenda;
  readonly #path: Path;
  readonly #events: ConnectionEvents;
  readonly #uplink: Uplink;
  readonly #startedAt: number;
  readonly #early: Upstream[] = [];
  readonly #coming: Coming[] = [];
  #flow: Flow | undefined;
  #source: Source | undefined;
  #connectMs = 0;
  #upgraded = false;
  #silent = false;
  /** For the cap on the source's rate. */
  #isWaiting = false;
  #ended = false;

  constructor(agenda: Agenda, path: Path, events: ConnectionEvents) {
    this.#agenda = agenda;
    this.#path = path;
    this.#events = events;
    this.#uplink = new Uplink(agenda, path.random, path.line);
    this.#startedAt = agenda.now;
    this.#dial(SYN_RETRY_MS);
  }

  /** Sends the upgrade request; `first` takes effect as if sent behind the 101. */
  open(order: SourceOrder, first: readonly Upstream[]): void {
    const pattern = first.find((frame) => frame.type === 'pattern')?.pattern;
    this.#uplink.send(() => {
      if (this.#path.refusing !== undefined) {
        const refusing = this.#path.refusing;
        return this.#backToClient(() => {
          this.close();
          this.#events.refused(refusing);
        });
      }
      this.#greet(order, pattern?.from ?? 0);
      for (const frame of first) this.#source?.handle(frame);
    });
  }

  /** Sends a frame; before the 101 it waits. */
  write(frame: Upstream): void {
    if (this.#ended) return;
    if (!this.#upgraded) {
      this.#early.push(frame);
      return;
    }
    this.#uplink.send(() => this.#handle(frame));
  }

  /** The client closes: the source hears of it half a round trip later. */
  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#path.residents.delete(this);
    this.#uplink.close();
    this.#agenda.after(this.#path.line.delayMs, () => this.#flow?.close());
  }

  reset(): void {
    this.#flow?.close();
    this.#path.residents.delete(this);
    this.#silent = true;
    this.#uplink.close();
    this.#backToClient(() => {
      this.close();
      this.#events.closed('connection-lost');
    });
  }

  hang(): void {
    this.#silent = true;
    this.#flow?.close();
  }

  #dial(retryMs: number): void {
    if (this.#ended) return;
    const { line, random } = this.#path;
    const { delayMs, loss, isDown } = line;
    const again = (): unknown => this.#agenda.after(retryMs, () => this.#dial(2 * retryMs));
    if (isDown || random.chance(loss)) return void again();
    this.#agenda.after(delayMs, () => {
      if (line.isDown || random.chance(loss)) return void again();
      const isServing = this.#path.isServing;
      if (isServing && !this.#ended) this.#path.residents.add(this);
      this.#backToClient(() => {
        if (!isServing) return this.#refusedDial();
        this.#connectMs = this.#agenda.now - this.#startedAt;
        this.#events.connected(this.#connectMs);
      });
    });
  }

  #refusedDial(): void {
    this.close();
    this.#events.closed('unreachable');
  }

  /** Something small from the far end: behind the queue, lost in a black hole, void when the client has closed. */
  #backToClient(arrive: () => void): void {
    const { line } = this.#path;
    if (line.isDown) return;
    this.#agenda.after(line.queueMs + line.delayMs, () => {
      if (!this.#ended && !line.isDown) arrive();
    });
  }

  #greet(order: SourceOrder, firstSegment: number): void {
    const flow = new Flow(this.#agenda, this.#path.line, this.#path.congestion(), this.#connectMs, {
      received: (bytes) => this.#received(bytes),
      drained: () => this.#source?.pump(),
    });
    this.#flow = flow;
    const pendingBytes = (): number =>
      Math.max(0, flow.unsentBytes - this.#path.route.heldInPathBytes - sendBufferBytes(flow));
    const write = (bytes: number, frame: Downstream): void => {
      this.#path.spend(bytes);
      this.#coming.push({ frame, bytes, read: 0 });
      flow.write(bytes);
    };
    this.#source = new Source(order, { write, pendingBytes, isHeldUp: () => this.#isHeldUp() }, firstSegment);
  }

  #isHeldUp(): boolean {
    const ms = this.#path.heldUpMs;
    if (ms === 0) return false;
    if (!this.#isWaiting) {
      this.#isWaiting = true;
      this.#agenda.after(ms, () => {
        this.#isWaiting = false;
        if (!this.#silent) this.#source?.pump();
      });
    }
    return true;
  }

  #handle(frame: Upstream): void {
    if (this.#silent) return;
    const { pong } = this.#path.route;
    if (frame.type !== 'ping' || pong === 'true') return this.#source?.handle(frame);
    if (pong !== 'never') this.#agenda.after(pong, () => this.#source?.handle(frame));
  }

  /** The kernel has `bytes` more: reads end where frames end. */
  #received(bytes: number): void {
    for (let left = bytes; left > 0 && !this.#ended; ) {
      const coming = this.#coming[0];
      if (coming === undefined) throw new Error('more bytes came than were written');
      const take = Math.min(left, READ_BYTES, coming.bytes - coming.read);
      const before = Math.max(0, coming.read - SEGMENT_PREFIX_BYTES);
      coming.read += take;
      left -= take;
      if (!this.#upgraded) this.#upgrade();
      const payload = Math.max(0, coming.read - SEGMENT_PREFIX_BYTES) - before;
      if (coming.frame.type === 'segment' && payload > 0) this.#events.payload(payload);
      if (coming.read < coming.bytes || this.#ended) continue;
      this.#coming.shift();
      this.#events.frame(coming.frame);
    }
  }

  #upgrade(): void {
    this.#upgraded = true;
    for (const frame of this.#early.splice(0)) this.write(frame);
  }
}
