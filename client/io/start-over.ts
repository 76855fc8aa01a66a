// Why a session ends so that another one can begin, and what that one knows from the start.
import { HeddleError } from '../../protocol/errors.ts';
import type { Pins } from './identity.ts';

/** Thrown by a session that began with a wrong notion of the object. */
export class StartOver extends HeddleError {
  readonly pins: Pins;
  /** What was delivered in order so far is right all the same. */
  readonly sameBytes: boolean;

  constructor(message: string, pins: Pins, sameBytes: boolean) {
    super('root-mismatch', message, { side: 'remote' });
    this.pins = pins;
    this.sameBytes = sameBytes;
  }
}
