// The paths of the control interface: each asks the list of transfers and answers in the words of messages.ts. Whether a
// request may ask at all is decided before (guard.ts); openapi.ts describes the same to others.
import type { FastifyInstance, FastifyReply } from 'fastify';
import { HeddleError } from '../../protocol/errors.ts';
import type { ByteRange } from '../options.ts';
import { sendEvents } from './event-stream.ts';
import type { ControlEvent, Limits, RouteCommand } from './messages.ts';
import { openApi } from './openapi.ts';
import { Refused } from './problem.ts';
import { LIMITS_COMMAND, RANGES_COMMAND, ROUTE_COMMAND } from './schemas.ts';
import type { TrackedTransfer } from './tracked-transfer.ts';
import type { TransferList } from './transfer-list.ts';

/** Streams of events at one time. */
const MOST_STREAMS = 64;
/** Segments that are told when nobody says how many. */
const USUAL_SEGMENTS = 4_096;

type Named = { Params: { id: string } };

/** Adds all paths below /v1. `streams` holds the streams that are open. */
export function addApi(app: FastifyInstance, transfers: TransferList, streams: Set<Promise<void>>): void {
  const find = (id: string): TrackedTransfer => {
    const transfer = transfers.get(id);
    if (transfer === undefined) throw new Refused(404, `there is no transfer ${id}`);
    return transfer;
  };
  const command = (path: string, run: (transfer: TrackedTransfer) => void): void => {
    app.post<Named>(`/v1/transfers/:id/${path}`, async ({ params: { id } }) => {
      const transfer = find(id);
      run(transfer);
      return transfer.summary();
    });
  };
  const stream = (reply: FastifyReply, read: (signal: AbortSignal) => AsyncIterable<ControlEvent>): void => {
    if (streams.size >= MOST_STREAMS) throw new HeddleError('overloaded', `${MOST_STREAMS} streams are open already`);
    reply.hijack();
    const sent = sendEvents(read, reply.raw).finally(() => streams.delete(sent));
    streams.add(sent);
  };

  app.get('/v1/transfers', async () => ({ transfers: transfers.list().map((transfer) => transfer.summary()) }));
  app.get('/v1/requests', async () => ({ requests: transfers.requests.list() }));
  app.get<Named>('/v1/transfers/:id', async ({ params }) => find(params.id).snapshot());
  app.get<Named & { Querystring: { first?: string; count?: string } }>(
    '/v1/transfers/:id/segments',
    async ({ params, query: { first = '0', count = String(USUAL_SEGMENTS) } }) =>
      find(params.id).segments(Number(first), Number(count)),
  );
  command('pause', (transfer) => transfer.pause());
  command('resume', (transfer) => transfer.resume());
  command('cancel', (transfer) => transfer.cancel());
  app.put<{ Params: { id: string; name: string }; Body: RouteCommand }>(
    '/v1/transfers/:id/routes/:name',
    { schema: { body: ROUTE_COMMAND } },
    async ({ params: { id, name }, body }) => {
      const transfer = find(id);
      if (!transfer.snapshot().routes.some((route) => route.name === name)) {
        throw new Refused(404, `transfer ${id} has no route ${name}`);
      }
      return transfer.steer(name, body);
    },
  );
  app.put<Named & { Body: Partial<Limits> }>(
    '/v1/transfers/:id/limits',
    { schema: { body: LIMITS_COMMAND } },
    async ({ params: { id }, body }) => find(id).limit(body),
  );
  app.post<Named & { Body: { ranges: ByteRange[] } }>(
    '/v1/transfers/:id/ranges',
    { schema: { body: RANGES_COMMAND } },
    async ({ params: { id }, body: { ranges } }) => {
      const transfer = find(id);
      transfer.raise(ranges);
      return transfer.summary();
    },
  );
  app.get('/v1/events', (_request, reply) => stream(reply, (signal) => transfers.events(signal)));
  app.get<Named>('/v1/transfers/:id/events', ({ params: { id } }, reply) => {
    find(id);
    stream(reply, (signal) => transfers.eventsOf(id, signal));
  });
  app.get('/v1/openapi.json', async () => openApi());
}
