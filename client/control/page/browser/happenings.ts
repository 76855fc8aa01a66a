// Events as lines for people: what the log says. Figures that change all the time say nothing here. Of one kind that comes
// again and again within a short time one line tells, with how often.
import type { DetailEvent, RouteState } from '../../messages.ts';
import { formatBytes, formatRate, formatSeconds } from './format.ts';

/** One line of the log. */
export type Happening = {
  /** ms since 1970. */
  readonly at: number;
  readonly tone: 'plain' | 'good' | 'warning' | 'bad';
  readonly text: string;
  /** Lines of the same kind are put together; undefined: never. */
  readonly kind?: string | undefined;
  readonly times?: number;
};

const TOGETHER_MS = 10_000;

/** Lines that are kept. */
const MOST_HAPPENINGS = 200;

/** What an event is worth telling; `before` is the route as it was, for a 'route' event. */
export function happeningOf(event: DetailEvent, before: RouteState | undefined): Happening | undefined {
  const { at } = event;
  switch (event.type) {
    case 'snapshot':
      return { at, tone: 'plain', text: `watching ${event.snapshot.key}` };
    case 'state':
      return { at, tone: 'plain', text: event.state === 'paused' ? 'paused' : 'going on' };
    case 'ended':
      return ending(event.summary, at);
    case 'route':
      return routeChange(event.route, before, at);
    case 'hedge':
      return {
        at,
        tone: 'plain',
        text: `asked ${event.route} as well for late segments`,
        kind: `hedge ${event.route}`,
        times: event.segments,
      };
    case 'corrupt':
      return {
        at,
        tone: 'bad',
        text: `${event.route} sent what is not true`,
        kind: `corrupt ${event.route}`,
        times: event.count,
      };
    case 'limits': {
      const { maxBytesPerSecond, costBudget } = event.limits;
      const rate = maxBytesPerSecond === null ? 'no limit of rate' : `at most ${formatRate(maxBytesPerSecond)}`;
      return { at, tone: 'plain', text: costBudget === null ? rate : `${rate}, budget ${costBudget}` };
    }
    case 'raised':
      return {
        at,
        tone: 'plain',
        text: `${event.ranges.map(({ first, last }) => `bytes ${first}–${last ?? 'end'}`).join(', ')} come first`,
      };
    case 'warning':
      return { at, tone: 'warning', text: event.fault.message, kind: `warning ${event.fault.message}`, times: 1 };
    case 'lost':
      return { at, tone: 'warning', text: `${event.events} events were not told: this page was too slow` };
    case 'progress':
    case 'routes':
    case 'pattern':
    case 'cells':
      return undefined;
    default:
      event satisfies never;
      return undefined;
  }
}

/** The lines with one more, oldest first; bounded. */
export function withHappening(lines: readonly Happening[], next: Happening): Happening[] {
  const at = next.kind === undefined ? -1 : lines.findLastIndex(({ kind }) => kind === next.kind);
  const same = lines[at];
  if (same !== undefined && next.at - same.at < TOGETHER_MS) {
    return lines.with(at, { ...same, times: (same.times ?? 1) + (next.times ?? 1) });
  }
  return [...lines, next].slice(-MOST_HAPPENINGS);
}

function ending(
  { state, fault, elapsedMs, progress }: Extract<DetailEvent, { type: 'ended' }>['summary'],
  at: number,
): Happening {
  const took = formatSeconds(elapsedMs / 1_000);
  if (state === 'done') return { at, tone: 'good', text: `done: ${formatBytes(progress.receivedBytes)} in ${took}` };
  if (state === 'cancelled') return { at, tone: 'warning', text: `cancelled after ${took}` };
  return { at, tone: 'bad', text: `failed after ${took}: ${fault?.message ?? 'unknown why'}` };
}

function routeChange(route: RouteState, before: RouteState | undefined, at: number): Happening | undefined {
  const { name, state, preference, fault, maxBytesPerSecond, isSetAside } = route;
  if (before === undefined || preference !== before.preference) {
    if (preference === 'exclude') return { at, tone: 'warning', text: `${name} is excluded by you` };
    if (preference === 'prefer') return { at, tone: 'plain', text: `${name} is preferred` };
    return { at, tone: 'plain', text: `${name} is used as it is ranked` };
  }
  if (state !== before.state && state !== 'connecting') {
    const why = fault === null || state === 'active' ? '' : `: ${fault.message}`;
    const tones = { excluded: 'bad', down: 'bad', stalled: 'warning', active: 'good' } as const;
    const tone = state in tones ? tones[state as keyof typeof tones] : 'plain';
    return { at, tone, text: `${name} is ${state}${why}`, kind: `state ${name} ${state}`, times: 1 };
  }
  if (maxBytesPerSecond !== before.maxBytesPerSecond) {
    const limit = maxBytesPerSecond === null ? 'without limit' : `at most ${formatRate(maxBytesPerSecond)}`;
    return { at, tone: 'plain', text: `${name}: ${limit}` };
  }
  if (isSetAside !== before.isSetAside) {
    return {
      at,
      tone: 'plain',
      text: isSetAside ? `${name} is set aside: another alone is faster` : `${name} is used again`,
    };
  }
  return undefined;
}
