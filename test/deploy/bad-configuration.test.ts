// Bad configuration of every kind, as an operator meets it: each case is a file as a role would start with it, with the
// files it names beside it, and gives one line: file, line, column, what is wrong, what to write. What single settings and
// the grammar of YAML add to this is in the tests of the roles' settings and of protocol/settings.
import { mkdir, writeFile } from 'node:fs/promises';
import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clientOptions } from '../../client/config.ts';
import { originOptions } from '../../origin/settings.ts';
import { relayOptions } from '../../relay/settings.ts';
import { OTHER_KEY, TEST_CERTIFICATE, TEST_KEY } from '../relay/tls-fixture.ts';
import { heddle } from '../support/program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';

type Role = 'relay' | 'origin' | 'client';
/** What stands in the file, where the mistake is, and what is said of it: a text, or how it goes on behind "…". */
type Case = readonly [yaml: string, place: string, said: string];

const START: Readonly<Record<Role, (config: string) => Promise<unknown>>> = {
  relay: (config) => relayOptions({ config }, {}),
  origin: (config) => originOptions({ config }, {}),
  client: (config) => clientOptions({ config }, {}),
};

const JWKS = 'write a NAME.public.jwks made by heddle keygen';
const RELAY = 'listen: 127.0.0.1:9001\nupstreams: {main: "http://a"}\n';
const OPEN = `${RELAY}insecureOpen: true\n`;
const ORIGIN = 'dir: data\n';
const ROUTE = 'routes:\n  - {name: a, url: "http://a"}\n';

