// The URL of a proxy as a setting: it may hold a password, which is neither shown nor repeated when the URL is wrong.
import { secret } from '../protocol/settings/text.ts';
import type { Setting } from '../protocol/settings/setting.ts';

/** `http://[USER:PASSWORD@]HOST:PORT`. */
export function proxyAddress(about: Parameters<typeof secret>[0]): Setting<string> {
  return { ...secret(about), show: (value) => value.replace(/\/\/.*@/, '//…@') };
}
