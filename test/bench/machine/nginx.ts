// nginx as a peer: one process, its configuration written for one run, either serving a folder or proxying.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** One server block's content, by what it is for. */
export type NginxServer = { readonly listen: string } & (
  | { readonly type: 'files'; readonly root: string }
  /** `upstream` is HOST:PORT; `prefix` is taken off the path; `buffer` as nginx writes sizes. */
  | {
      readonly type: 'proxy';
      readonly upstream: string;
      readonly prefix: string;
      readonly buffer: string;
      /** Files to speak TLS with towards clients. */
      readonly tls?: { readonly certificate: string; readonly key: string } | undefined;
      /** The upstream speaks TLS; whoever it is, it is believed. */
      readonly secureUpstream?: boolean;
    }
);

/** Writes the configuration into `folder` under `name` and gives the command that runs it. */
export function nginxCommand(program: string, folder: string, name: string, server: NginxServer): string[] {
  const file = join(folder, `${name}.conf`);
  writeFileSync(file, configuration(join(folder, name), server));
  return [program, '-c', file, '-e', `${file}.err`];
}

function configuration(path: string, server: NginxServer): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
daemon off; master_process off; pid ${path}.pid; error_log ${path}.err crit;
events { worker_connections 4096; }
http {
  access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_timeout 75;
  ${temporary.map((kind) => `${kind}_temp_path ${path}.${kind};`).join(' ')}
  map $http_upgrade $connection_header { default upgrade; '' ''; }
  ${server.type === 'files' ? files(server) : proxy(server)}
}
`;
}

function files({ listen, root }: Extract<NginxServer, { type: 'files' }>): string {
  return `server { listen ${listen}; root ${root}; location / { autoindex off; } }`;
}

function proxy(server: Extract<NginxServer, { type: 'proxy' }>): string {
  const { listen, upstream, prefix, buffer, tls, secureUpstream = false } = server;
  return `
  upstream next { server ${upstream}; keepalive 32; }
  large_client_header_buffers 4 32k;
  server {
    listen ${listen}${tls === undefined ? '' : ' ssl'};
    ${tls === undefined ? '' : `ssl_certificate ${tls.certificate}; ssl_certificate_key ${tls.key}; ssl_protocols TLSv1.3;`}
    location ${prefix} {
      proxy_pass ${secureUpstream ? 'https' : 'http'}://next/; ${secureUpstream ? 'proxy_ssl_protocols TLSv1.3;' : ''}
      proxy_http_version 1.1; proxy_connect_timeout 2s; proxy_read_timeout 600s;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_header;
      proxy_buffering off; proxy_buffer_size ${buffer}; proxy_buffers 8 ${buffer}; proxy_busy_buffers_size ${buffer};
    }
  }`;
}