const CASES: Readonly<Record<Role, readonly Case[]>> = {
  relay: [
    ['', '1:1', 'the file is empty; write settings such as listen, admin, upstreams, each as "key: value"'],
    ['listen 127.0.0.1:1\n', '1:1', 'the file is not a mapping; write settings …'],
    [`${OPEN}colour: red\n`, '4:1', '"colour" is not known here; write listen, admin, upstreams, …'],
    [`${OPEN}limit: {}\n`, '4:1', '"limit" is not known here; did you mean "limits"?'],
    [`${OPEN}maxSessions: 5\n`, '4:1', '"maxSessions" is not known here; did you mean "maxSessions" in "limits"?'],
    [`${OPEN}listen: 127.0.0.1:2\n`, '4:1', '"listen" is given twice; write it once'],
    [
      'upstreams: {main: "http://a"}\ninsecureOpen: true\n',
      '1:1',
      'where to listen is not said; write listen: HOST:PORT, …',
    ],
    ['listen: 9001\n', '1:9', '"listen" cannot be 9001; write the host as well: 127.0.0.1:9001'],
    ['listen: "*:9001"\n', '1:9', '"listen" cannot be "*:9001"; write HOST:PORT, …'],
    ['listen: 127.0.0.1:99999\n', '1:9', '"listen" cannot be "127.0.0.1:99999"; write HOST:PORT, …'],
    ['listen: http://127.0.0.1:1\n', '1:9', '"listen" cannot be "http://127.0.0.1:1"; write HOST:PORT, …'],
    [`${OPEN}admin: 127.0.0.1:9001\n`, '4:1', 'listen and admin are the same address; write another port for admin'],
    [`${OPEN}admin: on\n`, '4:8', '"admin" cannot be "on"; write HOST:PORT, …'],
    ['upstreams: http://a\n', '1:12', '"upstreams" cannot be "http://a"; write name: value, …'],
    ['upstreams: {main: a:80}\n', '1:19', '"upstreams.main" begins with a:; write an http or https URL, …'],
    ['upstreams: {"ma/in": "http://a"}\n', '1:13', 'the name "ma/in" in "upstreams" is not allowed; write letters, …'],
    [
      'upstreams: {main: "http://u:p@a"}\n',
      '1:19',
      '"upstreams.main" holds a user or a password; write them as a token instead',
    ],
    [
      'upstreams: {main: "http://a/?b"}\n',
      '1:19',
      '"upstreams.main" is a base URL with a query or fragment; write it without',
    ],
    [`${RELAY}insecureOpen: yes\n`, '3:15', '"insecureOpen" cannot be "yes"; write true or false'],
    [`${OPEN}tokenKeys: good.jwks\n`, '3:1', 'insecureOpen and tokenKeys exclude each other; write one of them'],
    [
      `${RELAY}tokenKeys: none.jwks\n`,
      '3:1',
      `the token keys file "…/none.jwks" cannot be read (there is no such file or folder); ${JWKS}`,
    ],
    [`${RELAY}tokenKeys: data\n`, '3:1', `the token keys file "…/data" cannot be read (it is a folder); ${JWKS}`],
    [`${RELAY}tokenKeys: word.txt\n`, '3:1', `the token keys file "…/word.txt" is not JSON; ${JWKS}`],
    [`${RELAY}tokenKeys: private.jwk\n`, '3:1', `the token keys file "…/private.jwk" is not a JWKS; ${JWKS}`],
    [
      `${RELAY}tokenKeys: [good.jwks, empty.jwks, none]\n`,
      '3:1',
      `the token keys file "…/none" cannot be read (there is no such file or folder); ${JWKS}`,
    ],
    [`${RELAY}tokenKeys: empty.jwks\n`, '3:1', `the token keys are not a JWKS with a key in it; ${JWKS}`],
    [`${RELAY}tokenKeys: rsa.jwks\n`, '3:1', `the token keys hold a key that is not Ed25519; ${JWKS}`],
    [
      `${RELAY}tokenKeys: secret.jwks\n`,
      '3:1',
      'the token keys hold a private key; write the .public.jwks that was made with it',
    ],
    [`${RELAY}tokenKeys: odd.jwks\n`, '3:1', `the token keys hold a key whose "x" is no Ed25519 key; ${JWKS}`],
    [`${RELAY}tokenKeys: many.jwks\n`, '3:1', 'the token keys are more than 16; write only those in use'],
    [`${OPEN}tls: {certificate: tls.crt}\n`, '4:6', '"tls" has no "key"; write key: and a path; …'],
    [`${OPEN}tls: tls.crt\n`, '4:6', '"tls" cannot be "tls.crt"; write a mapping with certificate, key'],
    [
      `${OPEN}tls: {certificate: none, key: tls.key}\n`,
      '4:1',
      'the certificate file "…/none" cannot be read (there is no such file or folder); write the path of a PEM file',
    ],
    [
      `${OPEN}tls: {certificate: tls.crt, key: word.txt}\n`,
      '4:1',
      'the key file "…/word.txt" is not PEM; write one that holds -----BEGIN …-----',
    ],
    [`${OPEN}tls: {certificate: tls.crt, key: other.key}\n`, '4:1', '…; write a pair that was made together'],
    [`${OPEN}upstreamTls: {certificate: tls.key, key: tls.key}\n`, '4:1', '…; write a pair that was made together'],
    [
      `${OPEN}trustedCertificates: none\n`,
      '4:1',
      'the authorities file "…/none" cannot be read (there is no such file or folder); write the path of a PEM file',
    ],
    [
      `${OPEN}trustedCertificates: word.txt\n`,
      '4:1',
      'the authorities file "…/word.txt" is not PEM; write one that holds -----BEGIN …-----',
    ],
    [
      `${OPEN}limits: {maxSessions: 0}\n`,
      '4:23',
      '"limits.maxSessions" cannot be 0; write a whole number of sessions from 1 to 1000000',
    ],
    [
      `${OPEN}limits: {idleTimeoutMs: 30 sec}\n`,
      '4:25',
      '"limits.idleTimeoutMs" cannot be "30 sec"; write a time from 100ms to 1d …',
    ],
    [
      `${OPEN}limits: {maxBytesPerSecond: 10MB}\n`,
      '4:29',
      '"limits.maxBytesPerSecond" cannot be "10MB"; write a rate from 0 to …',
    ],
    [
      `${OPEN}limits: {drainNoticeMs: 1min}\n`,
      '4:10',
      'the notice ends behind the deadline; write drainNoticeMs below drainDeadlineMs',
    ],
    [
      `${OPEN}limits: {drainDeadlineMs: 1s}\n`,
      '4:10',
      'the notice ends behind the deadline; write drainNoticeMs below drainDeadlineMs',
    ],
  ],
  origin: [
    ['listen: 127.0.0.1:1\n', '1:1', 'the folder to serve is not said; write dir: FOLDER, …'],
    ['dir:\n', '1:1', '"dir" has no value; write a path; …'],
    ['dir: [data]\n', '1:6', '"dir" is a list; write a path; …'],
    [
      'dir: nowhere\n',
      '1:1',
      '"…/nowhere" cannot be read (there is no such file or folder); write the path of a folder',
    ],
    ['dir: word.txt\n', '1:1', '"…/word.txt" is not a folder; write the path of one'],
    [
      `${ORIGIN}stateDir: data/state\n`,
      '2:1',
      'the state folder lies inside the served folder; write one outside of dir',
    ],
    [`${ORIGIN}statedir: state\n`, '2:1', '"statedir" is not known here; did you mean "stateDir"?'],
    [
      `${ORIGIN}listen: 127.0.0.1:1\nadmin: 127.0.0.1:1\n`,
      '3:1',
      'listen and admin are the same address; write another port for admin',
    ],
    [
      `${ORIGIN}signingKey: none\n`,
      '2:1',
      'there is no signing key …/none; write the NAME.private.jwk made by heddle keygen',
    ],
    [
      `${ORIGIN}signingKey: good.jwks\n`,
      '2:1',
      '…/good.jwks is not an Ed25519 private key; write one made by heddle keygen',
    ],
    [
      `${ORIGIN}signingKey: word.txt\n`,
      '2:1',
      '…/word.txt is not an Ed25519 private key; write one made by heddle keygen',
    ],
    [
      `${ORIGIN}tokenKeys: none\n`,
      '2:1',
      `the token keys file "…/none" cannot be read (there is no such file or folder); ${JWKS}`,
    ],
    [
      `${ORIGIN}tokenKeys: secret.jwks\n`,
      '2:1',
      'the token keys hold a private key; write the .public.jwks that was made with it',
    ],
    [
      `${ORIGIN}tls: {certificate: tls.crt, key: none}\n`,
      '2:1',
      'the key file "…/none" cannot be read (there is no such file or folder); write the path of a PEM file',
    ],
    [
      `${ORIGIN}tls: {certificate: tls.crt, key: tls.key, clientAuthorities: word.txt}\n`,
      '2:1',
      'the authorities file "…/word.txt" is not PEM; …',
    ],
    [
      `${ORIGIN}tuning: {cacheBytes: 1KiB}\n`,
      '2:22',
      '"tuning.cacheBytes" cannot be "1KiB"; write a size from 16MiB to 64GiB …',
    ],
    [
      `${ORIGIN}tuning: {firstProofNodes: 3}\n`,
      '2:27',
      '"tuning.firstProofNodes" cannot be 3; write …, a power of two',
    ],
    [`${ORIGIN}tuning: {drainMS: 5s}\n`, '2:10', '"drainMS" is not known in "tuning"; did you mean "drainMs"?'],
    [
      `${ORIGIN}tuning: {drainNoticeMs: 30s}\n`,
      '2:10',
      'the notice ends behind the deadline; write drainNoticeMs below drainMs',
    ],
    [`${ORIGIN}backend: {}\n`, '2:1', 'dir and backend exclude each other; write one of them'],
    [`${ORIGIN}audience: 5\n`, '2:11', '"audience" cannot be 5; write it in quotes: "5"'],
  ],
  client: [
    ['routes: http://a\n', '1:9', '"routes" cannot be "http://a"; write a list: …'],
    ['routes:\n  - name: a\n', '2:5', '"routes[0]" has no "url"; write url: and a base URL, …'],
    ['routes:\n  - {name: a b, url: "http://a"}\n', '2:12', '"routes[0].name" cannot be "a b"; write letters, …'],
    [`${ROUTE}  - {name: a, url: "http://b"}\n`, '3:6', 'two routes have the name "a"; write another'],
    [
      'routes:\n  - {name: a, url: "http://a", localAddress: eth 0}\n',
      '2:46',
      '…; write an IP address of this machine, …',
    ],
    [
      'routes:\n  - {name: a, url: "http://u:p@a"}\n',
      '2:20',
      '"routes[0].url" holds a user or a password; write them as a token instead',
    ],
    [`${ROUTE}token: a b\n`, '3:8', '"token" is not a token without blanks; write it in quotes, …'],
    [`${ROUTE}token: a\ntokenFile: b\n`, '4:1', 'token and tokenFile exclude each other; write one of them'],
    [
      `${ROUTE}tokenFile: none\n`,
      '3:1',
      'cannot read …/none (there is no such file or folder); write the path of a file that is there',
    ],
    [`${ROUTE}tokenFile: blank.txt\n`, '3:1', '…/blank.txt holds no token; write one there with heddle token --out'],
    [
      `${ROUTE}tokenFile: two words.txt\n`,
      '3:1',
      '…/two words.txt holds no token; write one there with heddle token --out',
    ],
    [
      `${ROUTE}originKeyFile: rsa.jwks\n`,
      '3:1',
      'the origin key is neither an Ed25519 JWK nor its x; write the NAME.public.jwks made by heddle keygen',
    ],
    [`${ROUTE}originKey: abc\n`, '3:12', '"originKey" cannot be "abc"; write the 43 characters of the "x" of its JWK'],
    [`${ROUTE}root: sha256:12\n`, '3:7', '"root" cannot be "sha256:12"; write sha256: and 64 hex digits'],
    [`${ROUTE}segmentBytes: 40000\n`, '3:15', '"segmentBytes" cannot be 40000; write a size from 32KiB to 1MiB …'],
    [`${ROUTE}reorderBytes: lots\n`, '3:15', '"reorderBytes" cannot be "lots"; write a size from 128KiB …'],
    ['origins:\n  - {origin: "http://a"}\n', '2:5', 'there is no route to http://a; write routes: here or for all'],
    [
      'origins:\n  - {origin: "ftp://a"}\n',
      '2:14',
      '"origins[0].origin" begins with ftp:; write an http or https URL, …',
    ],
    ['routes:\n\t- {name: a, url: "http://a"}\n', '2:1', 'a tab is used to indent; write spaces'],
    [
      'routes:\n  - {name: a, url: "http://a"\n',
      '3:1',
      'a "}" is missing before here; write it at the end of the list or mapping',
    ],
  ],
};

