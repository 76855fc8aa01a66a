// Where a request to the local proxy goes: on to a web origin, to an object of the gateway, or nowhere, with a reason.
// Pure: the request line and a few headers in, a decision out. What is split is the interceptor's decision.
import { decodeKey, encodeKey } from '../../protocol/paths.ts';

/** What of a request decides. */
export type ProxyRequest = {
  readonly method: string;
  /** As it stands in the request line. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
};

/** What the proxy is configured with. */
export type ProxySettings = {
  /** `host:port` names under which the gateway may be asked, lower-case. */
  readonly ownHosts: readonly string[];
  /** Web origins that the gateway reaches by `/http/…` and `/https/…`. */
  readonly origins: readonly string[];
  /** The web origin whose `/v1/objects/` the gateway's `/o/` stands for; undefined when there is none. */
  readonly objects: string | undefined;
};

/** A request's destination. 'gateway' answers are for browsers as well and are told not to trust each other. */
export type Target =
  | { readonly type: 'forward' | 'gateway'; readonly origin: string; readonly path: string }
  | { readonly type: 'about' }
  | { readonly type: 'refused'; readonly status: number; readonly detail: string };

/** Stands for the gateway's `/o/` inside; never resolved. */
export const OBJECTS_ORIGIN = 'http://objects.heddle.invalid';
/** What the gateway answers. */
const GATEWAY_METHODS: readonly string[] = ['GET', 'HEAD'];

/** The destination of `request`. */
export function targetOf(request: ProxyRequest, settings: ProxySettings): Target {
  const { target } = request;
  const absolute = /^(https?):\/\/([^/?#]*)(.*)$/i.exec(target);
  if (absolute !== null) {
    const [, scheme = '', authority = '', rest = ''] = absolute;
    const url = authority.includes('@') ? null : URL.parse(`${scheme}://${authority}`);
    if (url === null || rest.includes('#')) return refused(400, 'the target is not an http or https URL');
    const own = url.protocol === 'http:' && settings.ownHosts.includes(withPort(url));
    if (own) return gatewayTarget({ ...request, target: rest === '' ? '/' : rest }, settings, withPort(url));
    return { type: 'forward', origin: url.origin, path: rest.startsWith('/') ? rest : `/${rest}` };
  }
  if (!target.startsWith('/')) return refused(400, 'the target is neither a path nor an http or https URL');
  const { host } = request.headers;
  return gatewayTarget(request, settings, typeof host === 'string' ? host.toLowerCase() : '');
}

/** A request for the proxy itself. It comes from a program of this machine, or from any page that a browser shows. */
function gatewayTarget(request: ProxyRequest, settings: ProxySettings, host: string): Target {
  // a name that a stranger's DNS leads here is not one of ours (DNS rebinding)
  if (!settings.ownHosts.includes(host.includes(':') ? host : `${host}:80`)) {
    return refused(
      421,
      `this is not ${host === '' ? 'anything without a Host' : host}; ask for ${settings.ownHosts[0]}`,
    );
  }
  if (isCrossSite(request.headers, settings.ownHosts)) return refused(403, 'pages of other sites may not ask here');
  if (!GATEWAY_METHODS.includes(request.method)) return refused(405, 'the gateway answers GET and HEAD');
  const { target } = request;
  if (target === '/') return { type: 'about' };
  if (target.startsWith('/o/')) return objectTarget(target.slice('/o/'.length), settings);
  const [, scheme, authority = '', rest = '/'] = /^\/(https?)\/([^/?#]+)(\/.*)?$/.exec(target) ?? [];
  if (scheme === undefined) return refused(404, 'nothing is served here; see / for what is');
  const origin = URL.parse(`${scheme}://${authority}`)?.origin;
  if (origin === undefined || !settings.origins.includes(origin)) {
    return refused(403, `${scheme}://${authority} is not among the configured origins`);
  }
  return { type: 'gateway', origin, path: rest };
}

function objectTarget(encoded: string, { objects }: ProxySettings): Target {
  if (objects === undefined) return refused(404, 'no routes are configured for /o/');
  const [path = ''] = encoded.split('?', 1);
  try {
    return { type: 'gateway', origin: objects, path: `/v1/objects/${encodeKey(decodeKey(path))}` };
  } catch {
    return refused(400, 'the path names no key');
  }
}

/** Browsers say whose page asks; programs say nothing. */
function isCrossSite(headers: ProxyRequest['headers'], ownHosts: readonly string[]): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  const { origin } = headers;
  return origin !== undefined && !ownHosts.some((host) => origin === `http://${host}`);
}

function withPort(url: URL): string {
  return url.port === '' ? `${url.hostname}:80` : url.host;
}

function refused(status: number, detail: string): Target {
  return { type: 'refused', status, detail };
}
