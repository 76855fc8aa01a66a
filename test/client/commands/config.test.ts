// `heddle config`: every mistake of a file at once, what is in force and where it was said, and wrong roles.
import { writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { heddle } from '../../support/program.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

type Said = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

async function check(yaml: string, role: string, more: string[] = [], env: Record<string, string> = {}): Promise<Said> {
  await using folder = await temporaryFolder();
  const file = folder.file('heddle.yaml');
  await writeFile(file, yaml);
  const { code, stdout, stderr } = await heddle(['config', 'check', file, '--role', role, ...more], { env });
  return { code, stdout: stdout.toString().replaceAll(file, 'FILE'), stderr: stderr.replaceAll(file, 'FILE') };
}

describe('config check', () => {
  test('names all mistakes, in their order, and nothing else', async () => {
    const yaml = 'lisen: 127.0.0.1:1\nupstreams: {a b: http://a, c: x}\nlimits:\n  maxSessions: 0\n';
    expect(await check(yaml, 'relay', [], { HEDDLE__RELAY__ADMIN: 'nowhere' })).toEqual({
      code: 2,
      stdout: '',
      stderr: [
        'FILE:1:1: "lisen" is not known here; did you mean "listen"?',
        'FILE:2:13: the name "a b" in "upstreams" is not allowed; write letters, digits, ".", "-" or "_"',
        'FILE:2:31: "upstreams.c" cannot be "x"; write a base URL, such as http://origin:8080',
        'FILE:4:16: "limits.maxSessions" cannot be 0; write a whole number of sessions from 1 to 1000000',
        'HEDDLE__RELAY__ADMIN: "admin" cannot be "nowhere"; write HOST:PORT, such as 127.0.0.1:9001 or "[::1]:9001"',
        '',
      ].join('\n'),
    });
  });

  test.each<[role: string, yaml: string, message: string]>([
    [
      'relay',
      'listen: 127.0.0.1:1\nupstreams: {a: http://a}\n',
      'FILE:1:1: a relay is closed by default; write tokenKeys: FILE, or insecureOpen: true to let everybody in',
    ],
    [
      'relay',
      'listen: 127.0.0.1:1\nupstreams: {}\ninsecureOpen: true\n',
      'FILE:2:1: a relay needs an upstream; write upstreams: and below it NAME: BASEURL',
    ],
    [
      'relay',
      'upstreams: {a: http://a}\ninsecureOpen: true\n',
      'FILE:1:1: where to listen is not said; write listen: HOST:PORT, or give --listen',
    ],
    [
      'relay',
      'listen: 127.0.0.1:1\nupstreams: {a: http://a}\ninsecureOpen: true\ntokenKeys: k\n',
      'FILE:3:1: insecureOpen and tokenKeys exclude each other; write one of them',
    ],
    [
      'origin',
      'listen: 127.0.0.1:1\n',
      'FILE:1:1: the folder to serve is not said; write dir: FOLDER, or backend:, or give --dir',
    ],
    ['client', 'token: a\ntokenFile: b\n', 'FILE:2:1: token and tokenFile exclude each other; write one of them'],
  ])('knows what a %s needs: %j', async (role, yaml, message) => {
    const { code, stderr } = await check(yaml, role);
    expect(stderr).toContain(message);
    expect(stderr.trimEnd()).not.toContain('\n');
    expect(code).toBe(2);
  });

  test('shows what is in force and where it was said, but no secret', async () => {
    const yaml = 'token: abcdef\nroutes:\n  - {name: a, url: http://a}\n';
    const env = { HEDDLE__CLIENT__SEGMENT_BYTES: '65536' };
    const { code, stdout } = await check(yaml, 'client', ['--effective'], env);
    expect(code).toBe(0);
    expect(stdout.split('\n').slice(0, 6)).toEqual([
      'routes:',
      '  # FILE:2:1',
      '  - name: a',
      '    url: http://a',
      'token: (secret) # FILE:1:1',
      'segmentBytes: 64KiB # HEDDLE__CLIENT__SEGMENT_BYTES',
    ]);
    expect(stdout).toContain('reorderBytes: 32MiB # default\n');
    expect(stdout).toContain('# root: the only Merkle root to accept\n');
    expect(stdout).not.toContain('abcdef');
  });

  test('a role that is none', async () => {
    const { code, stderr } = await check('dir: a\n', 'server');
    expect(code).toBe(1);
    expect(stderr).toContain('there is no role "server"; write --role client, --role relay or --role origin');
  });
});
