// A role's settings as they count: what was said and the defaults, as YAML that reads back the same, each line with
// where its value comes from. Secrets are not shown.
import { Document, isMap, isScalar, isSeq } from 'yaml';
import type { YAMLMap } from 'yaml';
import type { AnyTable, Setting } from './setting.ts';
import type { Sources } from './sources.ts';

/** The settings of `table` in force with what `sources` say; what has no value at all stands behind a #. */
export function effectiveSettings(table: AnyTable, sources: Sources<object>): string {
  const document = new Document({});
  const map = document.contents as unknown as YAMLMap;
  addRows(document, map, table, sources.values as Record<string, unknown>, sources, '');
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}

function addRows(
  document: Document,
  map: YAMLMap,
  table: AnyTable,
  values: Readonly<Record<string, unknown>>,
  sources: Sources<object>,
  before: string,
): void {
  const unset: string[] = [];
  for (const [key, row] of Object.entries(table)) {
    const name = `${before}${key}`;
    const given = values[key];
    if (row.members !== undefined) {
      const inner = document.createNode({}) as YAMLMap;
      addRows(document, inner, row.members, (given ?? {}) as Record<string, unknown>, sources, `${name}.`);
      if (inner.items.length > 0) map.set(key, inner);
    } else if (given !== undefined) map.set(key, commented(document, row, given, sources.placeOf(name) ?? 'given'));
    else if (row.initial !== undefined) map.set(key, commented(document, row, row.initial, 'default'));
    else unset.push(`${key}: ${row.why}`);
  }
  if (unset.length > 0) map.comment = ` not set:\n${unset.map((line) => ` ${line}`).join('\n')}`;
}

function commented(document: Document, row: Setting<unknown>, value: unknown, place: string): unknown {
  const node = document.createNode(row.show(value));
  const comment = ` ${place.replaceAll(/\p{Cc}/gu, ' ')}`;
  if (isScalar(node)) node.comment = comment;
  else if (isMap(node) || isSeq(node)) node.commentBefore = comment;
  return node;
}
