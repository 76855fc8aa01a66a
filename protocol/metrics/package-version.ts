// The version of the package this file runs from, in a checkout as well as installed.
import { readFileSync } from 'node:fs';

/** `version` of the nearest package.json above; "0.0.0" when there is none. */
export function packageVersion(): string {
  for (const place of ['../../package.json', '../../../package.json']) {
    try {
      const { version } = JSON.parse(readFileSync(new URL(place, import.meta.url), 'utf8')) as { version?: unknown };
      if (typeof version === 'string') return version;
    } catch {
      // Not there: the next place.
    }
  }
  return '0.0.0';
}