let folder: TemporaryFolder;

beforeAll(async () => {
  folder = await temporaryFolder();
  await mkdir(folder.file('data'));
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const [open, secret] = [publicKey.export({ format: 'jwk' }), privateKey.export({ format: 'jwk' })];
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 }).publicKey.export({ format: 'jwk' });
  const files: Readonly<Record<string, string>> = {
    'good.jwks': JSON.stringify({ keys: [open] }),
    'private.jwk': JSON.stringify(secret),
    'secret.jwks': JSON.stringify({ keys: [secret] }),
    'empty.jwks': '{"keys":[]}',
    'rsa.jwks': JSON.stringify({ keys: [rsa] }),
    'odd.jwks': JSON.stringify({ keys: [{ ...open, x: 'AAAA' }] }),
    'many.jwks': JSON.stringify({ keys: Array.from({ length: 17 }, () => open) }),
    'word.txt': 'word',
    'two words.txt': 'two words',
    'blank.txt': '\n',
    'tls.crt': TEST_CERTIFICATE,
    'tls.key': TEST_KEY,
    'other.key': OTHER_KEY,
  };
  for (const [name, text] of Object.entries(files)) await writeFile(folder.file(name), text);
});
afterAll(() => folder[Symbol.asyncDispose]());

test('the table is long enough to be of every kind', () => {
  expect(Object.values(CASES).flat().length).toBeGreaterThanOrEqual(80);
});

