// Writes a run of an object's bytes as the body of a plain response, from the shared blocks, never more than two reads
// ahead of what the client takes. The head is the routes' business.
import type { ServerResponse } from 'node:http';
import { asHeddleError } from '../protocol/errors.ts';
import type { Loan, OpenObject } from './block-cache.ts';
import type { ByteRange } from './conditional.ts';
import type { OriginMetrics } from './metrics.ts';
import type { OriginTuning } from './options.ts';

/**
 * Sends `range` of `file` and ends the response. A read that fails, a client that goes away or takes nothing for
 * `writeStallMs` breaks the connection, so that a shortened body cannot pass for a whole one. Never rejects.
 */
export async function sendBody(
  response: ServerResponse,
  file: OpenObject,
  range: ByteRange,
  { metrics, tuning }: { readonly metrics: OriginMetrics; readonly tuning: OriginTuning },
): Promise<void> {
  response.setTimeout(tuning.writeStallMs, () => response.destroy());
  try {
    let written = Promise.resolve();
    for (let position = range.from; position < range.to && !response.destroyed; ) {
      const length = Math.min(range.to - position, tuning.blockBytes - (position % tuning.blockBytes));
      const loan = await file.borrow(position, length);
      await written;
      written = write(response, loan);
      metrics.bytes.objects.inc(length);
      position += length;
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
