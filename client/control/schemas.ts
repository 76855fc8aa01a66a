// The shapes of messages.ts as JSON Schema: what the OpenAPI description names, and what bodies of commands are checked
// with. A test holds both together: every answer and event of the server is checked against these.
import { ERROR_CODES } from '../../protocol/errors.ts';

/** A JSON Schema (draft 2020-12, as OpenAPI 3.1 has it). */
export type Schema = { readonly [keyword: string]: unknown };

const text: Schema = { type: 'string' };
const count: Schema = { type: 'integer', minimum: 0 };
const number: Schema = { type: 'number' };
const yesOrNo: Schema = { type: 'boolean' };
const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });
const listOf = (items: Schema): Schema => ({ type: 'array', items });
const oneOf = (...values: readonly string[]): Schema => ({ type: 'string', enum: values });
const orNull = (schema: Schema): Schema => ({ anyOf: [schema, { type: 'null' }] });
/** An object; every key is there but those that end in "?". */
const record = (properties: Readonly<Record<string, Schema>>): Schema => {
  const entries = Object.entries(properties).map(([key, schema]) => [key.replace('?', ''), schema] as const);
  const required = Object.keys(properties).filter((key) => !key.endsWith('?'));
  return { type: 'object', properties: Object.fromEntries(entries), ...(required.length > 0 ? { required } : {}) };
};
const exactly = (properties: Readonly<Record<string, Schema>>): Schema => ({
  ...record(properties),
  additionalProperties: false,
});
const runOf = (name: Schema): Schema => ({
  type: 'array',
  prefixItems: [name, count],
  items: false,
  minItems: 2,
});

const preference = oneOf('prefer', 'normal', 'exclude');
const limit: Schema = { type: ['number', 'null'] };

/** Bodies of commands. */
export const ROUTE_COMMAND: Schema = exactly({ 'preference?': preference, 'maxBytesPerSecond?': limit });
export const LIMITS_COMMAND: Schema = exactly({ 'maxBytesPerSecond?': limit, 'costBudget?': limit });
export const RANGES_COMMAND: Schema = exactly({
  ranges: { type: 'array', items: exactly({ first: count, 'last?': count }), maxItems: 256 },
});

const figures = {
  name: text,
  share: number,
  bytesPerSecond: number,
  carriedBytesPerSecond: number,
  latencyMs: orNull(number),
  leastLatencyMs: orNull(number),
  bytes: count,
  segments: count,
  hedges: count,
  corrupt: count,
  outBytes: count,
  windowBytes: count,
  connections: count,
};

const summary = {
  id: text,
  key: text,
  target: orNull(text),
  output: oneOf('order', 'any'),
  state: ref('TransferState'),
  fault: orNull(ref('Fault')),
  startedAt: number,
  elapsedMs: number,
  progress: ref('Progress'),
};

/** An event of `type`, with what it says. */
const told = (type: string, says: Readonly<Record<string, Schema>>): Schema =>
  record({ type: oneOf(type), id: count, at: number, transfer: text, ...says });

const events: Readonly<Record<string, Schema>> = {
  transfers: told('transfers', { transfers: listOf(ref('TransferSummary')) }),
  started: told('started', { summary: ref('TransferSummary') }),
  progress: told('progress', { elapsedMs: number, progress: ref('Progress') }),
  state: told('state', { state: ref('TransferState') }),
  ended: told('ended', { summary: ref('TransferSummary') }),
  requests: told('requests', { requests: listOf(ref('PlainRequest')) }),
  lost: told('lost', { events: count }),
  snapshot: told('snapshot', { snapshot: ref('TransferSnapshot') }),
  routes: told('routes', { routes: listOf(ref('RouteFigures')) }),
  route: told('route', { route: ref('RouteState') }),
  pattern: told('pattern', { pattern: ref('PatternPicture') }),
  cells: told('cells', { cells: listOf(ref('SegmentCell')) }),
  hedge: told('hedge', { route: text, segments: count }),
  corrupt: told('corrupt', { route: text, count }),
  limits: told('limits', { limits: ref('Limits') }),
  raised: told('raised', { ranges: listOf(ref('ByteRange')) }),
  warning: told('warning', { fault: ref('Fault') }),
};

