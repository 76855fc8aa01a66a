// The kinds of settings that are one word or one line: text, secrets, yes or no, a choice, an address, a URL, a path.
import { bracketedHost } from '../host.ts';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import type { About, Setting, SettingNode } from './setting.ts';

/** A TCP address to listen on; port 0 lets the system choose. */
export type ListenAddress = { readonly host: string; readonly port: number };

/** Any text, or what `pattern` matches; `expects` says what that is. */
export function text(about: About<string> & { pattern?: RegExp; expects?: string }): Setting<string> {
  const { pattern, expects = 'text' } = about;
  return {
    ...about,
    expects,
    schema: { type: 'string', ...(pattern === undefined ? { minLength: 1 } : { pattern: pattern.source }) },
    read: (node, name, reading) => {
      const value = textIn(node);
      if (value !== undefined && (pattern ?? /[^]/).test(value)) return value;
      const number = node.type === 'scalar' && node.value !== null && typeof node.value !== 'string';
      return reading.unexpected(node, name, number ? `it in quotes: "${node.text}"` : expects);
    },
    show: (value) => value,
  };
}

/** A text that nobody may see: never shown, never in a message. */
export function secret(about: About<string> & { pattern: RegExp; expects: string }): Setting<string> {
  const { pattern, expects } = about;
  return {
    ...about,
    expects,
    secret: true,
    schema: { type: 'string', pattern: pattern.source },
    read: (node, name, reading) => {
      const value = textIn(node);
      if (value !== undefined && pattern.test(value)) return value;
      return reading.fault(
        node.place,
        `"${name}" is not ${expects}; write it in quotes, or the name of a file with it`,
      );
    },
    show: () => '(secret)',
  };
}

/** true or false. */
export function yesOrNo(about: About<boolean>): Setting<boolean> {
  return {
    ...about,
    expects: 'true or false',
    schema: { type: 'boolean' },
    read: (node, name, reading) => {
      if (node.type === 'scalar' && typeof node.value === 'boolean') return node.value;
      return reading.unexpected(node, name, 'true or false');
    },
    show: (value) => value,
  };
}

/** HOST:PORT. */
export function address(about: About<ListenAddress>): Setting<ListenAddress> {
  const expects = 'HOST:PORT, such as 127.0.0.1:9001 or "[::1]:9001"';
  return {
    ...about,
    expects,
    schema: { type: 'string', pattern: '^(\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9._-]+):[0-9]{1,5}$' },
    read: (node, name, reading) => {
      if (node.type === 'scalar' && typeof node.value === 'number' && Number.isInteger(node.value)) {
        return reading.unexpected(node, name, `the host as well: 127.0.0.1:${node.value}`);
      }
      return parseAddress(textIn(node) ?? '') ?? reading.unexpected(node, name, expects);
    },
    show: formatAddress,
  };
}

/** The address that `written` gives as HOST:PORT or [IPv6]:PORT. */
export function parseAddress(written: string): ListenAddress | undefined {
  const match = /^(?:\[([^\]]+)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})$/.exec(written);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535 || (match[1] !== undefined && isIP(match[1]) !== 6)) return undefined;
  return { host: match[1] ?? match[2] ?? '', port };
}

/** The address as HOST:PORT. */
function formatAddress({ host, port }: ListenAddress): string {
  return `${bracketedHost(host)}:${port}`;
}

/** An IP address of this machine. */
export function localAddress(about: About<string>): Setting<string> {
  const expects = 'an IP address of this machine, such as 192.168.1.5';
  return {
    ...about,
    expects,
    schema: { type: 'string', minLength: 2 },
    read: (node, name, reading) => {
      const value = textIn(node);
      return value !== undefined && isIP(value) !== 0 ? value : reading.unexpected(node, name, expects);
    },
    show: (value) => value,
  };
}

/** An http or https URL; credentials belong elsewhere, and a base URL has neither query nor fragment. */
export function webAddress(about: About<string> & { base: boolean }): Setting<string> {
  const expects = about.base ? 'a base URL, such as http://origin:8080' : 'an http or https URL';
  return {
    ...about,
    expects,
    schema: { type: 'string', pattern: '^https?://' },
    read: (node, name, reading) => {
      const value = textIn(node);
      const url = value === undefined ? null : URL.parse(value);
      if (value === undefined || url === null) return reading.unexpected(node, name, expects);
      const wrong = faultOf(url, about.base);
      return wrong === undefined ? value : reading.fault(node.place, `"${name}" ${wrong}`);
    },
    show: (value) => value,
  };
}

/** A path of this machine; a relative one begins at the folder of the file that names it. */
export function path(about: About<string>): Setting<string> {
  const expects = 'a path; a relative one begins at the folder of this file';
  return {
    ...about,
    expects,
    schema: { type: 'string', minLength: 1 },
    read: (node, name, reading) => {
      const value = textIn(node);
      if (value === undefined || value === '' || value.includes('\0')) return reading.unexpected(node, name, expects);
      return resolve(reading.folder, value);
    },
    show: (value) => value,
  };
}

function textIn(node: SettingNode): string | undefined {
  return node.type === 'scalar' && typeof node.value === 'string' ? node.value : undefined;
}

function faultOf(url: URL, base: boolean): string | undefined {
  const { protocol, username, password, search, hash } = url;
  if (protocol !== 'http:' && protocol !== 'https:')
    return `begins with ${protocol}; write an http or https URL, such as http://origin:8080`;
  if (username !== '' || password !== '') return 'holds a user or a password; write them as a token instead';
  if (base && (search !== '' || hash !== '')) return 'is a base URL with a query or fragment; write it without';
  return undefined;
}
