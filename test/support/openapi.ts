// Holds answers of a server against its OpenAPI description: as much of JSON Schema as that uses, and stricter than it is,
// for a key that is not described is a fault as well. A keyword that is not known is an error.
type Schema = { readonly [keyword: string]: unknown };

/** An OpenAPI description, to hold answers against. */
export class Described {
  readonly #document: Schema;
  /** What was answered so far: `METHOD path status`. */
  readonly seen: Set<string> = new Set();

  constructor(document: unknown) {
    this.#document = document as Schema;
  }

  /** Every operation: `METHOD path`. */
  get operations(): string[] {
    return Object.entries(this.#document['paths'] as Record<string, Schema>).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
  }

  /** What is wrong with an answer; `body` is parsed where it is JSON. */
  faultsOfAnswer(method: string, url: string, status: number, type: string, body: unknown): string[] {
    const [path = ''] = url.split('?');
    const paths = this.#document['paths'] as Record<string, Record<string, Schema>>;
    const template = Object.keys(paths).find((each) => matches(each, path));
    const operation = paths[template ?? '']?.[method.toLowerCase()];
    if (operation === undefined)
      return status === 404 ? this.faultsOf('Problem', body) : [`${method} ${path} is not described`];
    const responses = operation['responses'] as Record<string, Schema>;
    const response = responses[status];
    if (response === undefined) return [`${method} ${path}: ${status} is not described`];
    this.seen.add(`${method} ${template} ${status}`);
    const content = response['content'] as Record<string, Schema> | undefined;
    if (content === undefined) return [];
    const described = content[type.split(';')[0] ?? ''];
    if (described === undefined) return [`${method} ${path}: ${status} as ${type} is not described`];
    if (type.startsWith('text/')) return [];
    return this.#faults(body, described['schema'] as Schema, `${method} ${path} ${status}: `);
  }

  /** What is wrong with a value that should have the shape of this name. */
  faultsOf(name: string, value: unknown): string[] {
    return this.#faults(value, this.#resolve(`#/components/schemas/${name}`), '');
  }

  #resolve(ref: string): Schema {
    let found: unknown = this.#document;
    for (const key of ref.split('/').slice(1)) found = (found as Schema)[key];
    if (found === undefined) throw new Error(`${ref} is nowhere`);
    return found as Schema;
  }

  #faults(value: unknown, schema: Schema, at: string): string[] {
    const { $ref, anyOf, type, enum: values, properties, required, items, prefixItems, minimum, ...more } = schema;
    for (const keyword of Object.keys(more)) if (!SILENT.has(keyword)) throw new Error(`${keyword} is not checked`);
    if (typeof $ref === 'string') return this.#faults(value, this.#resolve($ref), at);
    if (anyOf !== undefined) {
      const all = (anyOf as Schema[]).map((one) => this.#faults(value, one, at));
      const best = all.toSorted((a, b) => a.length - b.length)[0] ?? [];
      return best.length === 0 ? [] : best;
    }
    const types = [type].flat();
    if (type !== undefined && !types.some((one) => hasType(value, one))) return [`${at} is no ${types.join(' or ')}`];
    if (values !== undefined && !(values as unknown[]).includes(value))
      return [`${at} is none of ${JSON.stringify(values)}`];
    if (typeof minimum === 'number' && (value as number) < minimum) return [`${at} is below ${minimum}`];
    if (Array.isArray(value)) {
      const first = (prefixItems ?? []) as Schema[];
      return value.flatMap((item, index) => {
        const one = first[index] ?? items;
        if (one === undefined || one === false) return [`${at}/${index} is too much`];
        return this.#faults(item, one as Schema, `${at}/${index}`);
      });
    }
    if (typeof value !== 'object' || value === null) return [];
    const missing = ((required ?? []) as string[])
      .filter((key) => !(key in value))
      .map((key) => `${at}/${key} is missing`);
    const known = properties as Record<string, Schema> | undefined;
    if (known === undefined) return missing;
    const inner = Object.entries(value).flatMap(([key, each]) => {
      const one = known[key];
      return one === undefined ? [`${at}/${key} is not described`] : this.#faults(each, one, `${at}/${key}`);
    });
    return [...missing, ...inner];
  }
}

const SILENT = new Set(['minItems', 'maxItems', 'additionalProperties', 'description', 'maximum', 'default']);

function matches(template: string, path: string): boolean {
  const parts = template.split('/');
  const given = path.split('/');
  return parts.length === given.length && parts.every((part, at) => part.startsWith('{') || part === given[at]);
}

function hasType(value: unknown, type: unknown): boolean {
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type;
}
