// The rows of a client's configuration file about where routes are looked for.
import { isIP } from 'node:net';
import { amounts } from '../protocol/settings/amount.ts';
import { group, listOf } from '../protocol/settings/collections.ts';
import type { Setting, SettingsTable } from '../protocol/settings/setting.ts';
import type { Sources } from '../protocol/settings/sources.ts';
import { text, webAddress } from '../protocol/settings/text.ts';
import type { DiscoveryOptions } from './discovery.ts';
import { DISCOVERY_TIMES } from './discovery-times.ts';
import type { DiscoveryTimes } from './discovery-times.ts';
import { bareHost } from '../protocol/host.ts';

/** A name to ask the DNS for: with `url` its host's addresses, with `service` the targets of that. */
type DnsSettings = {
  readonly name: string;
  readonly url?: string;
  readonly service?: string;
  readonly scheme?: string;
  readonly path?: string;
};

/** What the file may say of discovery. */
export type DiscoverySettings = {
  readonly origins?: readonly string[];
  readonly dns?: readonly DnsSettings[];
  readonly nameServers?: readonly string[];
  readonly times?: Partial<DiscoveryTimes>;
};

const DNS_SETTINGS: SettingsTable<DnsSettings> = {
  name: text({
    why: 'what the names of its routes begin with',
    required: true,
    pattern: /^[A-Za-z0-9][A-Za-z0-9._-]{0,19}$/,
    expects: 'up to 20 letters, digits, ".", "_" or "-", beginning with a letter or digit',
  }),
  url: webAddress({ why: 'base URL; each A and AAAA address of its host is a route', base: true }),
  service: text({
    why: 'instead of url: the name of SRV records; each of their targets is a route',
    pattern: /^_[A-Za-z0-9-]{1,63}\._(?:tcp|udp)\.[A-Za-z0-9._-]{1,230}$/,
    expects: 'a service such as _heddle._tcp.relays.example',
  }),
  scheme: text({
    why: 'how the targets of a service are asked; https unless said',
    pattern: /^https?$/,
    expects: 'http or https',
  }),
  path: text({
    why: "what follows a target's host and port in its base URL",
    pattern: /^\/[!-~]*$/,
    expects: 'a path such as /v1/via/main',
  }),
};

const DISCOVERY_SETTINGS: SettingsTable<DiscoverySettings> = {
  origins: listOf(webAddress({ why: 'base URL of an origin', base: true }), {
    why: 'origins that are asked for the routes that they publish, signed with their key',
  }),
  dns: listOf(group<DnsSettings>(DNS_SETTINGS, { why: 'one name' }), { why: 'names that the DNS is asked for' }),
  nameServers: listOf(
    text({
      why: 'a name server',
      pattern: /^(?:[0-9.]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$|^[0-9A-Fa-f:]+$/,
      expects: 'an address such as 10.0.0.53 or "[::1]:5353"',
    }),
    { why: "name servers to ask instead of the system's" },
  ),
  times: group<Partial<DiscoveryTimes>>(amounts(DISCOVERY_TIMES), { why: 'how often, and for how long' }),
};

/** Where routes are looked for. */
export const DISCOVERY: Setting<DiscoverySettings> = group(DISCOVERY_SETTINGS, {
  why: 'where routes are looked for besides those that are given',
});

/** What no single row can know. Throws `bad-configuration` with the place. */
export function checkDiscovery(said: DiscoverySettings, wrong: Sources<object>['wrong']): void {
  for (const [at, { url, service, scheme, path }] of (said.dns ?? []).entries()) {
    const place = `discovery.dns[${at}]`;
    if ((url === undefined) === (service === undefined)) {
      throw wrong(place, 'a name is looked up by its addresses or as a service; write url: or service:');
    }
    if (url === undefined) continue;
    const extra = scheme !== undefined ? 'scheme' : path !== undefined ? 'path' : undefined;
    if (extra !== undefined) throw wrong(`${place}.${extra}`, `${extra} is of services; write it into the url`);
    const host = new URL(url).hostname;
    if (isIP(bareHost(host)) !== 0) {
      throw wrong(`${place}.url`, `${host} is an address already; write a route for it, or a url with a name`);
    }
  }
  if ((said.dns ?? []).length + (said.origins ?? []).length === 0 && said.times === undefined) {
    throw wrong('discovery', '"discovery" names no place to look; write origins: or dns: below it');
  }
}

/** What discovery is told; undefined when it has nothing to ask. */
export function discoveryOf({
  origins = [],
  dns = [],
  nameServers,
  times,
}: DiscoverySettings): DiscoveryOptions | undefined {
  if (origins.length + dns.length === 0) return undefined;
  return {
    origins,
    dns: dns.map(({ name, url, service = '', scheme, path = '' }) =>
      url === undefined
        ? { type: 'service', name, service, scheme: scheme === 'http' ? 'http' : 'https', path }
        : { type: 'addresses', name, url },
    ),
    ...(nameServers === undefined ? {} : { nameServers }),
    ...(times === undefined ? {} : { times }),
  };
}
