// What must hold in every run, whatever the routes do (DESIGN, section 11): one function per invariant, each with the
// words it complains with. Judges by the account, checked at every step.
import type { Effect, Input } from '../../../client/core/messages.ts';
import type { RouteSnapshot, Snapshot } from '../../../client/core/snapshot.ts';
import { indexesOf, rangesHave } from '../../../protocol/ranges.ts';
import type { Scenario } from '../scenario/scenario.ts';
import { isFaultFree } from '../scenario/scenario.ts';
import { coreOf } from '../world/run.ts';
import type { Observer } from '../world/shell.ts';
import { Account } from './account.ts';
import { oneEpochOnePattern, onlyHeldIsAsked } from './pattern-invariants.ts';
import { allowedRateIsKept, connectionsAreKept, quotaIsKept } from './term-invariants.ts';

/** ms in which somebody must have been asked for the segment at the in-order point; into a file while a window has room. */
const ASKED_WITHIN_MS = 500;
/** ms in which the in-order point must move while other segments come. */
const MOVES_WITHIN_MS = 10_000;
/** Silence that may have made the core think that a channel stalled, ms. */
const SUSPECT_MS = 140;
/** ms after which a route that could carry something must have been asked for something, while much is open. */
const IDLE_MS = 2_000;
const MUCH_SEGMENTS = 30;
const LEAST_BY_PATTERN = 0.95;
/** Smaller objects may be hedged more than that: the budget has a fixed part. */
const LEAST_PATTERN_BYTES = 32_000_000;
const MOST_FAULTS = 20;

/** The names by which tests and people speak of them. */
export const INVARIANTS = [
  'nothing unverified is delivered',
  'delivered once and in order',
  'no effect on a closed channel',
  'patterns only rise',
  'one epoch is one pattern',
  'only what is held is sent for',
  'only what is held is asked for by pattern',
  'credit stays within the window',
  'memory is bounded',
  'the in-order point is asked for',
  'the in-order point moves',
  'no sound route is left idle',
  'a sound channel keeps what it may send',
  'the honest are not blamed',
  'most answers PATTERN',
  'quotas are kept',
  'allowed rates are kept',
  'allowed connections are kept',
] as const;

export type Invariant = (typeof INVARIANTS)[number];

export type Fault = { readonly invariant: Invariant; readonly text: string };

type Broken = string | undefined;

/** Watches one run; `faults` stays empty when all holds. */
export class Invariants implements Observer {
  readonly faults: Fault[] = [];
  readonly #scenario: Scenario;
  readonly #account: Account;
  #routes: (readonly RouteSnapshot[])[] = [];
  /** Since when a route that works could be asked for a segment more. */
  #roomSince: number | undefined;
  #seenAt = Number.NEGATIVE_INFINITY;
  #snapshot: (() => Snapshot) | undefined;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.#account = new Account(coreOf(scenario), scenario.bytes);
  }

  input(input: Input, now: number): void {
    const account = this.#account;
    if (input.type === 'segment') {
      const broken = duplicatesAreExcused(account, input.channel, input.index);
      this.#check('a sound channel keeps what it may send', now, broken);
    }
    account.input(input, now);
    if (input.type !== 'tick') return;
    this.#check('memory is bounded', now, memoryIsBounded(account));
    this.#check('the in-order point is asked for', now, pointIsAsked(account, this.#roomSince, now));
    this.#check('the in-order point moves', now, pointMoves(account, now));
    this.#check(
      'no sound route is left idle',
      now,
      noSoundRouteIdles(this.#scenario, account, now, this.#routes.at(-1)),
    );
  }

  turn(snapshot: () => Snapshot, now: number): void {
    this.#snapshot = snapshot;
    if (now - this.#seenAt < this.#account.options.tickMs) return;
    this.#seenAt = now;
    this.#see(snapshot());
    const hasRoom = this.#routes.at(-1)?.some((route) => hasRoomFor(this.#account.options.segmentBytes, route));
    this.#roomSince = hasRoom === true ? (this.#roomSince ?? now) : undefined;
  }

  effect(effect: Effect, now: number): void {
    const account = this.#account;
    this.#check('no effect on a closed channel', now, nothingOnClosedChannels(account, effect));
    this.#check('delivered once and in order', now, deliveredOnceInOrder(account, effect));
    this.#check('nothing unverified is delivered', now, deliveredOnlyProven(account, effect));
    this.#check('patterns only rise', now, patternsOnlyRise(account, effect));
    this.#check('only what is held is sent for', now, onlyHeldIsSent(account, effect));
    this.#check('one epoch is one pattern', now, oneEpochOnePattern(account, effect));
    account.effect(effect, now);
    this.#check('only what is held is asked for by pattern', now, onlyHeldIsAsked(account, effect));
    if (effect.type === 'dial') {
      this.#check('allowed connections are kept', now, connectionsAreKept(this.#scenario, account));
    }
    if (effect.type === 'credit') this.#checkWindow(effect.channel, now);
  }

  /** After the run: what holds of the whole. */
  end(snapshot: Snapshot, now: number): void {
    this.#check('the honest are not blamed', now, honestIsNotBlamed(this.#scenario, snapshot));
    this.#check('most answers PATTERN', now, mostIsByPattern(this.#scenario, snapshot));
    this.#check('quotas are kept', now, quotaIsKept(this.#scenario, snapshot.routes));
    this.#check('allowed rates are kept', now, allowedRateIsKept(this.#scenario, snapshot.routes, now));
  }

  /** The window may have changed since the grant, within one input: the larger of the last two counts. */
  #checkWindow(channel: number, now: number): void {
    const route = this.#account.channels.get(channel)?.route ?? 0;
    const broken = (): Broken =>
      creditStaysInWindow(
        this.#account,
        this.#routes.map((routes) => routes[route]),
      );
    if (broken() === undefined) return;
    if (this.#snapshot !== undefined) this.#see(this.#snapshot());
    this.#check('credit stays within the window', now, broken());
  }

  #see({ routes }: Snapshot): void {
    this.#routes = [...this.#routes.slice(-1), routes];
  }

  #check(invariant: Invariant, now: number, broken: Broken): void {
    if (broken === undefined || this.faults.length >= MOST_FAULTS) return;
    this.faults.push({ invariant, text: `at ${(now / 1_000).toFixed(3)} s: ${broken}` });
  }
}

