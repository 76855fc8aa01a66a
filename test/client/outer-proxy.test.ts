// Which proxy a URL is reached through: per route, for all, from the environment, and what NO_PROXY leaves out.
import { describe, expect, test } from 'vitest';
import { environmentProxy, proxyRule, withEnvironmentProxy } from '../../client/outer-proxy.ts';
import type { ProxyOptions } from '../../client/outer-proxy.ts';

const through = (url: string, options: ProxyOptions, own?: string): string | undefined =>
  proxyRule(options, own)(new URL(url))?.host;

const ALL: ProxyOptions = { proxy: 'http://p:3128' };

describe('what is said', () => {
  test('for all goes for both schemes, or for each its own', () => {
    expect([through('http://h/a', ALL), through('https://h/a', ALL)]).toEqual(['p:3128', 'p:3128']);
    const each = { proxy: { https: 'http://s:1' } };
    expect([through('http://h/a', each), through('https://h/a', each)]).toEqual([undefined, 's:1']);
    expect(through('http://h/a', {})).toBeUndefined();
  });

  test('of a route goes before, whatever NO_PROXY says; none is none', () => {
    expect(through('http://h/a', { ...ALL, noProxy: '*' }, 'http://own:1')).toBe('own:1');
    expect(through('http://127.0.0.1/a', ALL, 'http://own:1')).toBe('own:1');
    expect(through('http://h/a', ALL, 'none')).toBeUndefined();
  });

  test('needs no scheme; what is no http proxy is refused, and no password is repeated', () => {
    expect(through('http://h/a', { proxy: 'p:3128' })).toBe('p:3128');
    expect(() => proxyRule({ proxy: 'socks5://me:hunter2@p:1080' })).toThrow(
      expect.objectContaining({
        code: 'bad-configuration',
        message: 'the proxy p:1080 is not http, but socks5: only http: is spoken',
      }),
    );
    expect(() => proxyRule({ proxy: 'http://me:hunter2@:x' })).toThrow('the URL of the proxy is none');
  });
});

describe('hosts that are reached directly', () => {
  test.each([
    [
      'this machine',
      '',
      'http://localhost:9/ http://x.localhost/ http://127.0.0.2/ http://[::1]:9/',
      'http://10.0.0.1/',
    ],
    ['everything', '*', 'http://h/ https://[2001:db8::1]/', ''],
    [
      'a name and all below it',
      'example.com',
      'http://example.com/ http://a.b.example.com./',
      'http://notexample.com/',
    ],
    ['the same with a dot', '.example.com', 'http://example.com/ http://a.example.com/', 'http://example.org/'],
    ['the same with a star', '*.example.com', 'http://a.example.com/', 'http://example.org/'],
    ['a name in capitals', 'EXAMPLE.com', 'http://example.COM/', 'http://h/'],
    ['one port of it', 'h:8080', 'http://h:8080/', 'http://h/ http://h:8081/ https://h/'],
    ['the usual port', 'h:443', 'https://h/', 'http://h/'],
    ['an address', '10.0.0.1', 'http://10.0.0.1/', 'http://10.0.0.2/ http://x.10.0.0.1.example/'],
    ['an IPv6 address', '2001:db8::1', 'http://[2001:db8::1]/', 'http://[2001:db8::2]/'],
    ['and its port', '[2001:db8::1]:80', 'http://[2001:db8::1]/', 'https://[2001:db8::1]/'],
    ['a network', '10.0.0.0/8', 'http://10.255.1.1/', 'http://11.0.0.1/ http://[2001:db8::1]/ http://h/'],
    ['an IPv6 network', '2001:db8::/32', 'http://[2001:db8:5::1]/', 'http://[2001:db9::1]/ http://10.0.0.1/'],
    ['several', 'a, b ,c', 'http://a/ http://b/ http://c/', 'http://d/'],
    ['nothing that makes sense', '10.0.0.0/99,,/', '', 'http://10.0.0.1/ http://h/'],
  ])('%s: %s', (_, noProxy, direct, proxied) => {
    const list = (urls: string): string[] => urls.split(' ').filter((url) => url !== '');
    const gone = (url: string): string => `${url} ${through(url, { ...ALL, noProxy })}`;
    expect(list(direct).map(gone)).toEqual(list(direct).map((url) => `${url} undefined`));
    expect(list(proxied).map(gone)).toEqual(list(proxied).map((url) => `${url} p:3128`));
  });
});

describe('the environment', () => {
  test('is read in lower case first; what is empty says nothing', () => {
    const both = { http_proxy: 'http://low:1', HTTP_PROXY: 'http://up:1', HTTPS_PROXY: 'http://s:1', no_proxy: 'x' };
    expect(environmentProxy(both)).toEqual({ proxy: { http: 'http://low:1', https: 'http://s:1' }, noProxy: 'x' });
    expect(environmentProxy({ http_proxy: '', HTTPS_PROXY: '' })).toEqual({});
    expect(environmentProxy({ NO_PROXY: 'x' })).toEqual({});
    expect(environmentProxy({ ALL_PROXY: 'p:1' })).toEqual({ proxy: { http: 'p:1', https: 'p:1' }, noProxy: '' });
  });

  test('of a CGI program: HTTP_PROXY is what a client sent as the header Proxy', () => {
    expect(environmentProxy({ REQUEST_METHOD: 'GET', HTTP_PROXY: 'http://evil:1' })).toEqual({});
  });

  test('counts where nothing else is said', () => {
    const environment = { https_proxy: 'p:1' };
    expect(withEnvironmentProxy({ ...ALL }, environment)).toEqual(ALL);
    expect(through('https://h/', withEnvironmentProxy({}, environment))).toBe('p:1');
  });
});
