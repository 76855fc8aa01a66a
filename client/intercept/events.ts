// What interception tells whoever listens, on a channel of node:diagnostics_channel: one message for every transfer that
// brought bytes of an intercepted answer. Nobody needs to listen.
import { channel } from 'node:diagnostics_channel';
import type { SessionReport } from '../io/report.ts';

/** Name of the channel. */
export const INTERCEPTED_CHANNEL = 'heddle:intercepted';

/** A transfer that ended well. */
export type InterceptedMessage = {
  /** The web origin that was asked. */
  readonly origin: string;
  readonly key: string;
  readonly report: SessionReport;
};

const intercepted = channel(INTERCEPTED_CHANNEL);

/** Tells those who listen. */
export function tellIntercepted(message: InterceptedMessage): void {
  if (intercepted.hasSubscribers) intercepted.publish(message);
}
