// What can be demanded of a running transfer by whoever holds it: checked here, one clear line for every mistake, and told
// to the retrieval. What it means is decided in the core. Also: what somebody who keeps a list of transfers is told.
import { HeddleError } from '../protocol/errors.ts';
import type { Demand } from './core/messages.ts';
import type { Preference } from './core/route.ts';
import type { SessionRoute } from './io/order.ts';
import type { Inspection, SessionReport } from './io/report.ts';
import type { WantedBytes } from './io/wanted-bytes.ts';
import type { ByteRange } from './options.ts';

/** What can be demanded of a transfer while it runs; once it has ended nothing happens. */
export type TransferControls = {
  /**
   * These bytes are wanted before all others, in this order and before what was raised earlier: the place a player jumped
   * to, a table at the end of a container. An output in order gets its bytes in order all the same.
   */
  raise(ranges: readonly ByteRange[]): void;
  /** Nothing more is asked for until `resume`; what was asked for still comes, a window of each route at most. */
  pause(): void;
  resume(): void;
  /** Ends it: `done` rejects with `aborted`. What a file has got so far can be resumed. */
  cancel(): void;
  /**
   * 'prefer': the route is used whenever it works; 'exclude': it finishes what it was asked for and is left alone;
   * 'normal': as it is ranked. Throws `usage` for a name that is none, and when no route would be left.
   */
  prefer(route: string, preference: Preference): void;
  /**
   * Bytes of payload per second that all routes together, or the one named, are asked for from now on; undefined: no
   * limit. Throws `usage` below 1000.
   */
  limitRate(bytesPerSecond: number | undefined, route?: string): void;
  /** What the payload may cost in all, in the currency of the routes' prices; undefined: whatever. Throws `usage`. */
  limitCost(costBudget: number | undefined): void;
};

/** A transfer that has begun, as a register is told of it. */
export type StartedTransfer = TransferControls & {
  readonly key: string;
  /** The file it is written to; undefined: a stream. */
  readonly target: string | undefined;
  readonly output: 'order' | 'any';
  readonly segmentBytes: number;
  readonly reorderBytes: number;
  readonly firstByte: number;
  readonly routes: readonly Pick<SessionRoute, 'name' | 'baseUrl' | 'mirror'>[];
  readonly done: Promise<SessionReport>;
  inspect(): Inspection;
};

/** Who is told of every transfer that begins; what went wrong without harm is told to the function that is returned. */
export type TransferRegister = { add(transfer: StartedTransfer): (warning: HeddleError) => void };

/** What the controls speak to. */
type Steered = {
  raise(ranges: readonly WantedBytes[]): void;
  demand(demand: Exclude<Demand, { readonly type: 'raise' }>): void;
  inspect(): Inspection;
};

/** Less would not be a segment in half a minute. */
const LEAST_BYTES_PER_SECOND = 1_000;

/** The controls of a transfer over `routes` that runs. */
export function controlsOf(
  steered: Steered,
  routes: readonly { readonly name: string }[],
  cancel: () => void,
): TransferControls {
  const numberOf = (name: string): number => {
    // one that took the place of another came later
    const number = routes.findLastIndex((route) => route.name === name);
    if (number >= 0) return number;
    throw wrong(`"${name}" is none of the routes: ${routes.map((route) => route.name).join(', ')}`);
  };
  return {
    raise: (ranges) => steered.raise(ranges.map(wantedBytes)),
    pause: () => steered.demand({ type: 'pause', isPaused: true }),
    resume: () => steered.demand({ type: 'pause', isPaused: false }),
    cancel,
    prefer(name, preference) {
      const route = numberOf(name);
      const others = steered.inspect().snapshot.routes.filter(({ index }) => index !== route);
      if (preference === 'exclude' && others.every(({ state }) => state === 'excluded')) {
        throw wrong(`without ${name} no route would be left; take another back first, or pause`);
      }
      steered.demand({ type: 'prefer', route, preference });
    },
    limitRate(bytesPerSecond, name) {
      const route = name === undefined ? 'all' : numberOf(name);
      if (
        bytesPerSecond !== undefined &&
        !(bytesPerSecond >= LEAST_BYTES_PER_SECOND && Number.isFinite(bytesPerSecond))
      ) {
        throw wrong(`${bytesPerSecond} is no limit; from ${LEAST_BYTES_PER_SECOND} bytes per second on it is`);
      }
      steered.demand({ type: 'cap', route, bytesPerSecond });
    },
    limitCost(costBudget) {
      if (costBudget !== undefined && !(costBudget >= 0 && Number.isFinite(costBudget)))
        throw wrong(`${costBudget} is no budget`);
      steered.demand({ type: 'budget', cost: costBudget });
    },
  };
}

/** Controls of something that begins later: what is said before is told then. Mistakes show then as well. */
export function controlsLater(cancel: () => void): {
  readonly controls: TransferControls;
  begin(begun: TransferControls): void;
} {
  let now: TransferControls | undefined;
  const waiting: ((begun: TransferControls) => void)[] = [];
  const tell = (say: (begun: TransferControls) => void): void => {
    if (now === undefined) waiting.push(say);
    else say(now);
  };
  return {
    controls: {
      raise(ranges) {
        for (const range of ranges) boundsOf(range);
        tell((begun) => begun.raise(ranges));
      },
      pause: () => tell((begun) => begun.pause()),
      resume: () => tell((begun) => begun.resume()),
      cancel,
      prefer: (route, preference) => tell((begun) => begun.prefer(route, preference)),
      limitRate: (bytesPerSecond, route) => tell((begun) => begun.limitRate(bytesPerSecond, route)),
      limitCost: (costBudget) => tell((begun) => begun.limitCost(costBudget)),
    },
    begin(begun) {
      now = begun;
      for (const say of waiting) say(begun);
    },
  };
}

/** The first byte and the exclusive end of a range. Throws `usage`. */
export function boundsOf(range: ByteRange | undefined): { firstByte: number; endByte: number | undefined } {
  if (range === undefined) return { firstByte: 0, endByte: undefined };
  const { first, last } = range;
  const valid =
    Number.isSafeInteger(first) && first >= 0 && (last === undefined || (Number.isSafeInteger(last) && last >= first));
  if (!valid) throw wrong(`${first}-${last ?? ''} is no byte range`);
  return { firstByte: first, endByte: last === undefined ? undefined : last + 1 };
}

function wantedBytes(range: ByteRange): WantedBytes {
  const { firstByte, endByte = Number.POSITIVE_INFINITY } = boundsOf(range);
  return { first: firstByte, end: endByte };
}

function wrong(text: string): HeddleError {
  return new HeddleError('usage', text);
}
