// The shared state of a transfer made by hand, so that one part of the core can be tested without the others. Channels
// are brought to a state by the events that lead there; nothing is decided here.
import { Channel } from '../../../client/core/channel.ts';
import { ChannelTable } from '../../../client/core/channel-table.ts';
import type { Effect } from '../../../client/core/messages.ts';
import { CORE_DEFAULTS } from '../../../client/core/options.ts';
import type { CoreOptions } from '../../../client/core/options.ts';
import { Route } from '../../../client/core/route.ts';
import { SegmentTable } from '../../../client/core/segment-table.ts';
import type { TransferState } from '../../../client/core/state.ts';
import { Stalls } from '../../../client/core/tally.ts';
import type { Pattern } from '../../../protocol/pattern.ts';

export const SEGMENT: number = CORE_DEFAULTS.segmentBytes;

/** The defaults with some of them changed. */
export function optionsWith(changed: Partial<CoreOptions> = {}): CoreOptions {
  return { ...CORE_DEFAULTS, ...changed };
}

/** A transfer of `segments` whole segments over `routes` routes, with no channel yet. */
export function coreState(
  order: { readonly routes?: number; readonly segments?: number; readonly options?: Partial<CoreOptions> } = {},
): TransferState {
  const { routes = 1, segments } = order;
  const options = optionsWith(order.options);
  const table = new SegmentTable(0);
  if (segments !== undefined) table.bound(segments);
  return {
    options,
    routes: Array.from({ length: routes }, (_, index) => new Route(index, options)),
    channels: new ChannelTable(),
    routeOfChannel: new Map(),
    table,
    counters: { receivedBytes: 0, wasteBytes: 0, hedges: 0, hedgedBytes: 0, patterns: 0, corrupt: 0 },
    stalls: new Stalls(),
    size: segments === undefined ? undefined : segments * options.segmentBytes,
    effects: [],
    map: undefined,
    isPaused: false,
    isOutOfReach: false,
    maxBytesPerSecond: undefined,
    costBudget: options.costBudget,
  };
}

/** An open channel of `state`; `rate` (bytes per ms) is what it was measured at during the last two seconds. */
export function openChannel(
  state: TransferState,
  number: number,
  more: { readonly route?: number; readonly rttMs?: number; readonly rate?: number; readonly now?: number } = {},
): Channel {
  const { route = 0, rttMs = 20, rate, now = 0 } = more;
  const channel = new Channel(number, route, state.options.segmentBytes, now);
  channel.apply('connected');
  channel.openedAt = now;
  channel.apply('hello');
  channel.helloSeen = true;
  state.channels.add(channel);
  state.routeOfChannel.set(number, route);
  state.routes[route]!.roundTrip(rttMs);
  if (rate !== undefined) measureAt(channel, rate, rttMs, now);
  return channel;
}

/** The channel was busy at `rate` bytes per ms for the two seconds before `now`. */
function measureAt(channel: Channel, rate: number, rttMs: number, now: number): void {
  const begun = now - 2_000;
  channel.rate.becomesBusy(begun);
  for (let at = begun; at < now; at += 10) {
    channel.rate.tick(at, rttMs, false);
    channel.rate.add(rate * 10, at + 10);
  }
  channel.rate.tick(now, rttMs, false);
  channel.rate.becomesIdle();
}

/** A pattern whose lead is `lead`, from `from` on, and that ends there. */
export function leadOf(epoch: number, lead: readonly number[], from = 0): Pattern {
  const to = from + lead.length;
  return { epoch, from, to, lead: Uint16Array.from(lead), cycle: new Uint16Array(0) };
}

/** Gives `channel` the pattern and `count` credits, as if granted at `now`. */
export function owe(state: TransferState, channel: Channel, pattern: Pattern, count: number, now: number): void {
  const { rttMs } = state.routes[channel.route]!;
  channel.ledger.pattern(pattern);
  for (let at = 0; at < count; at += 1) {
    const index = channel.ledger.grant();
    if (index !== undefined) channel.promises.set(index, now + rttMs + SEGMENT / channel.rate.rateOr(rttMs));
  }
  channel.settle(rttMs, now);
}

/** Takes all effects of one type that wait. */
export function taken<Type extends Effect['type']>(
  state: TransferState,
  type: Type,
): Extract<Effect, { readonly type: Type }>[] {
  const all = state.effects.splice(0);
  return all.filter((effect): effect is Extract<Effect, { readonly type: Type }> => effect.type === type);
}
