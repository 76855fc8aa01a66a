// The one way in which reading frames may fail; used by the tests of the readers.
import { expect } from 'vitest';
import { HeddleError } from '../../protocol/errors.ts';

const FAULT_CODES = ['bad-frame', 'frame-too-large', 'unknown-frame'];

/** The fault that `run` throws, undefined when it throws none; anything but a remote HeddleError of these fails. */
export function faultOf(run: () => unknown): HeddleError | undefined {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(HeddleError);
    expect(FAULT_CODES).toContain((error as HeddleError).code);
    expect((error as HeddleError).side).toBe('remote');
    return error as HeddleError;
  }
  return undefined;
}
