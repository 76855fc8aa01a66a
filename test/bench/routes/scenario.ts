// What a scenario is: routes, an object, and what happens to the routes meanwhile. Types only.

/** A route as the network sees it; both directions alike unless `up…` says otherwise. */
export type RouteShape = {
  readonly megabitsPerSecond: number;
  readonly upMegabitsPerSecond?: number;
  readonly rttMs: number;
  /** Random loss each way, per cent. */
  readonly lossPercent?: number;
  readonly jitterMs?: number;
  /** Drop-tail buffer before the bottleneck, in ms of the first rate; default: the RTT, at least 100. */
  readonly queueMs?: number;
};

/** Something that happens `atSeconds` after the client is started. Routes count from 1. A loss of 100 is a black hole. */
export type ScenarioEvent = { readonly atSeconds: number; readonly route: number } & (
  | { readonly type: 'rate'; readonly megabitsPerSecond: number }
  | { readonly type: 'loss'; readonly lossPercent: number }
  | { readonly type: 'kill' }
  | { readonly type: 'restart' }
);

/** A scenario ready to run: events in the order of their times. */
export type Scenario = {
  readonly name: string;
  readonly title: string;
  readonly objectBytes: number;
  readonly routes: readonly RouteShape[];
  readonly events: readonly ScenarioEvent[];
  /** Plain web servers with a copy each stand at the ends of the routes; nobody knows of Heddle. */
  readonly mirrors?: Mirrors;
};

/** What is special about mirrors. */
export type Mirrors = {
  /** The route (from 1) whose mirror serves other bytes of the same size and age: it is no source. */
  readonly false?: number;
};
