// Any reverse proxy that passes Upgrade can take a relay's place: nginx, behind a relay, in front of one, alone.
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { streamBothWays } from './byte-stream.ts';
import { freePort, gone, openChannel, request } from './channel-client.ts';
import { openRelay } from './relays.ts';
import { accepting, startUpstream } from './upstream-server.ts';

/** In a constant: it is a program of the machine, not a dependency of the package. */
const NGINX = 'nginx';
const hasNginx = spawnSync(NGINX, ['-v']).status === 0;

/** What an operator needs: HTTP/1.1 upstream, the upgrade headers, no buffering, room for Heddle-First in one line. */
function configuration(port: number, upstreamPort: number): string {
  return `
daemon off; master_process off; pid nginx.pid; error_log stderr crit;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  large_client_header_buffers 4 32k;
  map $http_upgrade $connection_header { default upgrade; '' ''; }
  server {
    listen 127.0.0.1:${port};
    location /v1/via/main/ {
      proxy_pass http://127.0.0.1:${upstreamPort}/;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_header;
      proxy_buffering off;
      tcp_nodelay on;
    }
  }
}
`;
}

async function startNginx(upstreamPort: number) {
  const folder = await mkdtemp(join(tmpdir(), 'heddle-nginx-'));
  const port = await freePort();
  await writeFile(join(folder, 'nginx.conf'), configuration(port, upstreamPort));
  const child = spawn(NGINX, ['-p', folder, '-c', 'nginx.conf', '-e', 'stderr'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  await answering(child, port);
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      await rm(folder, { recursive: true });
    },
  };
}

async function answering(child: ChildProcess, port: number): Promise<void> {
  let complaint = '';
  child.stderr?.on('data', (text: Buffer) => {
    complaint += text.toString();
  });
  for (;;) {
    if (child.exitCode !== null) throw new Error(`nginx: ${complaint}`);
    const answer = await request(port, '/').catch(() => undefined);
    if (answer !== undefined) return;
  }
}

describe.skipIf(!hasNginx)(`nginx as a relay${hasNginx ? '' : ' (skipped: no nginx on this machine)'}`, () => {
  async function start() {
    const upgraded: Socket[] = [];
    const server = await startUpstream({
      onUpgrade: accepting(Buffer.from('first'), (socket) => upgraded.push(socket)),
      onRequest: (incoming, response) => response.end(`${incoming.url} ${incoming.headers.range}`),
    });
    return { server, upgraded, [Symbol.asyncDispose]: () => server.close() };
  }

  async function expectsBytesToPass(port: number, path: string, upgraded: Socket[]): Promise<void> {
    const headers = [['Heddle-First', 'x'.repeat(16_384)]] as const;
    using channel = await openChannel(port, path, { headers });
    expect(channel.head.status).toBe(101);
    expect((await channel.read(5)).toString()).toBe('first');
    const socket = upgraded.at(-1)!;
    await streamBothWays(channel, socket, { down: 8_000_000, up: 300_000 });
    channel.socket.destroy();
    await gone(socket);
  }

  test('alone', async () => {
    await using upstream = await start();
    await using nginx = await startNginx(upstream.server.port);
    await expectsBytesToPass(nginx.port, '/v1/via/main/v1/segments/a', upstream.upgraded);
  });

  test('behind a relay', async () => {
    await using upstream = await start();
    await using nginx = await startNginx(upstream.server.port);
    await using relay = await openRelay(nginx.url);
    await expectsBytesToPass(relay.port, '/v1/via/main/v1/via/main/v1/segments/a', upstream.upgraded);
    await eventually(() => relay.status().open === 0);
    const answer = await request(relay.port, '/v1/via/main/v1/via/main/v1/objects/a%20b?x=%2F', {
      headers: { Range: 'bytes=1-2' },
    });
    expect(answer.body.toString()).toBe('/v1/objects/a%20b?x=%2F bytes=1-2');
  });

  test('in front of a relay', async () => {
    await using upstream = await start();
    await using relay = await openRelay(upstream.server.url);
    await using nginx = await startNginx(relay.port);
    await expectsBytesToPass(nginx.port, '/v1/via/main/v1/via/main/v1/segments/a', upstream.upgraded);
    await eventually(() => relay.status().open === 0);
  });

  test('whose own upstream is dead: its answer comes back as it is', async () => {
    const upstream = await start();
    await using nginx = await startNginx(upstream.server.port);
    await upstream.server.close();
    await using relay = await openRelay(nginx.url);
    using channel = await openChannel(relay.port, '/v1/via/main/v1/via/main/v1/segments/a');
    expect(channel.head.status).toBe(502);
    expect((await channel.readAll()).toString()).toContain('nginx');
  });
});