function deliveredOnceInOrder({ delivered, nextInOrder, options }: Account, effect: Effect): Broken {
  if (effect.type !== 'deliver') return undefined;
  if (delivered.has(effect.index)) return `segment ${effect.index} is delivered twice`;
  if (options.output === 'any' || effect.index === nextInOrder) return undefined;
  return `segment ${effect.index} is delivered where ${nextInOrder} is next`;
}

function deliveredOnlyProven({ proven }: Account, effect: Effect): Broken {
  if (effect.type !== 'deliver' || proven.has(effect.index)) return undefined;
  return `segment ${effect.index} is delivered unproven`;
}

function nothingOnClosedChannels({ channels }: Account, effect: Effect): Broken {
  if (!('channel' in effect) || effect.type === 'dial' || effect.type === 'verify' || effect.type === 'discard') {
    return undefined;
  }
  const stage = channels.get(effect.channel)?.stage;
  const allowed: Record<string, readonly (string | undefined)[]> = {
    open: ['connected'],
    close: ['dialled', 'connected', 'opened', 'greeted'],
  };
  if ((allowed[effect.type] ?? ['opened', 'greeted']).includes(stage)) return undefined;
  return `${effect.type} on channel ${effect.channel}, which is ${stage ?? 'unknown'}`;
}

function patternsOnlyRise({ channels }: Account, effect: Effect): Broken {
  if (effect.type !== 'pattern') return undefined;
  const { epoch, from } = effect.pattern;
  const channel = channels.get(effect.channel);
  if (channel === undefined || (epoch > channel.epoch && from >= channel.from)) return undefined;
  return `channel ${effect.channel} gets epoch ${epoch} from ${from} after ${channel.epoch} from ${channel.from}`;
}

function onlyHeldIsSent({ channels }: Account, effect: Effect): Broken {
  if (effect.type !== 'send') return undefined;
  const held = channels.get(effect.channel)?.held;
  if (held === undefined) return undefined;
  for (const index of indexesOf(effect.ranges)) {
    if (!rangesHave(held, index)) return `channel ${effect.channel} is sent for ${index}, which it does not hold`;
  }
  return undefined;
}

/** `seen`: the route before and now. What stalled channels were asked for has gone back to the pool. */
function creditStaysInWindow(account: Account, seen: readonly (RouteSnapshot | undefined)[]): Broken {
  const route = seen.at(-1);
  if (route === undefined) return undefined;
  const among = route.channels
    .filter(({ state }) => state !== 'stalled' && state !== 'slow')
    .map(({ number }) => number);
  const windowBytes = Math.max(...seen.map((each) => each?.windowBytes ?? 0));
  const outstanding = account.outstandingBytes(among);
  if (outstanding <= windowBytes + account.options.segmentBytes * among.length) return undefined;
  return `route ${route.index} is asked for ${outstanding} bytes, its window is ${Math.round(windowBytes)}`;
}

