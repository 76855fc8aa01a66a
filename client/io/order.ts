// What a session is asked to do: one object (or a range of it), the routes to it, where its bytes go.
import type { Range } from '../../protocol/ranges.ts';
import type { CoreOptions } from '../core/options.ts';
import type { RouteTerms } from '../core/route-terms.ts';
import type { ConnectChannel } from './channel-adapter.ts';
import type { ChannelTarget } from './channel-socket.ts';
import type { EarlyDials } from './dial.ts';
import type { Pins } from './identity.ts';
import type { KnownOrigins } from './known-origins.ts';
import type { SessionObserver } from './report.ts';
import type { Sink } from './sink.ts';

/** A route as the session needs it. */
export type SessionRoute = ChannelTarget & {
  readonly name: string;
  readonly terms: RouteTerms;
  /** Name under which the key of the origin behind it is remembered. */
  readonly origin: string;
  /** The user took it away while the transfer runs: it is left as soon as another one carries on. */
  readonly isWithdrawn?: boolean;
  /** The base URL is that of a copy on a plain HTTP server; 'primary': what others have to agree with. */
  readonly mirror?: 'copy' | 'primary';
  /** The proxy on the way to where a mirror redirects to. */
  readonly proxyFor?: ((url: URL) => URL | undefined) | undefined;
  /** Makes its channels, instead of the adapters that are built in. */
  readonly connect?: ConnectChannel | undefined;
};

/** One transfer to run. */
export type SessionOrder = {
  readonly key: string;
  readonly routes: readonly SessionRoute[];
  readonly core: CoreOptions;
  readonly pins: Pins;
  /** Keys of origins met before. */
  readonly known?: KnownOrigins | undefined;
  /** First wanted byte, and the exclusive end (undefined: the object's). */
  readonly firstByte: number;
  readonly endByte: number | undefined;
  readonly sink: Sink;
  /** Segments that the sink has from an earlier transfer of the object that is pinned. */
  readonly have?: readonly Range[];
  /** The sink compares the whole with a root or checksum of the user's. */
  readonly isCheckedLater?: boolean;
  /** Ranks from outside by route number, when they come; never rejects. */
  readonly ranks?: Promise<readonly (number | undefined)[] | undefined>;
  /** It is remembered who brought each segment. */
  readonly isMapped?: boolean;
  readonly observer: SessionObserver;
  /** Connections dialled before the session began. */
  readonly early: EarlyDials | undefined;
};
