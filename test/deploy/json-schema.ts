// As much of JSON Schema draft-07 as the published schemas use; a keyword it does not know is an error, so that nothing is
// left unchecked in silence.

export type Schema = { readonly [keyword: string]: unknown };

const SILENT = new Set(['$schema', 'title', 'description', 'default']);

/** What is wrong with `value`, a line for each fault. */
export function faultsOf(value: unknown, schema: Schema, at = ''): string[] {
  return Object.entries(schema).flatMap(([keyword, wanted]) => faultsBy(keyword, wanted, value, schema, at));
}

function faultsBy(keyword: string, wanted: unknown, value: unknown, schema: Schema, at: string): string[] {
  const fail = (fails: boolean): string[] => (fails ? [`${at}: ${keyword} ${JSON.stringify(wanted)}`] : []);
  const entries = isObject(value) ? Object.entries(value) : [];
  switch (keyword) {
    case 'type':
      return fail(!hasType(value, wanted as string));
    case 'minimum':
      return fail(typeof value === 'number' && value < (wanted as number));
    case 'maximum':
      return fail(typeof value === 'number' && value > (wanted as number));
    case 'minLength':
      return fail(typeof value === 'string' && value.length < (wanted as number));
    case 'minItems':
      return fail(Array.isArray(value) && value.length < (wanted as number));
    case 'pattern':
      return fail(typeof value === 'string' && !new RegExp(wanted as string, 'u').test(value));
    case 'enum':
      return fail(!(wanted as unknown[]).includes(value));
    case 'required':
      return isObject(value) ? fail((wanted as string[]).some((key) => !(key in value))) : [];
    case 'anyOf':
      return fail((wanted as Schema[]).every((one) => faultsOf(value, one, at).length > 0));
    case 'items':
      return Array.isArray(value)
        ? value.flatMap((item, index) => faultsOf(item, wanted as Schema, `${at}/${index}`))
        : [];
    case 'propertyNames':
      return entries.flatMap(([key]) => faultsOf(key, wanted as Schema, `${at}/${key}`));
    case 'properties':
      return entries.flatMap(([key, inner]) => {
        const known = (wanted as Record<string, Schema>)[key];
        return known === undefined ? [] : faultsOf(inner, known, `${at}/${key}`);
      });
    case 'additionalProperties': {
      const known = Object.keys(schema['properties'] ?? {});
      const others = entries.filter(([key]) => !known.includes(key));
      if (wanted === false) return fail(others.length > 0);
      return others.flatMap(([key, inner]) => faultsOf(inner, wanted as Schema, `${at}/${key}`));
    }
    default:
      if (SILENT.has(keyword)) return [];
      throw new Error(`the keyword ${keyword} is not checked`);
  }
}

function hasType(value: unknown, type: string): boolean {
  if (type === 'object') return isObject(value);
  if (type === 'array') return Array.isArray(value);
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
