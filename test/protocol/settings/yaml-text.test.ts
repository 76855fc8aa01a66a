// What is wrong with a file as YAML, and where: said in a person's words, with what to write instead.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseYamlText } from '../../../protocol/settings/yaml-text.ts';
import { group, listOf } from '../../../protocol/settings/collections.ts';
import type { SettingsTable } from '../../../protocol/settings/setting.ts';
import { text } from '../../../protocol/settings/text.ts';
import { read } from './mistakes.ts';

type Inner = { readonly name?: string; readonly other?: string };
const inner: SettingsTable<Inner> = { name: text({ why: 'a name' }), other: text({ why: 'another' }) };
const table: SettingsTable<{ readonly word?: string; readonly group?: Inner; readonly list?: readonly string[] }> = {
  word: text({ why: 'a word' }),
  group: group<Inner>(inner, { why: 'a group' }),
  list: listOf(text({ why: 'an item' }), { why: 'a list' }),
};

const EMPTY = 'the file is empty; write settings such as word, group, list, each as "key: value"';
const NO_MAPPING = 'the file is not a mapping; write settings such as word, group, list, each as "key: value"';
const TAB = 'a tab is used to indent; write spaces';
const INSIDE =
  'a second "key: value" begins inside a value; write it in the column of its neighbours, or the value in quotes';

describe('mistakes of grammar', () => {
  test.each<[what: string, yaml: string, place: string, message: string]>([
    ['an empty file', '', '1:1', EMPTY],
    ['only comments', '# word: a\n', '1:1', EMPTY],
    ['only a beginning', '---\n', '1:1', EMPTY],
    ['a sentence', 'just text\n', '1:1', NO_MAPPING],
    ['a list', '- word\n', '1:1', NO_MAPPING],
    ['a number', '42\n', '1:1', NO_MAPPING],
    ['no space behind the colon', 'word:a\n', '1:1', 'there is no space behind the colon; write "key: value"'],
    [
      'a key without colon',
      'word: a\ngroup\n',
      '2:1',
      'this is neither a list item nor "key: value"; write a colon and a space behind the key',
    ],
    ['a key given twice', 'word: a\ngroup: {}\nword: b\n', '3:1', '"word" is given twice; write it once'],
    ['an inner key given twice', 'group:\n  name: a\n  name: b\n', '3:3', '"name" is given twice; write it once'],
    ['a tab before the first key', '\tword: a\n', '1:1', TAB],
    ['a tab before an inner key', 'group:\n\tname: a\n', '2:1', TAB],
    ['a tab among spaces', 'group:\n  name: a\n\tother: b\n', '3:1', TAB],
    ['a line too far in', 'group:\n  name: a\n   other: b\n', '2:9', INSIDE],
    ['two colons', 'word: b: c\n', '1:7', INSIDE],
    ['an open double quote', 'word: "a\n', '2:1', 'a value that began with " has not ended here; write " at its end'],
    ['an open single quote', "word: 'a\n", '2:1', "a value that began with ' has not ended here; write ' at its end"],
    [
      'an open brace',
      'group: {name: a\n',
      '2:1',
      'a "}" is missing before here; write it at the end of the list or mapping',
    ],
    [
      'an open bracket',
      'list: [a\n',
      '2:1',
      'a "]" is missing before here; write it at the end of the list or mapping',
    ],
    [
      'a bare @',
      'word: @a\n',
      '1:7',
      'this is not YAML: Plain value cannot start with reserved character @; write the value in quotes',
    ],
    [
      'a bare %',
      'word: %a\n',
      '1:7',
      'this is not YAML: Plain value cannot start with directive indicator character %; write the value in quotes',
    ],
    [
      'an unquoted bracket',
      'word: [::1]:80\n',
      '1:12',
      'this is not YAML: Unexpected scalar at node end; write values with special characters in quotes',
    ],
    [
      'an escape that is none',
      'word: "\\q"\n',
      '1:8',
      'this is not YAML: Invalid escape sequence \\q; write \\\\ for a backslash, or use single quotes',
    ],
    ['an alias of nothing', 'word: *none\n', '1:7', 'the alias *none names nothing above it; write the value'],
    ['an alias of itself', 'list: &a [*a]\n', '1:10', 'this is nested more than 32 levels deep; write it flatter'],
    ['a tag', 'word: !secret a\n', '1:7', 'this is not YAML: Unresolved tag: !secret; write the value without "!"'],
    ['a key that is a list', '? [a]\n: b\n', '1:1', 'a key is not one word; write "key: value"'],
    ['a merge key', '<<: {word: a}\n', '1:1', '"<<" is not known here: merge keys are not read; write the values out'],
    [
      'two documents',
      'word: a\n---\nword: b\n',
      '2:1',
      'a second document begins here; write one document, without "---" between',
    ],
  ])('%s', (_, yaml, place, message) => {
    expect(read(yaml, table)).toBe(`FILE:${place}: ${message}`);
  });

  test('aliases that stand for a tree without end are cut short', () => {
    const lines = Array.from(
      { length: 30 },
      (_, at) => `a${at}: &a${at} [${at === 0 ? 'x' : `*a${at - 1}, *a${at - 1}`}]`,
    );
    expect(parseYamlText(lines.join('\n'))).toMatchObject({
      text: 'the file holds more than 20000 values; write fewer',
    });
  });

  test('the first mistake of several is told', () => {
    expect(read('group:\n  nam: a\nwrod: b\n', table)).toMatch(/^FILE:2:3: /);
    expect(read('wrod: b\ngroup:\n  nam: a\n', table)).toMatch(/^FILE:1:1: /);
  });
});

