// The servers that the data plane is measured with, on free ports of the loopback: Heddle's, nginx, haproxy, and the
// source that pushes from memory. Each ends with its scope.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readFile } from 'node:fs/promises';
import type { Child } from '../machine/child.ts';
import { nginxCommand } from '../machine/nginx.ts';
import { accepts, freePort, LOOPBACK, untilListening } from '../machine/ports.ts';
import { findProgram } from '../machine/programs.ts';
import type { ReferenceObject } from '../machine/work-folder.ts';
import type { Workbench } from './workbench.ts';

/** A server that listens. */
export type LoopbackServer = { readonly port: number; readonly url: string; readonly pid: number };

/** A certificate for localhost and its key, PEM files. */
export type TlsFiles = { readonly certificate: string; readonly key: string };

/** What relays take off a path: the same for all of them, so that requests are the same. */
export const VIA = '/v1/via/main';

const BUFFER = '256k';
const BUFFER_BYTES = 262_144;
const PIPE_BYTES = 1_048_576;

/** `heddle origin` with one object; `state`: its folder, where the object is not to be hashed anew. */
export async function startOrigin(
  scope: DisposableStack,
  bench: Workbench,
  object: ReferenceObject,
  state: string = join(bench.folder, `origin-state-${object.bytes}`),
): Promise<LoopbackServer> {
  const port = await freePort();
  const flags = ['--dir', object.folder, '--listen', `${LOOPBACK}:${port}`, '--state', state];
  return listening(bench.start(scope, 'origin', bench.heddle('origin', ...flags)), port);
}

/**
 * `heddle relay` in front of a server; with `tls` it speaks TLS to clients and trusts an upstream that shows the same.
 * `more` are further flags.
 */
export async function startRelay(
  scope: DisposableStack,
  bench: Workbench,
  upstream: string,
  tls?: { readonly serve: boolean; readonly files: TlsFiles },
  more: readonly string[] = [],
): Promise<LoopbackServer> {
  const port = await freePort();
  const flags = ['--listen', `${LOOPBACK}:${port}`, '--upstream', `main=${upstream}`, '--insecure-open', ...more];
  if (tls !== undefined) {
    const { certificate, key } = tls.files;
    const config = join(bench.newFolder('relay-tls'), 'relay.yaml');
    writeFileSync(
      config,
      JSON.stringify({ trustedCertificates: certificate, ...(tls.serve ? { tls: { certificate, key } } : {}) }),
    );
    flags.push('--config', config);
  }
  return listening(bench.start(scope, 'relay', bench.heddle('relay', ...flags)), port);
}

/** nginx that serves the object with sendfile. */
export async function startNginxFiles(
  scope: DisposableStack,
  bench: Workbench,
  object: ReferenceObject,
): Promise<LoopbackServer> {
  const port = await freePort();
  const server = { type: 'files', listen: `${LOOPBACK}:${port}`, root: object.folder } as const;
  return listening(bench.start(scope, 'nginx', nginx(bench, server)), port);
}

/** nginx as a relay with large buffers; `tls` as with `startRelay`. */
export async function startNginxRelay(
  scope: DisposableStack,
  bench: Workbench,
  upstream: string,
  tls?: { readonly serve: boolean; readonly files: TlsFiles },
): Promise<LoopbackServer> {
  const port = await freePort();
  const { host, protocol } = new URL(upstream);
  const server = {
    type: 'proxy',
    listen: `${LOOPBACK}:${port}`,
    upstream: host,
    prefix: `${VIA}/`,
    buffer: BUFFER,
    tls: tls?.serve === true ? tls.files : undefined,
    secureUpstream: protocol === 'https:',
  } as const;
  return listening(bench.start(scope, 'nginx', nginx(bench, server)), port);
}

/** haproxy as a relay, with large buffers or with splice(2). */
export async function startHaproxy(
  scope: DisposableStack,
  bench: Workbench,
  upstream: string,
  splice: boolean,
): Promise<LoopbackServer> {
  const port = await freePort();
  const file = join(bench.newFolder('haproxy'), 'haproxy.cfg');
  writeFileSync(file, haproxyConfiguration(port, new URL(upstream).host, splice));
  return listening(bench.start(scope, 'haproxy', [findProgram('haproxy') ?? 'haproxy', '-db', '-f', file]), port);
}

/** The source that pushes from memory, over TLS when it has files for it; `flags` say how much at once, and from how much. */
export async function startPushSource(
  scope: DisposableStack,
  bench: Workbench,
  tls?: TlsFiles,
  flags: readonly string[] = [],
): Promise<LoopbackServer> {
  const files = tls === undefined ? [] : [tls.certificate, tls.key];
  const program = join(import.meta.dirname, 'push-source.ts');
  const child = bench.start(scope, 'source', [process.execPath, program, ...flags, ...files]);
  let port = 0;
  await untilListening(child, async () => {
    port = Number((await readFile(child.log, 'utf8')).trim());
    return port > 0;
  });
  return { port, url: tls === undefined ? urlOf(port) : `https://localhost:${port}`, pid: child.pid };
}

async function listening(child: Child, port: number): Promise<LoopbackServer> {
  await untilListening(child, () => accepts(port));
  return { port, url: urlOf(port), pid: child.pid };
}

function nginx(bench: Workbench, server: Parameters<typeof nginxCommand>[3]): string[] {
  return nginxCommand(findProgram('nginx') ?? 'nginx', bench.newFolder('nginx'), 'server', server);
}

function haproxyConfiguration(port: number, upstream: string, splice: boolean): string {
  return `
global
  nbthread 1
  ${splice ? `tune.pipesize ${PIPE_BYTES}` : `tune.bufsize ${BUFFER_BYTES}`}
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  timeout tunnel 600s
  ${splice ? 'option splice-request\n  option splice-response' : ''}
frontend entry
  bind ${LOOPBACK}:${port}
  http-request replace-path ${VIA}(/.*) \\1
  default_backend next
backend next
  server next ${upstream}
`;
}

function urlOf(port: number): string {
  return `http://${LOOPBACK}:${port}`;
}