/** What came on a channel that has ended since still waits: the most channels there were count. */
function memoryIsBounded({ arrivedBy, taken, options, mostChannels }: Account): Broken {
  const held = (arrivedBy.size - taken) * options.segmentBytes;
  const most = options.reorderBytes + mostChannels * options.segmentBytes;
  return held <= most ? undefined : `${held} bytes wait for the sink, ${most} are allowed`;
}

/** Into a file no segment is before another: while all windows are full, what is on its way is as good. */
function pointIsAsked({ options, point, unaskedSince }: Account, roomSince: number | undefined, now: number): Broken {
  const since = options.output === 'any' ? Math.max(unaskedSince ?? now, roomSince ?? now) : (unaskedSince ?? now);
  if (now - since <= ASKED_WITHIN_MS) return undefined;
  return `nobody is asked for segment ${point}, at the in-order point, for ${(now - since).toFixed(0)} ms`;
}

function hasRoomFor(segmentBytes: number, { channels, outBytes, windowBytes }: RouteSnapshot): boolean {
  return channels.some(({ state }) => state === 'open') && outBytes + segmentBytes <= windowBytes;
}

function pointMoves({ point, pointAt, newArrivalAt, segments }: Account, now: number): Broken {
  const isStuck = point < segments && now - pointAt > MOVES_WITHIN_MS && now - newArrivalAt < MOVES_WITHIN_MS / 2;
  return isStuck
    ? `segment ${point} starves: missing for ${(now - pointAt).toFixed(0)} ms while others come`
    : undefined;
}

/** Only where nothing goes wrong, for a route in use that brings a segment within a fraction of the time. */
function noSoundRouteIdles(
  scenario: Scenario,
  account: Account,
  now: number,
  seen: readonly RouteSnapshot[] | undefined,
): Broken {
  if (!isFaultFree(scenario) || account.unasked < MUCH_SEGMENTS) return undefined;
  for (const [index, since] of account.idleSince) {
    const route = scenario.routes[index];
    const isInUse = seen?.[index]?.role !== 'standby';
    if (now - since <= IDLE_MS || !isInUse || route === undefined || route.loss > 0.001) continue;
    account.idleSince.set(index, now);
    return `route ${route.name} is asked for nothing for ${IDLE_MS} ms while ${account.unasked} segments are asked of nobody`;
  }
  return undefined;
}

/** A segment comes twice only after a SEND for it, or when one of its holders had fallen silent or ended. */
function duplicatesAreExcused(account: Account, channel: number, index: number): Broken {
  const first = account.arrivedBy.get(index);
  if (first === undefined || account.sent.has(index)) return undefined;
  for (const number of [first, channel]) {
    const holder = account.channels.get(number);
    if (holder === undefined || holder.stage === 'closed' || holder.longestGapMs >= SUSPECT_MS) return undefined;
  }
  return `segment ${index} comes from channel ${channel}, came from ${first}, both sound, and was never sent for`;
}

function honestIsNotBlamed({ routes, events }: Scenario, snapshot: Snapshot): Broken {
  for (const [index, route] of routes.entries()) {
    const isHonest =
      route.corrupt === 0 && !events.some((event) => event.route === index && mayBlame(event.change.type));
    const seen = snapshot.routes[index];
    if (isHonest && seen !== undefined && (seen.corrupt > 0 || seen.state === 'excluded')) {
      return `route ${route.name} is honest, and ${seen.state} with ${seen.corrupt} segments called corrupt`;
    }
  }
  return undefined;
}

function mayBlame(type: string): boolean {
  return type === 'corrupt' || type === 'refuse';
}

function mostIsByPattern(scenario: Scenario, { routes }: Snapshot): Broken {
  const payload = routes.reduce((sum, route) => sum + route.payloadBytes, 0);
  const byPattern = routes.reduce((sum, route) => sum + route.patternBytes, 0);
  if (
    !isFaultFree(scenario) ||
    scenario.requests === 'send' ||
    payload < LEAST_PATTERN_BYTES ||
    byPattern >= LEAST_BY_PATTERN * payload
  )
    return undefined;
  return `only ${((100 * byPattern) / payload).toFixed(1)} % of the payload answers PATTERN in a run without faults`;
}
