// A source text as tokens and imports, so that the rules never mistake a word in a comment, a string, a template or a
// regular expression for code. Uses the scanner of the pinned TypeScript (no types, no program); what the scanner
// cannot finish is an error, so a file is never half read in silence.
import { SyntaxKind } from 'typescript/unstable/ast';
import { computeLineStarts, createScanner, tokenIsIdentifierOrKeyword } from 'typescript/unstable/ast/scanner';
import type { Scanner } from 'typescript/unstable/ast/scanner';

/** A token of code; `word` is true for identifiers and keywords, `value` is the content of a string. */
export type Token = {
  readonly kind: SyntaxKind;
  readonly text: string;
  readonly value: string;
  readonly word: boolean;
  readonly line: number;
};

/** One import of any form; `specifier` is undefined where it is not a plain string. */
export type Import = {
  readonly form: 'static' | 'type' | 'dynamic' | 're-export';
  readonly specifier: string | undefined;
  readonly line: number;
};

/** A file of the repository; `path` is relative to its root. Tokens and imports are empty where it is no script. */
export type SourceFile = {
  readonly path: string;
  readonly text: string;
  readonly tokens: readonly Token[];
  readonly imports: readonly Import[];
};

/** Reads a text; throws when the scanner meets something that does not end. */
export function readSourceFile(path: string, text: string): SourceFile {
  if (!/\.m?ts$/.test(path)) return { path, text, tokens: [], imports: [] };
  const tokens = tokensOf(path, text);
  return { path, text, tokens, imports: importsOf(tokens) };
}

function tokensOf(path: string, text: string): Token[] {
  const lineStarts = computeLineStarts(text);
  const scanner = createScanner(true, undefined, text);
  const tokens: Token[] = [];
  const openings: ('brace' | 'template')[] = [];
  for (let kind = scanner.scan(); kind !== SyntaxKind.EndOfFile; kind = scanner.scan()) {
    kind = rescanned(scanner, kind, tokens.at(-1), openings.at(-1));
    const line = lineStarts.findLastIndex((start) => start <= scanner.getTokenStart()) + 1;
    if (scanner.isUnterminated() || kind === SyntaxKind.Unknown) {
      throw new Error(`${path}:${line}: cannot be read from here on: ${scanner.getTokenText().slice(0, 60)}`);
    }
    if (kind === SyntaxKind.OpenBraceToken) openings.push('brace');
    if (kind === SyntaxKind.TemplateHead) openings.push('template');
    if (kind === SyntaxKind.CloseBraceToken || kind === SyntaxKind.TemplateTail) openings.pop();
    const value = scanner.getTokenValue();
    tokens.push({ kind, text: scanner.getTokenText(), value, word: tokenIsIdentifierOrKeyword(kind), line });
  }
  return tokens;
}

/** The scanner leaves to the parser whether `/` begins a regular expression and whether `}` goes on with a template. */
function rescanned(
  scanner: Scanner,
  kind: SyntaxKind,
  before: Token | undefined,
  opening: 'brace' | 'template' | undefined,
): SyntaxKind {
  const slash = kind === SyntaxKind.SlashToken || kind === SyntaxKind.SlashEqualsToken;
  if (slash && !endsOperand(before)) return scanner.reScanSlashToken();
  if (kind === SyntaxKind.CloseBraceToken && opening === 'template') return scanner.reScanTemplateToken(false);
  return kind;
}

const wordsBeforeOperand = new Set(
  'return typeof case in of delete void throw new else do instanceof await yield'.split(' '),
);

/** True when an operand ends with this token, so that a slash behind it divides. */
function endsOperand(token: Token | undefined): boolean {
  if (token === undefined) return false;
  if (token.word) return !wordsBeforeOperand.has(token.text);
  switch (token.kind) {
    case SyntaxKind.NumericLiteral:
    case SyntaxKind.BigIntLiteral:
    case SyntaxKind.StringLiteral:
    case SyntaxKind.RegularExpressionLiteral:
    case SyntaxKind.NoSubstitutionTemplateLiteral:
    case SyntaxKind.TemplateTail:
    case SyntaxKind.PrivateIdentifier:
    case SyntaxKind.CloseParenToken:
    case SyntaxKind.CloseBracketToken:
    case SyntaxKind.CloseBraceToken:
    case SyntaxKind.PlusPlusToken:
    case SyntaxKind.MinusMinusToken:
      return true;
    default:
      return false;
  }
}

function importsOf(tokens: readonly Token[]): Import[] {
  const imports: Import[] = [];
  for (const [at, token] of tokens.entries()) {
    if (tokens[at - 1]?.text === '.' || !token.word) continue;
    const found =
      token.text === 'import' ? importAt(tokens, at) : token.text === 'export' ? reExportAt(tokens, at) : undefined;
    if (found !== undefined) imports.push(found);
  }
  return imports;
}

function importAt(tokens: readonly Token[], at: number): Import | undefined {
  const line = tokens[at]?.line ?? 0;
  const next = tokens[at + 1];
  if (next?.text === '.' || next?.text === ':') return undefined; // import.meta, a property named import
  if (next?.text === '(') return { form: 'dynamic', specifier: stringOf(tokens[at + 2]), line };
  if (next?.kind === SyntaxKind.StringLiteral) return { form: 'static', specifier: next.value, line };
  const isType = next?.text === 'type' && tokens[at + 2]?.text !== 'from' && tokens[at + 2]?.text !== ',';
  return { form: isType ? 'type' : 'static', specifier: specifierBehindFrom(tokens, at + 1), line };
}

function reExportAt(tokens: readonly Token[], at: number): Import | undefined {
  const isType = tokens[at + 1]?.text === 'type';
  let next = at + (isType ? 2 : 1);
  if (tokens[next]?.text === '{') next = tokens.findIndex((token, index) => index > next && token.text === '}') + 1;
  else if (tokens[next]?.text === '*') next += tokens[next + 1]?.text === 'as' ? 3 : 1;
  else return undefined;
  if (tokens[next]?.text !== 'from') return undefined; // a list of exported names
  return { form: 're-export', specifier: stringOf(tokens[next + 1]), line: tokens[at]?.line ?? 0 };
}

function specifierBehindFrom(tokens: readonly Token[], start: number): string | undefined {
  for (let at = start; at < tokens.length; at += 1) {
    if (tokens[at]?.text === 'from' && tokens[at + 1]?.kind === SyntaxKind.StringLiteral) return tokens[at + 1]?.value;
    if (tokens[at]?.text === ';') break;
  }
  return undefined;
}

function stringOf(token: Token | undefined): string | undefined {
  const isString = token?.kind === SyntaxKind.StringLiteral || token?.kind === SyntaxKind.NoSubstitutionTemplateLiteral;
  return isString ? token.value : undefined;
}
