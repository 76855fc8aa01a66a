// Writes a run of an object's bytes as the body of a plain response, from the shared blocks, never more than two reads
// ahead of what the client takes. The head is the routes' business.
import type { ServerResponse } from 'node:http';
import type { Share } from '../protocol/access/shaper.ts';
import { asHeddleError } from '../protocol/errors.ts';
import type { OpenObject } from './block-cache.ts';
import type { Loan } from './block-loan.ts';
import type { ByteRange } from './conditional.ts';
import type { OriginMetrics } from './metrics.ts';
import type { OriginTuning } from './options.ts';

/** Who counts, and how much. */
export type BodyAccount = {
  readonly metrics: OriginMetrics;
  readonly tuning: OriginTuning;
  /** What the bytes count against. */
  readonly share: Share;
};

/**
 * Sends `range` of `file` and ends the response. A read that fails, a client that goes away or takes nothing for
 * `writeStallMs`, a token whose bytes are used up breaks the connection, so that a shortened body cannot pass for a whole
 * one. Never rejects.
 */
export async function sendBody(
  response: ServerResponse,
  file: OpenObject,
  range: ByteRange,
  { metrics, tuning, share }: BodyAccount,
): Promise<void> {
  response.setTimeout(tuning.writeStallMs, () => response.destroy());
  let onRoom = (): void => {};
  response.once('close', () => onRoom());
  share.listen(
    () => onRoom(),
    () => {
      metrics.limited['token-bytes'].inc();
      response.destroy();
    },
  );
  try {
    let written = Promise.resolve();
    for (let position = range.from; position < range.to && !response.destroyed; ) {
      const length = Math.min(range.to - position, tuning.blockBytes - (position % tuning.blockBytes));
      const loan = await file.borrow(position, length);
      await written;
      written = write(response, loan);
      metrics.bytes.objects.inc(length);
      position += length;
      if (share.took(length) || response.destroyed) continue;
      // it is not the client who takes nothing
      const { promise, resolve } = Promise.withResolvers<void>();
      onRoom = resolve;
      response.setTimeout(0);
      await promise;
      response.setTimeout(tuning.writeStallMs);
    }
    await written;
    response.end();
  } catch (error) {
    const { code } = asHeddleError(error);
    if (code === 'object-changed' || code === 'read-failed') metrics.readErrors[code].inc();
    response.destroy();
  }
}

/** Settles when the kernel has taken the bytes or the connection is gone. */
function write(response: ServerResponse, loan: Loan): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = (): void => {
    response.off('close', done);
    loan.release();
    resolve();
  };
  response.once('close', done);
  for (const part of loan.parts.slice(0, -1)) response.write(part);
  response.write(loan.parts.at(-1), done);
  return promise;
}