/** All shapes by their names in messages.ts. */
export const SCHEMAS: Readonly<Record<string, Schema>> = {
  TransferState: oneOf('running', 'paused', 'done', 'failed', 'cancelled'),
  Fault: record({ code: oneOf(...Object.keys(ERROR_CODES)), message: text }),
  Progress: record({
    bytes: orNull(count),
    receivedBytes: count,
    resumedBytes: count,
    bytesPerSecond: number,
    inOrderBytes: count,
    reorderBytes: count,
    wasteBytes: count,
    hedges: count,
    corrupt: count,
    patterns: count,
    cost: number,
  }),
  TransferSummary: record(summary),
  PlainRequest: record({
    id: text,
    type: oneOf('request', 'tunnel'),
    method: text,
    target: text,
    state: oneOf('running', 'done', 'failed'),
    fault: orNull(ref('Fault')),
    status: orNull(count),
    receivedBytes: count,
    sentBytes: orNull(count),
    startedAt: number,
    elapsedMs: count,
  }),
  TransferSnapshot: record({
    ...summary,
    root: orNull(text),
    size: orNull(count),
    segmentBytes: count,
    reorderLimitBytes: count,
    limits: ref('Limits'),
    routes: listOf(ref('RouteState')),
    pattern: orNull(ref('PatternPicture')),
    segments: orNull(ref('SegmentMap')),
  }),
  Limits: record({ maxBytesPerSecond: limit, costBudget: limit }),
  LimitsCommand: LIMITS_COMMAND,
  RouteCommand: ROUTE_COMMAND,
  RangesCommand: RANGES_COMMAND,
  ByteRange: record({ first: count, 'last?': count }),
  RouteFigures: record(figures),
  RouteState: record({
    ...figures,
    url: text,
    mirror: yesOrNo,
    state: oneOf('connecting', 'active', 'standby', 'stalled', 'down', 'excluded'),
    preference,
    role: oneOf('active', 'standby', 'probing'),
    fault: orNull(ref('Fault')),
    isSetAside: yesOrNo,
    sharesWith: listOf(text),
    hops: orNull(count),
    maxBytesPerSecond: limit,
    quotaLeftBytes: orNull(number),
    ranking: record({ score: number, parts: listOf(ref('RankingReason')) }),
  }),
  RankingReason: record({
    part: oneOf('external', 'throughput', 'latency', 'hops', 'distance', 'cost'),
    value: orNull(number),
    grade: number,
    weight: number,
    points: number,
  }),
  PatternPicture: record({
    epoch: count,
    from: count,
    to: orNull(count),
    leadLength: count,
    lead: listOf(runOf(orNull(text))),
    cycle: listOf(runOf(orNull(text))),
  }),
  SegmentMap: record({ first: count, count, perCell: count, cells: listOf(ref('SegmentCell')) }),
  SegmentCell: record({
    at: count,
    length: count,
    by: listOf(count),
    'earlier?': count,
    'hedged?': count,
    'corrupt?': count,
  }),
  SegmentRuns: record({ first: count, count, runs: listOf(runOf(orNull(text))) }),
  Problem: record({
    type: oneOf('about:blank'),
    title: text,
    status: count,
    code: oneOf(...Object.keys(ERROR_CODES)),
    'detail?': text,
  }),
  OverviewEvent: {
    anyOf: ['transfers', 'started', 'progress', 'state', 'ended', 'requests', 'lost'].map((type) => events[type]),
  },
  DetailEvent: {
    anyOf: Object.entries(events).flatMap(([type, schema]) =>
      ['transfers', 'started', 'requests'].includes(type) ? [] : [schema],
    ),
  },
};
