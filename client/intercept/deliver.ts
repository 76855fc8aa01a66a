// The body of an intercepted answer: the proven blocks of the lead at once, and behind them what a transfer over all
// routes brings, which begins meanwhile. A lead that stays out or does not prove itself is replaced by a transfer.
import { parseRoot } from '../../protocol/manifest.ts';
import type { Application } from './application.ts';
import { applicationSink, flowing } from './application-sink.ts';
import { tellIntercepted } from './events.ts';
import type { ObjectLead } from './lead.ts';
import { BLOCK_BYTES } from './plan.ts';
import type { Span } from './plan.ts';
import { provesBlocks } from './proof.ts';
import type { PlainRoute } from './route-book.ts';
import type { Site } from './site.ts';

/** Bytes of the longest lead. */
const MOST_LEAD_BYTES = 2 * BLOCK_BYTES;
/** ms of silence after which a lead's body is given up: this many times what its head took, within bounds. */
const SILENCE_FACTOR = 4;
const LEAST_SILENCE_MS = 300;
const MOST_SILENCE_MS = 3_000;

type Delivery = {
  readonly site: Site;
  readonly key: string;
  readonly lead: ObjectLead;
  readonly application: Application;
};

/** Hands the wanted bytes to `application` and ends the answer. Rejects when they cannot be had. */
export async function deliver(site: Site, key: string, lead: ObjectLead, application: Application): Promise<void> {
  const delivery: Delivery = { site, key, lead, application };
  const { wanted } = lead.view;
  if (isUsable(lead)) await deliverLeadFirst(delivery);
  else {
    lead.answer.destroy();
    await transfer(delivery, wanted, Promise.resolve(), application.signal);
  }
  await flowing(application);
  application.end([]);
}

async function deliverLeadFirst(delivery: Delivery): Promise<void> {
  const { site, lead, application } = delivery;
  const { wanted, held } = lead.view;
  const handed = Promise.withResolvers<void>();
  const stop = new AbortController();
  const ended = AbortSignal.any([application.signal, stop.signal]);
  const behind = { from: held.to, to: wanted.to };
  const rest = behind.from < behind.to ? transfer(delivery, behind, handed.promise, ended) : Promise.resolve();
  // a failure shows where it is waited for
  rest.catch(() => undefined);
  const blocks = await provenBlocks(lead);
  if (blocks === undefined) {
    if (application.signal.aborted) return;
    site.book.failed(lead.route);
    stop.abort(new Error('the lead failed'));
    await transfer(delivery, wanted, Promise.resolve(), application.signal);
    return;
  }
  await flowing(application);
  const part = blocks.subarray(wanted.from - held.from, Math.min(wanted.to, held.to) - held.from);
  if (part.length > 0) application.data(part);
  handed.resolve();
  await rest;
}

/** The lead's body if it comes and is the object's. */
async function provenBlocks({ answer, pages, view, manifest, route }: ObjectLead): Promise<Buffer | undefined> {
  try {
    const [bytes, proof] = await Promise.all([answer.collect(MOST_LEAD_BYTES, silenceOf(route)), pages]);
    const root = parseRoot(view.root);
    const whole = bytes.length === view.held.to - view.held.from;
    return whole && root !== undefined && provesBlocks(bytes, view.held.from, { ...manifest, root }, proof)
      ? bytes
      : undefined;
  } catch {
    return undefined;
  }
}

/** Brings `span` over all routes, once `before` has settled. */
async function transfer(
  { site, key, lead, application }: Delivery,
  span: Span,
  before: Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  if (span.from >= span.to) return;
  const { sink, flow } = applicationSink(application, before);
  void before.then(() => application.attach(flow));
  using early = site.takeSpares();
  const range = { first: span.from, last: span.to - 1 };
  const report = await site.client.into(key, sink, { range, root: lead.view.root, signal, early }).done;
  for (const { name, rttMs } of report.routes) site.book.measured(name, rttMs);
  tellIntercepted({ origin: site.origin, key, report });
}

/** The lead holds whole blocks, few enough to be kept, with something that is wanted. */
function isUsable({ view: { held, wanted, size } }: ObjectLead): boolean {
  const whole = held.from % BLOCK_BYTES === 0 && (held.to % BLOCK_BYTES === 0 || held.to === size);
  const begins = held.from <= wanted.from && (wanted.from < held.to || wanted.from === wanted.to);
  return whole && begins && held.to - held.from <= MOST_LEAD_BYTES;
}

function silenceOf({ headMs = 0 }: PlainRoute): number {
  return Math.min(MOST_SILENCE_MS, Math.max(LEAST_SILENCE_MS, SILENCE_FACTOR * headMs));
}
