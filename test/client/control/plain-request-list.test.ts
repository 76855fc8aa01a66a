// The list of requests that no transfer brings: what is split is not in it, what ended stays a while, bounded.
import { expect, test } from 'vitest';
import { MOST_REQUESTS_TOLD } from '../../../client/control/plain-request.ts';
import { PlainRequestList } from '../../../client/control/plain-request-list.ts';
import type { PlainRequestLook } from '../../../client/plain-requests.ts';

const LOOK: PlainRequestLook = { status: 200, receivedBytes: 5, sentBytes: undefined, isSplit: false };

function begun(list: PlainRequestList, target: string, look: () => PlainRequestLook = () => LOOK) {
  return list.add({ type: 'request', method: 'GET', target, look });
}

test('tells the newest first, as they are now, and how they ended', () => {
  const list = new PlainRequestList();
  let receivedBytes = 5;
  const one = begun(list, 'one', () => ({ ...LOOK, receivedBytes }));
  const two = begun(list, 'two', () => ({ ...LOOK, status: undefined }));
  expect(list.list()).toMatchObject([
    { id: '2', target: 'two', state: 'running', status: null, sentBytes: null },
    { id: '1', target: 'one', state: 'running', status: 200, receivedBytes: 5 },
  ]);
  receivedBytes = 9;
  one();
  receivedBytes = 10;
  two(new Error('other side closed'));
  expect(list.list()).toMatchObject([
    { target: 'two', state: 'failed', fault: { code: 'connection-lost', message: 'other side closed' } },
    { target: 'one', state: 'done', receivedBytes: 9, fault: null },
  ]);
});

test('leaves out what a transfer brings, from the moment that it does', () => {
  const list = new PlainRequestList();
  let isSplit = false;
  const ended = begun(list, 'one', () => ({ ...LOOK, isSplit }));
  expect(list.list()).toHaveLength(1);
  isSplit = true;
  expect(list.list()).toEqual([]);
  ended();
  isSplit = false;
  expect(list.list()).toEqual([]);
});

test('is bounded, whatever runs', () => {
  const list = new PlainRequestList();
  const ends = Array.from({ length: 10_000 }, (_, at) => begun(list, String(at)));
  expect(list.list()).toHaveLength(MOST_REQUESTS_TOLD);
  for (const end of ends) end();
  expect(list.list()[0]).toMatchObject({ target: '9999', state: 'done' });
  expect(list.list()).toHaveLength(MOST_REQUESTS_TOLD);
});
