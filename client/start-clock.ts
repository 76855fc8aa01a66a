// The clock of a program that has just begun: what it needs of the global `performance`, which loads ten modules when it is
// first asked for; that takes longer than connecting to a source nearby.

/** What of `performance` is here. */
export type StartClock = {
  /** ms, as `performance.now()` counts them. */
  now(): number;
  readonly nodeTiming: { readonly idleTime: number };
};

/** To be made in the first turn of the event loop. */
export function startClock(): StartClock {
  const origin = runtimeMs() - 1_000 * process.uptime();
  let hasTurned = false;
  setImmediate(() => {
    hasTurned = true;
  });
  return {
    now: () => runtimeMs() - origin,
    get nodeTiming() {
      // nothing is waited for in the first turn
      return hasTurned ? performance.nodeTiming : { idleTime: 0 };
    },
  };
}

function runtimeMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return 1_000 * seconds + nanoseconds / 1e6;
}
