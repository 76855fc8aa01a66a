// Which keys a place may serve at all, wherever its objects lie: those that can be asked for, and nothing whose name
// begins with a dot (configuration of editors, version control, secrets).
import { encodeKey } from '../protocol/paths.ts';

/** True for a key that may be listed, looked up and read. */
export function isServedKey(key: string): boolean {
  if (key.split('/').some((part) => part.startsWith('.'))) return false;
  try {
    return encodeKey(key) !== '';
  } catch {
    return false;
  }
}