describe.each(Object.entries(CASES))('%s', (role, cases) => {
  test.each(cases)('%j', async (yaml, place, said) => {
    const config = folder.file(`${role}.yaml`);
    await writeFile(config, yaml);
    const message = await START[role as Role](config).then(
      () => 'nothing is wrong',
      (error: Error) => error.message,
    );
    expect(message).toMatch(asPattern(`${config}:${place}: ${said}`));
    // one line that says what to do
    expect(message).toMatch(/^[^\n]+; (?:write|did you mean) [^\n]+$/);
  });

  test('the command says the same, with the files that are named', async () => {
    const config = folder.file(`${role}.yaml`);
    const [yaml, place, said] =
      cases.find(([, , text]) => text.includes('there is no such file or folder')) ?? expect.fail();
    await writeFile(config, yaml);
    const { code, stderr } = await heddle(['config', 'check', config, '--role', role, '--files']);
    expect(stderr).toMatch(asPattern(`heddle: ${config}:${place}: ${said} (bad-configuration)\n`));
    expect(code).toBe(2);
    // whoever only writes files need not have what they name
    expect(await heddle(['config', 'check', config, '--role', role])).toMatchObject({ code: 0, stderr: '' });
  });
});

/** `text` as it stands, but for "…", which is anything but a line break. */
function asPattern(text: string): RegExp {
  return new RegExp(
    `^${text
      .split('…')
      .map((part) => RegExp.escape(part))
      .join('[^\\n]*')}$`,
  );
}
