// YAML text to plain nodes with places, or to the first mistake in its grammar, told in words of a person and with what
// to write instead. What the nodes mean is the tables' business.
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments } from 'yaml';
import type { Document, Node, YAMLError } from 'yaml';
import type { Fault, Place, SettingEntry, SettingNode } from './setting.ts';

/** The node of the whole text, or what is wrong with its grammar. A text without any setting is null at 1:1. */
export function parseYamlText(text: string): SettingNode | Fault {
  const lines = new LineCounter();
  const place = (offset: number | undefined): Place => {
    const { line, col } = lines.linePos(offset ?? 0);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
  if ('empty' in documents) return { type: 'scalar', place: place(0), value: null, text: '' };
  const [document, second] = documents;
  const [error] = document === undefined ? [] : [...document.errors, ...document.warnings];
  if (error !== undefined) return { place: place(error.pos[0]), text: wordsFor(error, text) };
  if (second !== undefined) {
    const { range } = second;
    return {
      place: place(range?.[0]),
      text: 'a second document begins here; write one document, without "---" between',
    };
  }
  try {
    return nodeOf(document?.contents, { document: document as Document, place, nodes: 0 }, place(0));
  } catch (fault) {
    if (fault instanceof NotPlain) return { place: fault.place, text: fault.message };
    throw fault;
  }
}

/** A part of YAML that no configuration needs. */
class NotPlain extends Error {
  readonly place: Place;

  constructor(place: Place, text: string) {
    super(text);
    this.place = place;
  }
}

/** One walk over a document. Aliases of aliases can make a short text stand for a tree without end. */
type Walk = { readonly document: Document; place(offset: number | undefined): Place; nodes: number };

const DEEPEST = 32;
const MOST_NODES = 20_000;

/** `otherwise` is the place of a value that is not there. */
function nodeOf(node: unknown, walk: Walk, otherwise: Place, depth: number = 0): SettingNode {
  if (node === null || node === undefined) return { type: 'scalar', place: otherwise, value: null, text: '' };
  const { range, tag } = node as Node & { tag?: string };
  const here = range === undefined || range === null ? otherwise : walk.place(range[0]);
  const inside = (child: unknown, at: Place): SettingNode => nodeOf(child, walk, at, depth + 1);
  walk.nodes += 1;
  if (depth > DEEPEST) throw new NotPlain(here, `this is nested more than ${DEEPEST} levels deep; write it flatter`);
  if (walk.nodes > MOST_NODES) throw new NotPlain(here, `the file holds more than ${MOST_NODES} values; write fewer`);
  if (tag !== undefined) throw new NotPlain(here, `tags such as "${tag}" are not read; write the value without`);
  if (isAlias(node)) {
    const target = node.resolve(walk.document);
    if (target !== undefined) return inside(target, here);
    throw new NotPlain(here, `the alias *${node.source} names nothing above it; write the value`);
  }
  if (isScalar(node)) return scalarOf(node.value, node.source, here, otherwise);
  if (isSeq(node)) return { type: 'list', place: here, items: node.items.map((item) => inside(item, here)) };
  if (!isMap(node)) throw new NotPlain(here, 'this is neither a value nor a list nor a mapping; write "key: value"');
  const entries = node.items.map(({ key, value }): SettingEntry => {
    if (!isScalar(key)) throw new NotPlain(here, 'a key is not one word; write "key: value"');
    const at = walk.place(key.range?.[0]);
    return { key: typeof key.value === 'string' ? key.value : (key.source ?? ''), place: at, value: inside(value, at) };
  });
  return { type: 'map', place: here, entries };
}

/** The core schema of YAML 1.2 knows no other scalars than these. */
function scalarOf(value: unknown, source: string | undefined, here: Place, otherwise: Place): SettingNode {
  if (value === null) return { type: 'scalar', place: source === '' ? otherwise : here, value, text: source ?? '' };
  const known = typeof value === 'boolean' || typeof value === 'number' || typeof value === 'string' ? value : '';
  return { type: 'scalar', place: here, value: known, text: source ?? String(known) };
}

/** The parser's message as one line, and what to write instead. */
function wordsFor(error: YAMLError, text: string): string {
  const [offset] = error.pos;
  const [said = ''] = error.message.split('\n');
  switch (error.code) {
    case 'DUPLICATE_KEY':
      return `"${/^[\w.-]+/.exec(text.slice(offset))?.[0] ?? 'the key'}" is given twice; write it once`;
    case 'TAB_AS_INDENT':
      return 'a tab is used to indent; write spaces';
    case 'BAD_INDENT':
      return missingBracket(said) ?? `${notYaml(said)}; write items of one list or mapping in one column`;
    case 'BAD_DQ_ESCAPE':
      return `${notYaml(said)}; write \\\\ for a backslash, or use single quotes`;
    case 'MULTIPLE_DOCS':
      return 'a second document begins here; write one document, without "---" between';
    case 'TAG_RESOLVE_FAILED':
      return `${notYaml(said)}; write the value without "!"`;
    case 'BAD_SCALAR_START':
      return `${notYaml(said)}; write the value in quotes`;
    case 'BLOCK_AS_IMPLICIT_KEY':
      return lineAt(text, offset).includes('\t')
        ? 'a tab is used to indent; write spaces'
        : 'a second "key: value" begins inside a value; write it in the column of its neighbours, or the value in quotes';
    case 'MISSING_CHAR': {
      const [, quote] = /Missing closing (["'])/.exec(said) ?? [];
      if (quote !== undefined) return `a value that began with ${quote} has not ended here; write ${quote} at its end`;
      if (/map values/.test(said))
        return 'this is neither a list item nor "key: value"; write a colon and a space behind the key';
      return missingBracket(said) ?? `${notYaml(said)}; write what is missing`;
    }
    case 'UNEXPECTED_TOKEN':
      return `${notYaml(said)}; write values with special characters in quotes`;
    default:
      return `${notYaml(said)}; write plain "key: value" lines`;
  }
}

function missingBracket(said: string): string | undefined {
  const [, bracket] = /end with an? ([\]}])/.exec(said) ?? [];
  return bracket === undefined
    ? undefined
    : `a "${bracket}" is missing before here; write it at the end of the list or mapping`;
}

function notYaml(said: string): string {
  return `this is not YAML: ${said.replace(/\.$/, '').replaceAll(/\p{Cc}/gu, ' ')}`;
}

function lineAt(text: string, offset: number): string {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  const end = text.indexOf('\n', offset);
  return text.slice(start, end < 0 ? undefined : end);
}
