// What a program says of itself: levels, formats, where they are said, and one line whatever the message.
import { expect, test } from 'vitest';
import { openLog } from '../../../protocol/settings/log.ts';
import type { LogFlags } from '../../../protocol/settings/log.ts';

/** Everything a log writes when each level says its own name. */
function said(flags: LogFlags, environment: Readonly<Record<string, string>> = {}): string {
  const lines: string[] = [];
  const log = openLog('heddle relay', flags, environment, { write: (line) => lines.push(line) });
  log.error('an error');
  log.warning('a warning');
  log.info('an info');
  log.debug?.('a debug');
  return lines.join('');
}

test('the level shows itself and what is more important; info unless something else is said', () => {
  const all = ['error', 'warning', 'info', 'debug'].map((logLevel) => said({ logLevel }).split('\n').length - 1);
  expect(all).toEqual([1, 2, 3, 4]);
  expect(said({})).toBe('heddle relay: an error\nheddle relay: a warning\nheddle relay: an info\n');
  expect(said({ logLevel: 'debug' })).toContain('heddle relay: debug: a debug\n');
});

test('flags win over the environment', () => {
  expect(said({}, { HEDDLE_LOG_LEVEL: 'error' })).toBe('heddle relay: an error\n');
  expect(said({ logLevel: 'warning' }, { HEDDLE_LOG_LEVEL: 'error', HEDDLE_LOG_FORMAT: '' })).toContain('a warning');
});

test('JSON has time, level, program and message', () => {
  const [line = ''] = said({}, { HEDDLE_LOG_FORMAT: 'json' }).split('\n');
  const { time, ...rest } = JSON.parse(line) as Record<string, string>;
  expect(rest).toEqual({ level: 'error', program: 'heddle relay', message: 'an error' });
  expect(new Date(time ?? '').toISOString()).toBe(time);
});

test('whatever the message, it is one line', () => {
  const lines: string[] = [];
  for (const logFormat of ['text', 'json']) {
    openLog('heddle', { logFormat }, {}, { write: (line) => lines.push(line) }).error('one\r\ntwo\u001b[2J\u0085three');
  }
  expect(lines[0]).toBe('heddle: one two [2J three\n');
  expect(JSON.parse(lines[1] ?? '')).toMatchObject({ message: 'one two [2J three' });
});

test.each([
  [{ logLevel: 'loud' }, {}, 'usage', '--log-level cannot be "loud"; write one of error, warning, info, debug'],
  [{ logFormat: 'xml' }, {}, 'usage', '--log-format cannot be "xml"; write one of text, json'],
  [{}, { HEDDLE_LOG_LEVEL: '7' }, 'bad-configuration', 'HEDDLE_LOG_LEVEL cannot be "7"; write one of'],
])('%o %o is a mistake', (flags, environment, code, message) => {
  expect(() => openLog('heddle', flags, environment)).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(message) }),
  );
});
