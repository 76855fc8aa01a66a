// Which adapter a route's channels get, and how each begins: the one that the route brings, heddle/1 with an upgrade request
// that carries the first frames, or the range adapter for a mirror. Knows both so that the session need not.
import { formatChannelHeaders } from '../../protocol/channel-request.ts';
import type { ClientFrame } from '../../protocol/frames.ts';
import { pathsOf } from '../../protocol/paths.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { AdapterEvents, ChannelAdapter, ChannelOpening } from './channel-adapter.ts';
import { ChannelSocket } from './channel-socket.ts';
import type { EarlyDials } from './dial.ts';
import type { SessionRoute } from './order.ts';
import type { RangeChannel } from './range-channel.ts';
import type { Mirror } from './range-mirror.ts';

/** Most pattern elements in the upgrade request, so that proxies with 8 KiB header lines pass it; more follow the 101. */
const MOST_FIRST_ELEMENTS = 4_096;

/** What the channels of one transfer share. */
export type ConnectorOrder = {
  readonly pool: BufferPool;
  readonly segmentBytes: number;
  /** Connections dialled before. */
  readonly early: EarlyDials | undefined;
  /** How many sources there are. */
  readonly sources: number;
};

/** What asks mirrors. */
type MirrorCode = { readonly RangeChannel: typeof RangeChannel; readonly Mirror: typeof Mirror };

/** Connects the channels of one transfer. */
export class ChannelConnector {
  readonly #order: ConnectorOrder;
  readonly #mirrors = new Map<SessionRoute, Mirror>();
  /** Loaded only where there are mirrors. */
  #code: MirrorCode | undefined;

  constructor(order: ConnectorOrder) {
    this.#order = order;
  }

  /** Loads what channels to `routes` need; before the first is connected. */
  async load(routes: readonly SessionRoute[]): Promise<void> {
    if (routes.every(({ mirror, connect }) => mirror === undefined || connect !== undefined)) return;
    const [channel, mirror] = await Promise.all([import('./range-channel.ts'), import('./range-mirror.ts')]);
    this.#code = { ...channel, ...mirror };
  }

  /** A channel on `route`; it dials at once, and says nothing before this returns. */
  connect(route: SessionRoute, events: AdapterEvents): ChannelAdapter {
    const { pool, segmentBytes, early, sources } = this.#order;
    if (route.connect !== undefined) {
      const { baseUrl, localAddress, authorization } = route;
      return route.connect({ baseUrl, localAddress, authorization, segmentBytes, buffers: pool }, events);
    }
    const dial = early?.take(route);
    if (route.mirror === undefined) {
      const socket = new ChannelSocket(route, pool, segmentBytes, events, dial);
      return {
        get readBytes() {
          return socket.readBytes;
        },
        open: (opening) => openSocket(socket, opening),
        write: (frame) => socket.write(frame),
        close: (graceful) => socket.close(graceful),
      };
    }
    if (this.#code === undefined) throw new Error('what asks mirrors was not loaded');
    const mirror = this.#mirrors.get(route) ?? new this.#code.Mirror(route.baseUrl, { alone: sources === 1 });
    this.#mirrors.set(route, mirror);
    const { localAddress, proxyFor } = route;
    return new this.#code.RangeChannel({ mirror, localAddress, proxyFor }, pool, segmentBytes, events, dial);
  }
}

function openSocket(socket: ChannelSocket, opening: ChannelOpening): void {
  const { key, transfer, number, segmentBytes, pattern, credit, steer } = opening;
  const frames: ClientFrame[] = [
    { type: 'pattern', pattern },
    { type: 'credit', total: credit },
  ];
  if (steer === true) frames.unshift({ type: 'steer', on: true });
  const fits = pattern.lead.length + pattern.cycle.length < MOST_FIRST_ELEMENTS;
  const headers = formatChannelHeaders({ transfer, number, segmentBytes, first: fits ? frames : [] });
  socket.open(pathsOf(key).segments, headers);
  if (!fits) for (const frame of frames) socket.write(frame);
}
