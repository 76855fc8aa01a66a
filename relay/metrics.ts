// What a relay counts as it happens, for Prometheus. Labels are configured upstream names and words from fixed lists only.
// What is read from the running relay when somebody scrapes is metric-readings.ts.
import { Counter, Histogram, Registry } from 'prom-client';
import { addBuildInfo, addProcessMetrics, addReloadMetrics } from '../protocol/metrics/process-metrics.ts';
import type { SessionEnd } from './join.ts';
import { addReadings } from './metric-readings.ts';
import type { MetricSources } from './metric-readings.ts';
import { PROXY_ERRORS, REFUSAL_CODES, REFUSING_LIMITS } from './problem.ts';
import type { Refusal, RefusingLimit } from './problem.ts';

export type RelayMetrics = {
  readonly registry: Registry;
  refused(refusal: Refusal): void;
  joined(upstream: string): void;
  /** A session is over, for this reason, `openMs` after it was joined. */
  ended(end: SessionEnd, openMs: number): void;
  /** A connection was ended by this limit before there was a request. */
  limited(limit: RefusingLimit): void;
  /** Settings were read again. */
  reloaded(applied: boolean): void;
  /** An upstream's answer; `startedAt` is the monotonic time its request began. */
  answered(upstream: string, kind: 'upgrade' | 'plain', status: number, startedAt: number): void;
};

/** Seconds; a relay's upstream is a few milliseconds to one satellite hop away, an indexing origin up to 5 s. */
const ANSWER_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Seconds; from a channel that is replaced at once to a download of a night. */
const SESSION_SECONDS = [0.1, 1, 10, 60, 300, 1_800, 7_200, 28_800];

/** Why sessions end. */
const SESSION_ENDS: readonly SessionEnd[] = ['closed', 'idle', 'linger', 'token-ended', 'token-bytes', 'shutdown'];

export function createMetrics(sources: MetricSources): RelayMetrics {
  const registry = new Registry();
  const registers = [registry];
  addProcessMetrics(registry);
  addBuildInfo(registry, 'relay', sources.version);
  addReadings(registry, sources);
  const counter = <Label extends string>(name: string, help: string, ...labelNames: Label[]): Counter<Label> =>
    new Counter({ name: `heddle_relay_${name}`, help, labelNames, registers });
  const sessions = counter('sessions_total', 'Upgraded sessions joined since start', 'upstream');
  const ended = counter('sessions_ended_total', 'Sessions that are over, by what ended them', 'reason');
  const refused = counter('refused_total', 'Requests refused or not passed on, by error code', 'reason');
  const limited = counter('limited_total', 'Requests and connections turned away by a limit, by its name', 'limit');
  const errors = counter(
    'upstream_errors_total',
    'Requests that an upstream failed, by its error as in Proxy-Status',
    'upstream',
    'error',
  );
  const requests = counter(
    'requests_total',
    'Answers of upstreams, by kind of request and class of status',
    'upstream',
    'kind',
    'status',
  );
  const answerSeconds = new Histogram({
    name: 'heddle_relay_upstream_answer_seconds',
    help: 'From a request to the head of its answer, dialling included',
    labelNames: ['upstream', 'kind'],
    buckets: ANSWER_SECONDS,
    registers,
  });
  const sessionSeconds = new Histogram({
    name: 'heddle_relay_session_seconds',
    help: 'How long sessions were open',
    buckets: SESSION_SECONDS,
    registers,
  });
  // so that a first increase shows as one
  for (const upstream of sources.upstreams.keys()) sessions.inc({ upstream }, 0);
  for (const reason of REFUSAL_CODES) refused.inc({ reason }, 0);
  for (const reason of SESSION_ENDS) ended.inc({ reason }, 0);
  for (const limit of REFUSING_LIMITS) limited.inc({ limit }, 0);
  return {
    registry,
    refused: ({ code, limit, proxyError, upstream }) => {
      refused.inc({ reason: code });
      if (limit !== undefined) limited.inc({ limit });
      if (upstream === undefined) return;
      errors.inc({ upstream, error: PROXY_ERRORS.has(proxyError) ? proxyError : 'proxy_internal_error' });
    },
    joined: (upstream) => sessions.inc({ upstream }),
    ended: (reason, openMs) => {
      ended.inc({ reason });
      sessionSeconds.observe(openMs / 1_000);
    },
    limited: (limit) => limited.inc({ limit }),
    reloaded: addReloadMetrics(registry, 'relay'),
    answered: (upstream, kind, status, startedAt) => {
      requests.inc({ upstream, kind, status: `${Math.floor(status / 100)}xx` });
      answerSeconds.observe({ upstream, kind }, (performance.now() - startedAt) / 1_000);
    },
  };
}
