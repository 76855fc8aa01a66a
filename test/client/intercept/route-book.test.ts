// What the route book learns of routes: which to ask first, how long to wait, how much to ask for at once.
import { afterEach, describe, expect, test } from 'vitest';
import { MOST_LEAD_BYTES, patienceOf, RouteBook } from '../../../client/intercept/route-book.ts';
import type { PlainRoute } from '../../../client/intercept/route-book.ts';
import { resolveRoutes } from '../../../client/options.ts';

const K = 65_536;
const books: RouteBook[] = [];
afterEach(() => Promise.all(books.splice(0).map((book) => book.destroy(null))));

function bookOf(...names: readonly string[]): { book: RouteBook; route: (name: string) => PlainRoute } {
  const routes = names.map((name) => ({ name, url: `http://127.0.0.1:1/${name}/` }));
  const book = new RouteBook(resolveRoutes({ routes }));
  books.push(book);
  const route = (name: string): PlainRoute => {
    const found = book.routes.find((candidate) => candidate.name === name);
    if (found === undefined) throw new Error(`no route ${name}`);
    return found;
  };
  return { book, route };
}
const order = (book: RouteBook): string =>
  book
    .ranked()
    .map(({ name }) => name)
    .join('');

describe('the rank', () => {
  test('is that of the configuration while nothing is known, and all are asked at once', () => {
    const { book } = bookOf('a', 'b', 'c');
    expect([order(book), book.width()]).toEqual(['abc', 3]);
  });

  test('the quickest goes first, and is asked alone', () => {
    const { book, route } = bookOf('a', 'b', 'c');
    book.answered(route('b'), 30);
    book.overtaken(route('a'), 50);
    expect([order(book), book.width()]).toEqual(['bac', 1]);
    book.answered(route('a'), 5);
    book.answered(route('a'), 5);
    book.answered(route('a'), 5);
    expect(order(book)).toBe('abc');
  });

  test('one that fails goes behind those that nothing is known of, until it answers', () => {
    const { book, route } = bookOf('a', 'b');
    book.answered(route('a'), 5);
    book.failed(route('a'));
    book.failed(route('a'));
    expect(order(book)).toBe('ba');
    for (let count = 0; count < 3; count += 1) book.answered(route('a'), 5);
    expect(order(book)).toBe('ab');
  });

  test('one that lies is not made good by answers for long', () => {
    const { book, route } = bookOf('a', 'b');
    book.answered(route('a'), 5);
    book.lied(route('a'));
    for (let count = 0; count < 4; count += 1) book.answered(route('a'), 5);
    expect(order(book)).toBe('ba');
    book.brought(route('a'), K, 5);
    expect(order(book)).toBe('ab');
  });

  test('a quick head is no merit when the rest takes long', () => {
    const { book, route } = bookOf('a', 'b');
    book.answered(route('a'), 5);
    book.answered(route('b'), 30);
    expect(order(book)).toBe('ab');
    book.dawdled(route('a'), 900);
    book.brought(route('b'), K, 10);
    expect(order(book)).toBe('ba');
  });

  test('to be overtaken says only that it takes longer', () => {
    const { book, route } = bookOf('a');
    book.answered(route('a'), 50);
    book.overtaken(route('a'), 20);
    expect(route('a').headMs).toBe(50);
    book.overtaken(route('a'), 150);
    expect(route('a').headMs).toBeGreaterThan(50);
  });

  test('a transfer tells of routes that nothing was known of', () => {
    const { book, route } = bookOf('a', 'b');
    book.answered(route('a'), 50);
    book.measured('a', 500);
    book.measured('b', 20);
    book.measured('elsewhere', 1);
    expect([route('a').headMs, order(book)]).toEqual([50, 'ba']);
  });
});

test('patience follows what the route usually takes, within bounds', () => {
  const { book, route } = bookOf('a');
  expect(patienceOf(route('a'))).toBe(300);
  book.answered(route('a'), 1);
  expect(patienceOf(route('a'))).toBe(100);
  route('a').headMs = 200;
  expect(patienceOf(route('a'))).toBe(600);
  route('a').headMs = 60_000;
  expect(patienceOf(route('a'))).toBe(3_000);
});

describe('leads', () => {
  test('double while they come at once, up to a bound', () => {
    const { book, route } = bookOf('a');
    book.answered(route('a'), 20);
    for (let count = 0; count < 10; count += 1) book.brought(route('a'), route('a').leadBytes, 10);
    expect(route('a').leadBytes).toBe(MOST_LEAD_BYTES);
  });

  test('halve when they take long, down to a block', () => {
    const { book, route } = bookOf('a');
    book.answered(route('a'), 20);
    route('a').leadBytes = 4 * K;
    book.brought(route('a'), 4 * K, 60);
    expect(route('a').leadBytes).toBe(4 * K);
    for (let count = 0; count < 5; count += 1) book.brought(route('a'), 4 * K, 500);
    expect(route('a').leadBytes).toBe(K);
  });

  test('a short one says nothing about a longer one', () => {
    const { book, route } = bookOf('a');
    book.answered(route('a'), 20);
    route('a').leadBytes = 2 * K;
    book.brought(route('a'), K, 1);
    expect(route('a').leadBytes).toBe(2 * K);
  });
});
