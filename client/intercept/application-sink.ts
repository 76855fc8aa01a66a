// Verified bytes on their way to the application: a sink whose runs wait while the application is paused. What feeds it
// bounds how many there are: a lead its blocks, a transfer its reorder window.
import type { Sink } from '../io/sink.ts';
import type { Application } from './application.ts';
import type { Flow } from './plain-answer.ts';

type Run = { readonly bytes: Uint8Array; readonly done: () => void };

/** The sink, and what the application steers it with. */
export type ApplicationSink = Flow & { readonly sink: Sink };

/** A sink that hands its runs to `application`, which is to be attached to it. The caller ends the body. */
export function applicationSink(application: Application): ApplicationSink {
  const waiting: Run[] = [];
  let handing = false;
  const hand = (): void => {
    // a run that is done may make room for the next one at once
    if (handing) return;
    handing = true;
    while (!application.paused && !application.over) {
      const run = waiting.shift();
      if (run === undefined) break;
      // the buffer is used again; the application may keep what it gets
      if (run.bytes.length > 0) application.data(Buffer.from(run.bytes));
      run.done();
    }
    handing = false;
  };
  const sink: Sink = {
    order: 'order',
    begin: () => Promise.resolve(),
    put(_offset, bytes, done) {
      waiting.push({ bytes, done });
      hand();
    },
    commit: () => Promise.resolve(),
    abort: () => Promise.resolve(),
  };
  return { sink, pause: () => {}, resume: hand };
}

/** Settles as soon as the application takes bytes. */
export function flowing(application: Application): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (application.paused) application.attach({ pause: () => {}, resume: resolve });
  else resolve();
  return promise;
}
