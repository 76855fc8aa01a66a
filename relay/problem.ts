// How the relay says no: one value per refusal, its HTTP status, the Proxy-Status error (RFC 9209) and the
// problem+json body (RFC 9457), the same for plain requests and refused upgrades. Decides nothing.
import { HEAD_LIMITS } from '../protocol/bad-head.ts';
import { asHeddleError, ERROR_CODES } from '../protocol/errors.ts';

/** A refusal as a value. */
export type Refusal = {
  readonly type: 'refused';
  readonly code: RefusalCode;
  readonly status: number;
  /** One sentence for a person. Never holds a token, an address of the inside or a header value. */
  readonly detail: string;
  /** The error token of Proxy-Status. */
  readonly proxyError: string;
  /** Configured name of the upstream that it is about. */
  readonly upstream?: string | undefined;
  readonly headers?: readonly (readonly [string, string])[] | undefined;
  /** The limit that it is due to. */
  readonly limit?: RefusingLimit | undefined;
};

/** The limits that turn requests and connections away. */
export type RefusingLimit =
  | 'sessions'
  | 'token-sessions'
  | 'token-bytes'
  | 'connections'
  | (typeof HEAD_LIMITS)[number];
export const REFUSING_LIMITS: readonly RefusingLimit[] = [
  'sessions',
  'token-sessions',
  'token-bytes',
  'connections',
  ...HEAD_LIMITS,
];

/** Status and Proxy-Status error of what a relay refuses with; the codes are the reasons of its metric. */
const REFUSALS = {
  'bad-request': { status: 400, proxyError: 'http_request_error' },
  refused: { status: 403, proxyError: 'http_request_denied' },
  'unknown-upstream': { status: 404, proxyError: 'destination_not_found' },
  'loop-detected': { status: 508, proxyError: 'proxy_loop_detected' },
  overloaded: { status: 503, proxyError: 'connection_limit_reached' },
  draining: { status: 503, proxyError: 'proxy_internal_response' },
  unreachable: { status: 502, proxyError: 'destination_unavailable' },
  'connection-lost': { status: 502, proxyError: 'connection_terminated' },
  'handshake-failed': { status: 502, proxyError: 'http_upgrade_failed' },
  timeout: { status: 504, proxyError: 'http_response_timeout' },
  internal: { status: 500, proxyError: 'proxy_internal_error' },
} as const;

/** The codes a relay refuses with. */
export type RefusalCode = keyof typeof REFUSALS;
export const REFUSAL_CODES: readonly RefusalCode[] = Object.keys(REFUSALS) as RefusalCode[];

type RefusalDetails = Partial<Pick<Refusal, 'status' | 'detail' | 'proxyError' | 'upstream' | 'headers' | 'limit'>>;

/** A refusal with the usual status and error of its code, unless `details` say otherwise. */
export function refuse(code: RefusalCode, details: RefusalDetails = {}): Refusal {
  return { type: 'refused', code, detail: ERROR_CODES[code].text, ...REFUSALS[code], ...details };
}

/** What a failure on the way to `upstream` is answered with. */
export function refuseAfter(error: unknown, upstream: string): Refusal {
  const failure = asHeddleError(error);
  const code = failure.code in REFUSALS ? (failure.code as RefusalCode) : 'internal';
  const proxyError = proxyErrorOf(failure.cause);
  const detail = `upstream "${upstream}": ${ERROR_CODES[code].text}`;
  return refuse(code, { upstream, detail, ...(proxyError === undefined ? {} : { proxyError }) });
}

/** Headers and body of a refusal. `pseudonym` is the relay's name in Via and Proxy-Status. */
export function formatRefusal(refusal: Refusal, pseudonym: string): { headers: [string, string][]; body: string } {
  const body = JSON.stringify({
    type: 'about:blank',
    title: ERROR_CODES[refusal.code].text,
    status: refusal.status,
    code: refusal.code,
    detail: refusal.detail,
  });
  const nextHop = refusal.upstream === undefined ? '' : `; next-hop="${refusal.upstream}"`;
  const headers: [string, string][] = [
    ['Content-Type', 'application/problem+json'],
    ['Content-Length', String(Buffer.byteLength(body))],
    ['Cache-Control', 'no-store'],
    ['Proxy-Status', `${pseudonym}; error=${refusal.proxyError}${nextHop}`],
    ...(refusal.headers ?? []).map(([name, value]): [string, string] => [name, value]),
  ];
  return { headers, body };
}

// The system's code of a failed dial, in the words of RFC 9209.
const DIAL_ERRORS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection_refused',
  ECONNRESET: 'connection_terminated',
  EPIPE: 'connection_terminated',
  ENOTFOUND: 'dns_error',
  EAI_AGAIN: 'dns_timeout',
  ETIMEDOUT: 'connection_timeout',
  EHOSTUNREACH: 'destination_ip_unroutable',
  ENETUNREACH: 'destination_ip_unroutable',
};

function proxyErrorOf(cause: unknown): string | undefined {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (/CERT|SELF_SIGNED|ALTNAME|UNABLE_TO_/.test(code)) return 'tls_certificate_error';
  if (/^(ERR_SSL|ERR_TLS|EPROTO)/.test(code)) return 'tls_protocol_error';
  return DIAL_ERRORS[code];
}

/** Every error that a refusal may name: the labels of its metric. */
export const PROXY_ERRORS: ReadonlySet<string> = new Set([
  ...Object.values(REFUSALS).map(({ proxyError }) => proxyError),
  ...Object.values(DIAL_ERRORS),
  'tls_certificate_error',
  'tls_protocol_error',
]);
