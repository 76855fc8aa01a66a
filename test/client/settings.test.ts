// The client's YAML file: every mistake is named with its place and what to write. What all roles share is in the
// relay's test.
import { writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { CLIENT_SETTINGS, readClientSettings } from '../../client/settings.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { read } from '../protocol/settings/mistakes.ts';

const NAME = 'letters, digits, ".", "_" or "-", beginning with a letter or digit';
const BASE = 'a base URL, such as http://origin:8080';
const SEGMENT = 'a size from 32KiB to 1MiB (a number without unit counts bytes), a power of two';
const TOKEN = 'a token without blanks; write it in quotes, or the name of a file with it';

describe('mistakes', () => {
  test.each<[yaml: string, place: string, message: string]>([
    ['rutes: []', '1:1', '"rutes" is not known here; did you mean "routes"?'],
    ['routes: x', '1:9', '"routes" cannot be "x"; write a list: each item behind "- " is a mapping with name, url'],
    [
      'routes: {a: http://a}',
      '1:9',
      '"routes" is a map; write a list: each item behind "- " is a mapping with name, url',
    ],
    ['routes:\n  - x', '2:5', '"routes[0]" cannot be "x"; write a mapping with name, url'],
    ['routes:\n  -', '2:3', '"routes[0]" has no value; write a mapping with name, url'],
    ['routes:\n  - name: eu', '2:5', `"routes[0]" has no "url"; write url: and ${BASE}`],
    ['routes:\n  - url: http://a', '2:5', `"routes[0]" has no "name"; write name: and ${NAME}`],
    ['routes:\n  - name: eu\n    url: http://a\n    adress: 1', '4:5', '"adress" is not known in "routes[0]"; '],
    [
      'routes:\n  - name: eu\n    url: http://a\n    localAdress: 1',
      '4:5',
      '"localAdress" is not known in "routes[0]"; did you mean "localAddress"?',
    ],
    ['routes:\n  - name: 5\n    url: http://a', '2:11', '"routes[0].name" cannot be 5; write it in quotes: "5"'],
    ['routes:\n  - name: a b\n    url: http://a', '2:11', `"routes[0].name" cannot be "a b"; write ${NAME}`],
    ['routes:\n  - name: eu\n    url:', '3:5', `"routes[0].url" has no value; write ${BASE}`],
    ['routes:\n  - name: eu\n    url: [http://a]', '3:10', `"routes[0].url" is a list; write ${BASE}`],
    [
      'routes:\n  - name: eu\n    url: origin:8080',
      '3:10',
      '"routes[0].url" begins with origin:; write an http or https URL, such as http://origin:8080',
    ],
    [
      'routes:\n  - name: eu\n    url: http://a#local=1.2.3.4',
      '3:10',
      '"routes[0].url" is a base URL with a query or fragment; write it without',
    ],
    [
      'routes:\n  - {name: a, url: http://a, localAddress: eth 0}',
      '2:44',
      '"routes[0].localAddress" cannot be "eth 0"; write an IP address of this machine, such as 192.168.1.5, or an interface, such as wlan0',
    ],
    ['root: sha256:12', '1:7', '"root" cannot be "sha256:12"; write sha256: and 64 hex digits'],
    ['originKey: key.jwk', '1:12', '"originKey" cannot be "key.jwk"; write the 43 characters of the "x" of its JWK'],
    ['segmentBytes: 40000', '1:15', `"segmentBytes" cannot be 40000; write ${SEGMENT}`],
    ['segmentBytes: 2MiB', '1:15', `"segmentBytes" cannot be "2MiB"; write ${SEGMENT}`],
    [
      'reorderBytes: lots',
      '1:15',
      '"reorderBytes" cannot be "lots"; write a size from 128KiB to 64GiB (a number without unit counts bytes)',
    ],
    ['mirrors: x', '1:10', '"mirrors" cannot be "x"; write a list: each item behind "- " is a mapping with name, url'],
    ['mirrors: [{name: a}]', '1:11', `"mirrors[0]" has no "url"; write url: and an http or https URL`],
    [
      'mirrors: [{name: a, url: "http://a", primary: true}]',
      '1:38',
      '"primary" is not known in "mirrors[0]"; write name, url, localAddress, proxy, quotaBytes, maxBytesPerSecond, maxConnections',
    ],
    [
      'tls: {certificate: a}',
      '1:6',
      '"tls" has no "key"; write key: and a path; a relative one begins at the folder of this file',
    ],
    [
      'trustedCertificates: 5',
      '1:22',
      '"trustedCertificates" cannot be 5; write a path; a relative one begins at the folder of this file',
    ],
    ['discovery: x', '1:12', '"discovery" cannot be "x"; write a mapping with origins, dns, nameServers'],
    ['discovery: {origin: []}', '1:13', '"origin" is not known in "discovery"; did you mean "origins"?'],
    [
      'discovery: {origins: http://a}',
      '1:22',
      '"discovery.origins" cannot be "http://a"; write a list: each item behind "- " is a base URL, such as http://origin:8080',
    ],
    [
      'discovery: {origins: ["ftp://a"]}',
      '1:23',
      '"discovery.origins[0]" begins with ftp:; write an http or https URL, such as http://origin:8080',
    ],
    [
      'discovery:\n  dns: [{url: "http://a"}]',
      '2:9',
      '"discovery.dns[0]" has no "name"; write name: and up to 20 letters, digits, ".", "_" or "-", beginning with a letter or digit',
    ],
    [
      'discovery:\n  dns: [{name: a, service: heddle}]',
      '2:28',
      '"discovery.dns[0].service" cannot be "heddle"; write a service such as _heddle._tcp.relays.example',
    ],
    [
      'discovery:\n  dns: [{name: a, scheme: ftp}]',
      '2:27',
      '"discovery.dns[0].scheme" cannot be "ftp"; write http or https',
    ],
    [
      'discovery:\n  dns: [{name: a, path: x}]',
      '2:25',
      '"discovery.dns[0].path" cannot be "x"; write a path such as /v1/via/main',
    ],
    [
      'discovery: {nameServers: [dns.example]}',
      '1:27',
      '"discovery.nameServers[0]" cannot be "dns.example"; write an address such as 10.0.0.53 or "[::1]:5353"',
    ],
    [
      'discovery: {times: {timeoutMs: 0}}',
      '1:32',
      '"discovery.times.timeoutMs" cannot be 0; write a time from 50ms to 1m (a number without unit counts milliseconds)',
    ],
  ])('%j', (yaml, place, message) => {
    const said = read(`${yaml}\n`, CLIENT_SETTINGS);
    if (message.endsWith(' ')) expect(said).toContain(`FILE:${place}: ${message}`);
    else expect(said).toBe(`FILE:${place}: ${message}`);
  });

  test('a token is never repeated', () => {
    expect(read('token: top secret\n', CLIENT_SETTINGS)).toBe(`FILE:1:8: "token" is not ${TOKEN}`);
    expect(read('token: 12345678\n', CLIENT_SETTINGS)).toBe(`FILE:1:8: "token" is not ${TOKEN}`);
  });

  test.each<[yaml: string, message: string]>([
    ['token: a\ntokenFile: b\n', 'FILE:2:1: token and tokenFile exclude each other; write one of them'],
    [
      'routes:\n  - {name: a, url: http://a}\n  - {name: a, url: http://b}\n',
      'FILE:3:6: two routes have the name "a"; write another',
    ],
  ])('%j does not go together', async (yaml, message) => {
    await using folder = await temporaryFolder();
    const file = folder.file('client.yaml');
    await writeFile(file, yaml);
    const said = await readClientSettings(file, {}).catch((error: Error) => error.message.replace(file, 'FILE'));
    expect(said).toBe(message);
  });
});
