// Run by every Node that the package promises, where it is installed: the same requests with and without Heddle, by undici's
// `request` and by the runtime's own `fetch`, and what differs, as one line of JSON. Plain JavaScript, for the oldest.
//   node compared.mjs ORIGIN SIZE… -- ROUTE…      objects are SIZE.bin; ORIGIN is reached directly as well
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { Agent, request } from 'undici';
import { createDispatcher, createFetch } from 'heddle/interceptor';

const OF_THE_HOP = ['date', 'via', 'connection', 'keep-alive'];
const end = process.argv.indexOf('--');
const [origin, ...sizes] = process.argv.slice(2, end);
const routes = process.argv.slice(end + 1).map((url, at) => ({ name: `r${at}`, url }));
const options = { origins: [{ origin, routes }] };
const [plain, heddle] = [new Agent(), createDispatcher(options)];
const heddleFetch = createFetch(options);
const largest = sizes.at(-1);
const pathOf = (size) => `/v1/objects/${size}.bin`;
const elsewhere = await startElsewhere();

const byRequest = (path, more = {}) => ({
  name: `request ${path} ${JSON.stringify(more)}`,
  plain: () => observeRequest(plain, path, more),
  heddle: () => observeRequest(heddle, path, more),
});
const byFetch = (path, more = {}) => ({
  name: `fetch ${path} ${JSON.stringify(more)}`,
  plain: () => observeFetch(fetch, path, more),
  heddle: () => observeFetch(heddleFetch, path, more),
});
const ranges = [
  ...['bytes=0-', 'bytes=0-0', 'bytes=0-999', 'bytes=1-', 'bytes=-1', 'bytes=-70000', 'bytes=-0', 'bytes=500-100'],
  ...['bytes=65536-131071', 'bytes=0-5,10-20', 'bytes=99999999-', 'bytes=abc', 'items=0-5', 'bytes=100000-900000'],
];
const past = 'Sat, 01 Jan 2000 00:00:00 GMT';
const future = 'Fri, 01 Jan 2100 00:00:00 GMT';
const etags = Object.fromEntries(await Promise.all(sizes.map(async (size) => [size, await etagOf(size)])));
const conditions = (size) => [
  { 'if-none-match': etags[size] },
  { 'if-none-match': '"other"' },
  { 'if-match': '"other"' },
  { 'if-modified-since': future },
  { 'if-unmodified-since': past },
  { 'if-range': etags[size], range: 'bytes=10-20' },
  { 'if-range': '"other"', range: 'bytes=10-20' },
];
const cases = [byRequest, byFetch].flatMap((by) => [
  ...['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'].flatMap((method) =>
    [pathOf(sizes[0]), '/v1/objects/missing.bin', '/livez'].map((path) => by(path, { method })),
  ),
  ...sizes.map((size) => by(pathOf(size))),
  ...[sizes[0], largest].flatMap((size) => ranges.map((range) => by(pathOf(size), { headers: { range } }))),
  ...[sizes[0], largest].flatMap((size) => conditions(size).map((headers) => by(pathOf(size), { headers }))),
  ...['gzip, br', 'identity', '*'].map((accepted) => by(pathOf(largest), { headers: { 'accept-encoding': accepted } })),
  // given up before, and behind so many bytes; a reader who stands still after each chunk
  ...[-1, 0, 1, 100_000].flatMap((behind) =>
    [sizes[0], largest].filter((size) => !hangs(by, size, behind)).map((size) => by(pathOf(size), { behind })),
  ),
  ...[sizes[0], largest].map((size) => by(pathOf(size), { isSlow: true })),
]);
for (const status of [301, 302, 303, 307, 308]) {
  for (const key of [`${largest}.bin`, 'missing.bin']) cases.push(byFetch(`${elsewhere.url}/${status}/${key}`));
}

const differences = [];
for (const { name, plain: without, heddle: through } of cases) {
  const [expected, observed] = [await without(), await through()].map((seen) => JSON.stringify(seen));
  if (expected !== observed) differences.push({ name, expected, observed });
}
console.log(JSON.stringify({ cases: cases.length, differences }));
elsewhere.close();
await Promise.all([plain.close(), heddle.close(), heddleFetch[Symbol.asyncDispose]?.()]);

/**
 * The fetch of Node 22 never settles, with Heddle or without, when it is given up between the arrival of a body's end and
 * its reading; a small body has always arrived by then.
 */
function hangs(by, size, behind) {
  return by === byFetch && size === sizes[0] && behind >= 0 && process.version.startsWith('v22.');
}

async function observeRequest(dispatcher, path, { behind, isSlow, ...more }) {
  const stop = new AbortController();
  if (behind === -1) stop.abort(new Error('changed my mind'));
  try {
    const { statusCode, headers, trailers, body } = await request(origin + path, {
      ...more,
      dispatcher,
      ...(behind === undefined ? {} : { signal: stop.signal }),
    });
    const seen = endToEnd(Object.entries(headers));
    return [statusCode, seen, trailers, await bodyOf(body, behind, isSlow, stop)];
  } catch (error) {
    return errorOf(error);
  }
}

async function observeFetch(ask, path, { behind, isSlow, ...more }) {
  const stop = new AbortController();
  if (behind === -1) stop.abort(new Error('changed my mind'));
  const url = path.startsWith('/') ? origin + path : path;
  try {
    const answer = await ask(url, { ...more, ...(behind === undefined ? {} : { signal: stop.signal }) });
    const { status, statusText, ok, redirected, type } = answer;
    const body = answer.body === null ? null : await bodyOf(answer.body, behind, isSlow, stop);
    return [status, statusText, ok, redirected, type, answer.url, endToEnd([...answer.headers]), body];
  } catch (error) {
    return errorOf(error);
  }
}

async function bodyOf(body, behind, isSlow, stop) {
  const hash = createHash('sha256');
  let length = 0;
  try {
    for await (const chunk of body) {
      hash.update(chunk);
      length += chunk.length;
      if (behind !== undefined && length > behind) stop.abort(new Error('changed my mind'));
      if (isSlow) await new Promise(setImmediate);
    }
  } catch (error) {
    return errorOf(error);
  }
  return [length, hash.digest('hex')];
}

function endToEnd(headers) {
  return headers.filter(([name]) => !OF_THE_HOP.includes(name.toLowerCase())).sort();
}

function errorOf(error) {
  const cause = error.cause === undefined ? null : errorOf(error.cause);
  return { name: error.name, code: error.code, message: error.message, cause };
}

async function etagOf(size) {
  const { headers } = await fetch(origin + pathOf(size), { method: 'HEAD' });
  return headers.get('etag');
}

/** Another server, which sends everybody to the origin. */
async function startElsewhere() {
  const server = createServer(({ url }, response) => {
    const [, status, key] = url.split('/');
    response.writeHead(Number(status), { Location: `${origin}/v1/objects/${key}` }).end('elsewhere');
  });
  await new Promise((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${server.address().port}`, close };
}
