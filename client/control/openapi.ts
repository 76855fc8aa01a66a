// The OpenAPI 3.1 description of the control interface, for those who make clients of it. Written once, here and in
// schemas.ts; a test asks every path of the server and holds every answer against it.
import { SCHEMAS } from './schemas.ts';
import type { Schema } from './schemas.ts';

/** Version of the interface, not of the program: the first number changes when something a reader relies on does. */
const VERSION = '1.0.0';

const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });
const json = (schema: Schema): Schema => ({ 'application/json': { schema } });

const PROBLEMS: Readonly<Record<number, string>> = {
  400: 'The request makes no sense.',
  401: 'The token is missing or wrong.',
  403: 'A page of another site may not ask.',
  404: 'Nothing is there.',
  409: 'The transfer has ended.',
  413: 'The body is too large.',
  415: 'The body is not JSON.',
  421: 'The Host is none of this interface.',
  500: 'A broken invariant; please report it.',
  503: 'Too many streams are open.',
};
/** What any request may be answered. */
const ALWAYS = [401, 403, 421, 500];

type Operation = {
  readonly says: string;
  readonly answer: Schema;
  /** Besides ALWAYS. */
  readonly problems?: readonly number[];
  readonly body?: string;
  readonly parameters?: readonly Schema[];
};

const inPath = (name: string, description: string): Schema => ({
  name,
  in: 'path',
  required: true,
  description,
  schema: { type: 'string' },
});
const inQuery = (name: string, description: string, schema: Schema): Schema => ({
  name,
  in: 'query',
  description,
  schema,
});
const id = inPath('id', 'The id of the transfer.');
const events = (name: string): Schema => ({ 'text/event-stream': { schema: ref(name) } });
const command = (says: string, answer: string, more: Partial<Operation> = {}): Operation => ({
  says,
  answer: json(ref(answer)),
  problems: [400, 404, 409],
  parameters: [id],
  ...more,
});

const PATHS: Readonly<Record<string, Readonly<Record<string, Operation>>>> = {
  '/v1/transfers': {
    get: {
      says: 'All transfers that run, and the last that ended, the newest first.',
      answer: json({
        type: 'object',
        properties: { transfers: { type: 'array', items: ref('TransferSummary') } },
        required: ['transfers'],
      }),
    },
  },
  '/v1/requests': {
    get: {
      says: 'Requests of a proxy that are not split, and tunnels: those that run, and the last that ended, the newest first.',
      answer: json({
        type: 'object',
        properties: { requests: { type: 'array', items: ref('PlainRequest') } },
        required: ['requests'],
      }),
    },
  },
  '/v1/transfers/{id}': {
    get: {
      says: 'Everything about one transfer.',
      answer: json(ref('TransferSnapshot')),
      problems: [404],
      parameters: [id],
    },
  },
  '/v1/transfers/{id}/segments': {
    get: command('Which route brought each segment of a stretch.', 'SegmentRuns', {
      parameters: [
        id,
        inQuery('first', 'The first segment.', { type: 'integer', minimum: 0, default: 0 }),
        inQuery('count', 'How many.', { type: 'integer', minimum: 1, maximum: 65_536, default: 4_096 }),
      ],
    }),
  },
  '/v1/transfers/{id}/pause': {
    post: command('Ask for nothing more; what was asked for still comes.', 'TransferSummary'),
  },
  '/v1/transfers/{id}/resume': { post: command('Go on.', 'TransferSummary') },
  '/v1/transfers/{id}/cancel': {
    post: command('End it; what a file has got so far can be resumed.', 'TransferSummary'),
  },
  '/v1/transfers/{id}/routes/{name}': {
    put: command('Prefer, exclude or limit a route.', 'RouteState', {
      body: 'RouteCommand',
      parameters: [id, inPath('name', 'The name of the route.')],
    }),
  },
  '/v1/transfers/{id}/limits': {
    put: command('Limit the rate and the cost of a transfer.', 'Limits', { body: 'LimitsCommand' }),
  },
  '/v1/transfers/{id}/ranges': {
    post: command('Bring these bytes before all others.', 'TransferSummary', { body: 'RangesCommand' }),
  },
  '/v1/transfers/{id}/events': {
    get: {
      says: 'What happens to one transfer, until it has ended: `snapshot` first. `data:` of each event is a DetailEvent.',
      answer: events('DetailEvent'),
      problems: [404, 503],
      parameters: [id],
    },
  },
  '/v1/events': {
    get: {
      says: 'What happens to all transfers: `transfers` first. `data:` of each event is an OverviewEvent.',
      answer: events('OverviewEvent'),
      problems: [503],
    },
  },
  '/v1/openapi.json': { get: { says: 'This description.', answer: json({ type: 'object' }) } },
};

/** The description. */
export function openApi(): Schema {
  const paths = Object.entries(PATHS).map(([path, operations]) => [
    path,
    Object.fromEntries(Object.entries(operations).map(([method, operation]) => [method, described(operation)])),
  ]);
  return {
    openapi: '3.1.1',
    info: {
      title: 'Heddle control interface',
      version: VERSION,
      description:
        'Transfers of one process: what they do, and what they are to do. Times in ms, sizes in bytes, rates in bytes ' +
        'per second; what is not known is null. Fields may be added: ignore what you do not know.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    security: [{ token: [] }],
    paths: {
      ...Object.fromEntries(paths),
      '/': { get: { summary: 'The page.', security: [], responses: { 200: { description: 'HTML.' } } } },
    },
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'Over TCP; a unix socket is guarded by its mode.' },
      },
      schemas: SCHEMAS,
    },
  };
}

function described({ says, answer, body, parameters, problems = [] }: Operation): Schema {
  const refusals = [...problems, ...(body === undefined ? [] : [413, 415]), ...ALWAYS];
  const problem = { 'application/problem+json': { schema: ref('Problem') } };
  return {
    summary: says,
    ...(parameters === undefined ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { required: true, content: json(ref(body)) } }),
    responses: {
      200: { description: 'Done, or as it is now.', content: answer },
      ...Object.fromEntries(refusals.map((status) => [status, { description: PROBLEMS[status], content: problem }])),
    },
  };
}
