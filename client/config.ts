// The client's configuration file: YAML with its routes. Mistakes are named with line and column.
import { readFile } from 'node:fs/promises';
import { isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { YAMLMap } from 'yaml';
import { asHeddleError, HeddleError } from '../protocol/errors.ts';
import type { RouteOptions } from './options.ts';

/** What the file says. */
export type ClientConfig = { readonly routes: readonly RouteOptions[] };

/**
 * Reads
 *   routes:
 *     - name: eu
 *       url: https://relay-eu:9001/v1/via/main
 *       localAddress: 192.168.1.5   # optional
 * Throws `bad-configuration`.
 */
export async function readClientConfig(path: string): Promise<ClientConfig> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new HeddleError('bad-configuration', `cannot read ${path}: ${asHeddleError(error).message}`);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number | undefined): string => {
    const { line, col } = lines.linePos(offset ?? 0);
    return `${path}:${line}:${col}`;
  };
  const [fault] = document.errors;
  if (fault !== undefined) throw wrong(`${at(fault.pos[0])}: ${fault.message.split('\n')[0]}`);
  const root = document.contents;
  if (!isMap(root)) throw wrong(`${path}: expected a mapping with "routes"`);
  checkKeys(root, ['routes'], at);
  const list = root.get('routes', true);
  if (!isSeq(list)) throw wrong(`${path}: "routes" must be a list`);
  const routes = list.items.map((item) => {
    if (!isMap(item)) throw wrong(`${path}: a route is a mapping with "name" and "url"`);
    checkKeys(item, ['name', 'url', 'localAddress'], at);
    const localAddress = textOf(item, 'localAddress', at);
    const name = textOf(item, 'name', at);
    const url = textOf(item, 'url', at);
    if (name === undefined || url === undefined) throw wrong(`${at(item.range?.[0])}: a route needs "name" and "url"`);
    return { name, url, ...(localAddress === undefined ? {} : { localAddress }) };
  });
  return { routes };
}

type Locate = (offset: number | undefined) => string;

function checkKeys(map: YAMLMap, known: readonly string[], at: Locate): void {
  for (const { key } of map.items) {
    if (!isScalar(key) || known.includes(String(key.value))) continue;
    throw wrong(`${at(key.range?.[0])}: "${String(key.value)}" is not known here; known are ${known.join(', ')}`);
  }
}

function textOf(map: YAMLMap, key: string, at: Locate): string | undefined {
  const value = map.get(key, true);
  if (value === undefined) return undefined;
  if (typeof value.value !== 'string') throw wrong(`${at(value.range?.[0])}: "${key}" must be text`);
  return value.value;
}

function wrong(text: string): HeddleError {
  return new HeddleError('bad-configuration', text);
}
