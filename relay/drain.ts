// How a relay stops: not ready at once while it still serves (so that balancers and clients look elsewhere), then no
// new sessions, then the deadline. Knows the order only; what it ends belongs to others.
import { setTimeout as sleep } from 'node:timers/promises';
import type { RelayContext } from './context.ts';
import { cutOff } from './upstream-socket.ts';

export type DrainTimes = {
  /** Milliseconds of "not ready" during which new sessions are still served. */
  readonly noticeMs: number;
  /** Milliseconds from the start after which what is left is cut off. */
  readonly deadlineMs: number;
};

export type DrainSteps = {
  onNotice(): void;
  onEnd(): Promise<void>;
  dropConnections(): void;
  /** The times that count now. */
  defaults(): DrainTimes;
};

/** A close function that may be called again with shorter times: the nearest deadline counts. */
export function drain(context: RelayContext, steps: DrainSteps): (times?: Partial<DrainTimes>) => Promise<void> {
  const hurry = new AbortController();
  let running: Promise<void> | undefined;
  return async (times = {}) => {
    const { noticeMs, deadlineMs } = { ...steps.defaults(), ...times };
    const deadline = sleep(deadlineMs, undefined, { signal: hurry.signal }).then(
      () => hurry.abort(),
      () => {},
    );
    running ??= run(context, steps, noticeMs, hurry.signal).finally(() => hurry.abort());
    await running;
    await deadline;
  };
}

async function run(context: RelayContext, steps: DrainSteps, noticeMs: number, hurry: AbortSignal): Promise<void> {
  const { admission, sessions, upgradedSockets } = context;
  steps.onNotice();
  await sleep(noticeMs, undefined, { signal: hurry }).catch(() => {});
  admission.drain();
  const { promise: hurried, resolve } = Promise.withResolvers<void>();
  hurry.addEventListener('abort', () => resolve(), { once: true });
  if (!hurry.aborted) await Promise.race([admission.empty(), hurried]);
  sessions.abortAll();
  for (const socket of upgradedSockets) cutOff(socket);
  steps.dropConnections();
  await admission.empty();
  await steps.onEnd();
}