test('all ways to write the same are read alike', () => {
  const value = { word: 'a', group: { name: 'b' }, list: ['c', 'd'] };
  for (const yaml of [
    'word: a\ngroup:\n  name: b\nlist:\n  - c\n  - d\n',
    '---\n# comment\nword: "a"\ngroup: { name: \'b\' }\nlist: [c, d] # comment\n...\n',
    '{"word": "a", "group": {"name": "b"}, "list": ["c", "d"]}',
    '\ufeffword: a\r\ngroup:\r\n  name: b\r\nlist:\r\n- c\r\n- d\r\n',
    'word: &w a\ngroup: &g {name: b}\nlist: [c, d]',
  ]) {
    expect(read(yaml, table), yaml).toEqual(value);
  }
  expect(read('word: &w a\nlist: [*w, *w]\n', table)).toEqual({ word: 'a', list: ['a', 'a'] });
});

describe('whatever is in a file', () => {
  const GOOD = 'word: a\ngroup:\n  name: b\n  other: "c: d"\nlist:\n  - e\n  - f # comment\n';
  const anyEdit = fc.record({
    at: fc.nat(GOOD.length),
    cut: fc.nat(6),
    put: fc.string({ maxLength: 4, unit: 'grapheme' }),
  });
  const syntax = fc.array(
    fc.constantFrom(
      'a',
      ':',
      ' ',
      '\n',
      '-',
      '"',
      "'",
      '{',
      '}',
      '[',
      ']',
      ',',
      '&a',
      '*a',
      '!',
      '#',
      '\t',
      '|',
      '? ',
      '<<',
      '---\n',
      '%',
      '@',
    ),
    { maxLength: 30 },
  );

  test('is read, or is a mistake with a place and one line', () => {
    fc.assert(
      fc.property(fc.array(anyEdit, { minLength: 1, maxLength: 4 }), (edits) => {
        const edited = edits.reduce((sum, { at, cut, put }) => sum.slice(0, at) + put + sum.slice(at + cut), GOOD);
        read(edited, table);
      }),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(syntax, (parts) => void read(parts.join(''), table)),
      { numRuns: 500 },
    );
  });
});
