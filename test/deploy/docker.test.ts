// The Dockerfile without an engine: that it stays with what every builder knows, and that what it copies is not ignored.
// That it builds and runs is for test/containers.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const dockerfile = readFileSync(join(ROOT, 'deploy/docker/Dockerfile'), 'utf8');
const instructions = dockerfile
  .replaceAll(/\\\n\s*/g, '')
  .split('\n')
  .filter((line) => /^[A-Z]+ /.test(line));

test('needs no BuildKit', () => {
  expect(dockerfile).not.toMatch(/^#\s*syntax|--mount|--chmod|--link|<<|FROM --platform/m);
});

test('copies nothing that is missing or ignored', () => {
  const kept = readFileSync(join(ROOT, '.dockerignore'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1));
  const copied = instructions
    .filter((line) => line.startsWith('COPY ') && !line.includes('--from'))
    .flatMap((line) => line.split(' ').slice(1, -1));
  expect(copied.length).toBeGreaterThan(5);
  expect(copied.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  expect(copied.filter((path) => !kept.some((entry) => path === entry || path.startsWith(`${entry}/`)))).toEqual([]);
});

test('runs as a user without privileges, as process 1, and asks for its health without other programs', () => {
  const last = instructions.slice(instructions.findLastIndex((line) => line.startsWith('FROM ')));
  expect(last).toContain('USER node');
  expect(last).toContain('ENTRYPOINT ["heddle"]');
  expect(last.find((line) => line.startsWith('HEALTHCHECK'))).toMatch(/CMD \["node", /);
  expect(dockerfile).not.toMatch(/curl|wget|apt-get/);
});
