// The table of requests to the local proxy and where each goes.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { targetOf } from '../../../client/proxy/target.ts';
import type { ProxySettings, Target } from '../../../client/proxy/target.ts';

const SETTINGS: ProxySettings = {
  ownHosts: ['127.0.0.1:3128', '[::1]:3128', 'localhost:3128'],
  origins: ['http://data.example', 'https://safe.example:8443'],
  objects: 'http://objects.invalid',
};
const OWN = { host: '127.0.0.1:3128' };

function ask(target: string, headers: Record<string, string | undefined> = OWN, method = 'GET'): Target {
  return targetOf({ method, target, headers }, SETTINGS);
}
/** Type and place, or the status of a refusal. */
function summary(target: Target): string {
  if (target.type === 'refused') return String(target.status);
  return target.type === 'about' ? 'about' : `${target.type} ${target.origin} ${target.path}`;
}

describe('as a forward proxy', () => {
  const rows: [target: string, expected: string][] = [
    ['http://data.example/a/b?c=d', 'forward http://data.example /a/b?c=d'],
    ['http://data.example', 'forward http://data.example /'],
    ['http://data.example?x', 'forward http://data.example /?x'],
    ['http://DATA.example:80/A', 'forward http://data.example /A'],
    ['HTTP://data.example:8080/', 'forward http://data.example:8080 /'],
    ['https://data.example/', 'forward https://data.example /'],
    ['http://[2001:db8::1]:81/x', 'forward http://[2001:db8::1]:81 /x'],
    ['http://data.example/a/../b/%2e%2e/c', 'forward http://data.example /a/../b/%2e%2e/c'],
    ['http://127.0.0.1:3129/o/a', 'forward http://127.0.0.1:3129 /o/a'],
    ['http://user:secret@data.example/', '400'],
    ['http:///x', '400'],
    ['http://data.example/x#y', '400'],
    ['http://da ta/', '400'],
    ['ftp://data.example/', '400'],
    ['data.example:80', '400'],
    ['*', '400'],
    ['', '400'],
    ['http://127.0.0.1:3128/', 'about'],
    ['http://localhost:3128/o/a', 'gateway http://objects.invalid /v1/objects/a'],
    ['http://127.0.0.1:3128/elsewhere', '404'],
  ];
  test.each(rows)('%s', (target, expected) => {
    expect(summary(ask(target, {}))).toBe(expected);
  });

  test('any method and any Host pass', () => {
    expect(summary(ask('http://data.example/', { host: 'other.example' }, 'DELETE'))).toMatch(/^forward/);
  });
});

describe('as a gateway', () => {
  const rows: [target: string, expected: string][] = [
    ['/', 'about'],
    ['/o/film.mp4', 'gateway http://objects.invalid /v1/objects/film.mp4'],
    ['/o/a/b%20c?x=1', 'gateway http://objects.invalid /v1/objects/a/b%20c'],
    ['/o/%C3%BC', 'gateway http://objects.invalid /v1/objects/%C3%BC'],
    ['/o/', '400'],
    ['/o/../x', '400'],
    ['/o/%2e%2e/x', '400'],
    ['/o/a%2Fb', '400'],
    ['/o//a', '400'],
    ['/http/data.example/a/b?c', 'gateway http://data.example /a/b?c'],
    ['/http/data.example', 'gateway http://data.example /'],
    ['/http/DATA.EXAMPLE:80/a', 'gateway http://data.example /a'],
    ['/https/safe.example:8443/a', 'gateway https://safe.example:8443 /a'],
    ['/https/data.example/a', '403'],
    ['/https/safe.example/a', '403'],
    ['/http/127.0.0.1:22/', '403'],
    ['/http/169.254.169.254/latest/meta-data', '403'],
    ['/http/data.example@evil.example/', '403'],
    ['/http//a', '404'],
    ['/ftp/data.example/a', '404'],
    ['/v1/objects/a', '404'],
    ['/favicon.ico', '404'],
  ];
  test.each(rows)('%s', (target, expected) => {
    expect(summary(ask(target))).toBe(expected);
  });

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE'])('%s is refused', (method) => {
    expect(summary(ask('/o/a', OWN, method))).toBe('405');
  });

  test('without routes there are no objects', () => {
    const target = targetOf({ method: 'GET', target: '/o/a', headers: OWN }, { ...SETTINGS, objects: undefined });
    expect(summary(target)).toBe('404');
  });
});

describe('who may ask the gateway', () => {
  const rows: [what: string, headers: Record<string, string | undefined>, allowed: boolean][] = [
    ['a program', OWN, true],
    ['by another name of this machine', { host: 'localhost:3128' }, true],
    ['by its IPv6 address', { host: '[::1]:3128' }, true],
    ['in capitals', { host: 'LOCALHOST:3128' }, true],
    ['a name that a stranger leads here', { host: 'evil.example:3128' }, false],
    ['another port', { host: '127.0.0.1:3129' }, false],
    ['no port', { host: '127.0.0.1' }, false],
    ['nothing', { host: undefined }, false],
    ['the address bar', { ...OWN, 'sec-fetch-site': 'none' }, true],
    ['a page of the gateway', { ...OWN, 'sec-fetch-site': 'same-origin', origin: 'http://127.0.0.1:3128' }, true],
    ['a page of another site', { ...OWN, 'sec-fetch-site': 'cross-site' }, false],
    ['a page of another port here', { ...OWN, 'sec-fetch-site': 'same-site' }, false],
    ['an old browser with a page from elsewhere', { ...OWN, origin: 'https://evil.example' }, false],
    ['an old browser with a sandboxed page', { ...OWN, origin: 'null' }, false],
    ['an old browser with our own page', { ...OWN, origin: 'http://localhost:3128' }, true],
  ];
  test.each(rows)('%s', (_what, headers, allowed) => {
    for (const target of ['/o/a', 'http://127.0.0.1:3128/o/a']) {
      const own = target.startsWith('http') ? { ...headers, host: OWN.host } : headers;
      const expected =
        allowed ||
        (target.startsWith('http') && headers['sec-fetch-site'] === undefined && headers['origin'] === undefined);
      expect(ask(target, own).type === 'gateway').toBe(expected);
    }
  });
});

test('whatever is asked, strangers get nothing of the gateway and nothing throws', () => {
  const start = fc.constantFrom(
    '',
    '/',
    '/o/',
    '/http/',
    '/https/',
    'http://',
    'http://127.0.0.1:3128',
    '/http/data.example',
  );
  const target = fc.tuple(start, fc.string({ maxLength: 40 })).map(([head, tail]) => head + tail);
  const host = fc.oneof(
    fc.constantFrom('evil.example:3128', 'localhost:3128.evil.example', '127.0.0.1:3128@evil'),
    fc.string(),
  );
  fc.assert(
    fc.property(target, host, (asked, from) => {
      const answer = ask(asked, { host: from });
      const own = SETTINGS.ownHosts.includes(from.toLowerCase()) || /^http:/i.test(asked);
      expect(own || answer.type === 'refused').toBe(true);
      if (answer.type === 'gateway') expect([...SETTINGS.origins, SETTINGS.objects]).toContain(answer.origin);
      if (answer.type === 'gateway' || answer.type === 'forward') expect(answer.path.startsWith('/')).toBe(true);
    }),
    { numRuns: 500 },
  );
});
