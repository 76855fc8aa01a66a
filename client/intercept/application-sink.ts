// Verified bytes on their way to the application: a sink for a transfer whose runs wait while the application is paused,
// and until what comes before them was handed out. The reorder window bounds what waits here.
import type { Sink } from '../io/sink.ts';
import type { Application } from './application.ts';
import type { Flow } from './plain-answer.ts';

type Run = { readonly bytes: Uint8Array; readonly done: () => void };

/** A sink that hands its runs to `application`; `before` settles when it may begin. The caller ends the body. */
export function applicationSink(application: Application, before: Promise<void>): { sink: Sink; flow: Flow } {
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
      application.data(Buffer.from(run.bytes));
      run.done();
    }
    handing = false;
  };
  const sink: Sink = {
    order: 'order',
    begin: () => before,
    put(_offset, bytes, done) {
      waiting.push({ bytes, done });
      hand();
    },
    commit: () => Promise.resolve(),
    abort() {
      waiting.length = 0;
      return Promise.resolve();
    },
  };
  return { sink, flow: { pause: () => {}, resume: hand } };
}

/** Settles as soon as the application takes bytes. */
export function flowing(application: Application): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (application.paused) application.attach({ pause: () => {}, resume: resolve });
  else resolve();
  return promise;
}
