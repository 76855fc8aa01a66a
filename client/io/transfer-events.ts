// What transfers tell whoever listens in this process, on a channel of node:diagnostics_channel: that a session can be
// looked at, and how a transfer ended. Nobody needs to listen, and then nothing is made.
import { channel } from 'node:diagnostics_channel';
import { asHeddleError } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import type { SessionReport } from './report.ts';

/** Name of the channel. */
export const TRANSFER_CHANNEL = 'heddle:transfer';

/** A session: its report grows while it runs, and stands when it has ended. */
export type WatchedSession = { report(): SessionReport };

/** A transfer has one session, or a few when it begins again. */
export type TransferMessage =
  | { readonly type: 'began'; readonly session: WatchedSession }
  | { readonly type: 'ended'; readonly session: WatchedSession }
  | { readonly type: 'finished'; readonly outcome: 'done' | ErrorCode; readonly report: SessionReport }
  /** A channel of a route ended by itself, or was refused. */
  | { readonly type: 'channel-closed'; readonly route: string; readonly code: ErrorCode }
  /** Bytes that came over a route by a plain request, ahead of a transfer. */
  | { readonly type: 'lead'; readonly route: string; readonly bytes: number };

const transfers = channel(TRANSFER_CHANNEL);

/** Tells those who listen; `message` is asked for only if there is anybody. */
export function tellTransfer(message: () => TransferMessage): void {
  if (transfers.hasSubscribers) transfers.publish(message());
}

/** Runs a session that may be looked at meanwhile. */
export async function watched(session: WatchedSession, run: () => Promise<SessionReport>): Promise<SessionReport> {
  if (!transfers.hasSubscribers) return run();
  tellTransfer(() => ({ type: 'began', session }));
  try {
    return await run();
  } finally {
    tellTransfer(() => ({ type: 'ended', session }));
  }
}

/** Runs a whole transfer and tells how it ended. */
export async function told(transfer: WatchedSession, run: () => Promise<SessionReport>): Promise<SessionReport> {
  try {
    const report = await run();
    tellTransfer(() => ({ type: 'finished', outcome: 'done', report }));
    return report;
  } catch (error) {
    tellTransfer(() => ({ type: 'finished', outcome: asHeddleError(error).code, report: transfer.report() }));
    throw error;
  }
}
