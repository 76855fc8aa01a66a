// The hash index on disk: every node of every tree, in SQLite, so that a page of any level of any object is a few small
// reads and no tree is ever in memory. A tree is written while its leaves arrive, in order, level by level.
// Runs inside the index thread (index-worker.ts); who hashes what and when is the indexer's business.
// Invariant: a tree has a root only when all its nodes are stored.
//
//   trees(id, place, version, size, root, begun)   place: backend identity + key; root: NULL until complete
//   nodes(tree, level, part, bytes)                part p of a level: nodes p × NODES_PER_PART …
import { chmodSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { StatementSync } from 'node:sqlite';
import { HeddleError } from '../protocol/errors.ts';
import type { ProofPage } from '../protocol/frames.ts';
import { HASH_BYTES } from '../protocol/limits.ts';
import { buildLevels, nextLevel, nodeCountOf, rootOf } from '../protocol/merkle.ts';
import { sha256 } from './sha256.ts';

/** Nodes in one row: 16 KiB. Even, so that a full part folds into half a part of the next level. */
const NODES_PER_PART = 512;
const PART_BYTES = NODES_PER_PART * HASH_BYTES;

/** An unfinished tree older than this was left behind by a process that died. */
const ABANDONED_MS = 86_400_000;

/** How long another process may hold the database. */
const BUSY_MS = 5_000;

/** Comes after every other character. */
const HIGHEST = '\u{10ffff}';

const SCHEMA_VERSION = 1;
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS trees (
    id INTEGER PRIMARY KEY AUTOINCREMENT, place TEXT NOT NULL, version TEXT NOT NULL,
    size INTEGER NOT NULL, root BLOB, begun INTEGER NOT NULL);
  CREATE INDEX IF NOT EXISTS trees_by_place ON trees (place);
  CREATE TABLE IF NOT EXISTS nodes (
    tree INTEGER NOT NULL REFERENCES trees (id) ON DELETE CASCADE,
    level INTEGER NOT NULL, part INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (tree, level, part));
  PRAGMA user_version = ${SCHEMA_VERSION};`;

/** The part of a level that is not written yet. */
type Growing = { part: number; bytes: Buffer; length: number };

/** The index in one database file. */
export class IndexStore {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  /** Levels of the trees being written. */
  readonly #growing = new Map<number, Growing[]>();

  /** Opens or creates `file`, readable by its owner only; `:memory:` keeps nothing. */
  constructor(file: string, now: number) {
    this.#database = new DatabaseSync(file, { timeout: BUSY_MS });
    if (file !== ':memory:') chmodSync(file, 0o600);
    this.#database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON');
    const version = Number(this.#get('PRAGMA user_version')?.['user_version']);
    // An index is only a cache: one of another layout is thrown away.
    if (version !== SCHEMA_VERSION) this.#database.exec('DROP TABLE IF EXISTS nodes; DROP TABLE IF EXISTS trees');
    this.#database.exec(SCHEMA);
    this.#run('DELETE FROM trees WHERE root IS NULL AND begun < ?', now - ABANDONED_MS);
  }

  /** The root of this version, if its tree is complete. */
  find(place: string, version: string): Uint8Array | undefined {
    return this.#tree(place, version)?.root;
  }

  /** Begins a tree and returns its number. */
  begin(place: string, version: string, size: number, now: number): number {
    const sql = 'INSERT INTO trees (place, version, size, begun) VALUES (?, ?, ?, ?)';
    const tree = Number(this.#statement(sql).run(place, version, size, now).lastInsertRowid);
    this.#growing.set(tree, []);
    return tree;
  }

  /** Adds the next leaf hashes of a tree. */
  append(tree: number, leaves: Uint8Array): void {
    this.#grow(tree, this.#levelsOf(tree), 0, leaves);
  }

  /** Completes a tree, forgets older versions of the object, and returns the root. */
  finish(tree: number): Uint8Array {
    return this.#atomically(() => this.#complete(tree));
  }

  /** A tree in one step, of an object so small that its leaves are all here. */
  add(place: string, version: string, size: number, leaves: Uint8Array, now: number): Uint8Array {
    return this.#atomically(() => {
      const tree = this.begin(place, version, size, now);
      this.append(tree, leaves);
      return this.#complete(tree);
    });
  }

  /** Forgets a tree that was begun and cannot be completed. */
  abandon(tree: number): void {
    this.#growing.delete(tree);
    this.#run('DELETE FROM trees WHERE id = ? AND root IS NULL', tree);
  }

  /**
   * The page of merkle.ts's pageAt, from rows. Throws `range-not-satisfiable` for a node that the tree does not have,
   * `object-changed` when a newer version has taken the place of this one.
   */
  page(place: string, version: string, level: number, index: number, span: number): ProofPage {
    const found = this.#tree(place, version);
    if (found === undefined) throw new HeddleError('object-changed');
    const { tree, size, root } = found;
    const width = nodeCountOf(size, level);
    if (index >= width) {
      throw new HeddleError('range-not-satisfiable', `level ${level} has ${width} nodes`, { side: 'remote' });
    }
    if (width === 1) return { level, first: 0, nodes: root, path: new Uint8Array(0) };
    const first = Math.floor(index / span) * span;
    const nodes = this.#nodes(tree, level, first, Math.min(span, width - first));
    const siblings: Uint8Array[] = [];
    let at = first / span;
    for (let height = level + Math.log2(span); nodeCountOf(size, height) > 1; height += 1) {
      const sibling = at % 2 === 0 ? at + 1 : at - 1;
      if (sibling < nodeCountOf(size, height)) siblings.push(this.#nodes(tree, height, sibling, 1));
      at = Math.floor(at / 2);
    }
    return { level, first, nodes, path: joined(siblings) };
  }

  /** The roots of those versions that are complete, in the order asked. */
  roots(wanted: readonly (readonly [place: string, version: string])[]): (Uint8Array | undefined)[] {
    return wanted.map(([place, version]) => this.find(place, version));
  }

  /** The next `limit` places, at most, that begin with `prefix` and come after `after`: ascending, by UTF-8 bytes. */
  places(prefix: string, after: string, limit: number): string[] {
    const rows = this.#statement(
      'SELECT DISTINCT place FROM trees WHERE place > ? AND place >= ? AND place < ? ORDER BY place LIMIT ?',
    ).all(after, prefix, prefix + HIGHEST, limit);
    return rows.map((row) => row['place'] as string);
  }

  /** Forgets objects that are gone. */
  forget(places: readonly string[]): void {
    for (const place of places) this.#run('DELETE FROM trees WHERE place = ? AND root IS NOT NULL', place);
  }

  close(): void {
    for (const tree of [...this.#growing.keys()]) this.abandon(tree);
    this.#database.close();
  }

  #atomically<Result>(work: () => Result): Result {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  #complete(tree: number): Uint8Array {
    const levels = this.#levelsOf(tree);
    for (let level = 0; level < levels.length; level += 1) {
      const { part, bytes, length } = levels[level] as Growing;
      const rest = bytes.subarray(0, length);
      if (length > 0) this.#write(tree, level, part, rest);
      if (part > 0 || length > HASH_BYTES) this.#grow(tree, levels, level + 1, nextLevel(rest, sha256));
    }
    const top = levels.at(-1);
    const root = Uint8Array.from(rootOf(buildLevels(top?.bytes.subarray(0, top.length) ?? new Uint8Array(0), sha256)));
    this.#growing.delete(tree);
    this.#run('UPDATE trees SET root = ? WHERE id = ?', root, tree);
    const same = 'place = (SELECT place FROM trees WHERE id = ?) AND root IS NOT NULL';
    this.#run(`DELETE FROM trees WHERE id < ? AND ${same}`, tree, tree);
    return root;
  }

  #tree(place: string, version: string): { tree: number; size: number; root: Uint8Array } | undefined {
    const same = 'place = ? AND version = ? AND root IS NOT NULL';
    const row = this.#get(`SELECT id, size, root FROM trees WHERE ${same} ORDER BY id DESC LIMIT 1`, place, version);
    if (row === undefined) return undefined;
    return { tree: row['id'] as number, size: row['size'] as number, root: row['root'] as Uint8Array };
  }

  #levelsOf(tree: number): Growing[] {
    const levels = this.#growing.get(tree);
    if (levels === undefined) throw new HeddleError('internal', `tree ${tree} was not begun`);
    return levels;
  }

  /** Appends nodes to a level; each part that fills up is written and folded into the level above. */
  #grow(tree: number, levels: Growing[], level: number, nodes: Uint8Array): void {
    const growing = (levels[level] ??= { part: 0, bytes: Buffer.alloc(PART_BYTES), length: 0 });
    for (let at = 0; at < nodes.length; ) {
      const taken = Math.min(PART_BYTES - growing.length, nodes.length - at);
      growing.bytes.set(nodes.subarray(at, at + taken), growing.length);
      growing.length += taken;
      at += taken;
      if (growing.length < PART_BYTES) return;
      this.#write(tree, level, growing.part, growing.bytes);
      growing.part += 1;
      growing.length = 0;
      this.#grow(tree, levels, level + 1, nextLevel(growing.bytes, sha256));
    }
  }

  #write(tree: number, level: number, part: number, bytes: Uint8Array): void {
    this.#run('INSERT INTO nodes (tree, level, part, bytes) VALUES (?, ?, ?, ?)', tree, level, part, bytes);
  }

  #nodes(tree: number, level: number, first: number, count: number): Uint8Array {
    const parts: Uint8Array[] = [];
    for (let at = first; at < first + count; ) {
      const part = Math.floor(at / NODES_PER_PART);
      const start = at - part * NODES_PER_PART;
      const taken = Math.min(NODES_PER_PART - start, first + count - at);
      const sql = 'SELECT substr(bytes, ?, ?) AS bytes FROM nodes WHERE tree = ? AND level = ? AND part = ?';
      const bytes = this.#get(sql, 1 + start * HASH_BYTES, taken * HASH_BYTES, tree, level, part)?.['bytes'];
      if (!(bytes instanceof Uint8Array) || bytes.length !== taken * HASH_BYTES) {
        throw new HeddleError('internal', `the hash index lacks nodes of tree ${tree}`);
      }
      parts.push(bytes);
      at += taken;
    }
    return joined(parts);
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #get(sql: string, ...values: (string | number)[]): Record<string, unknown> | undefined {
    return this.#statement(sql).get(...values);
  }

  #run(sql: string, ...values: (string | number | Uint8Array)[]): void {
    this.#statement(sql).run(...values);
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
