// The body of an intercepted answer: the proven blocks of the lead as they come, and behind them what a transfer over all
// routes brings, which begins meanwhile. What the lead fails to bring, or to prove, another transfer brings.
import { tellTransfer } from '../io/transfer-events.ts';
import type { Application } from './application.ts';
import { applicationSink, flowing } from './application-sink.ts';
import type { ApplicationSink } from './application-sink.ts';
import { tellIntercepted } from './events.ts';
import type { ObjectLead } from './lead.ts';
import { readLead } from './lead-body.ts';
import { BLOCK_BYTES } from './plan.ts';
import type { Span } from './plan.ts';
import { MOST_LEAD_BYTES } from './route-book.ts';
import type { Site } from './site.ts';

type Delivery = {
  readonly site: Site;
  readonly key: string;
  readonly lead: ObjectLead;
  readonly application: Application;
  readonly output: ApplicationSink;
};

/** Hands the wanted bytes to `application` and ends the answer. Rejects when they cannot be had. */
export async function deliver(site: Site, key: string, lead: ObjectLead, application: Application): Promise<void> {
  const output = applicationSink(application);
  const delivery: Delivery = { site, key, lead, application, output };
  application.attach(output);
  const { wanted } = lead.view;
  if (isUsable(lead)) await deliverLeadFirst(delivery);
  else {
    lead.answer.destroy();
    await transfer(delivery, wanted, Promise.resolve());
  }
  await flowing(application);
  application.end([]);
}

async function deliverLeadFirst(delivery: Delivery): Promise<void> {
  const { site, lead, application, output } = delivery;
  const { wanted, held } = lead.view;
  const handed = Promise.withResolvers<void>();
  const rest = transfer(delivery, { from: held.to, to: wanted.to }, handed.promise);
  // a failure shows where it is waited for
  rest.catch(() => undefined);
  const end = Math.min(held.to, wanted.to);
  const startedAt = performance.now();
  const { reached, end: how, waitedMs } = await readLead(lead, { from: wanted.from, to: end }, output);
  const ms = performance.now() - startedAt - waitedMs;
  tellTransfer(() => ({ type: 'lead', route: lead.route.name, bytes: Math.max(0, reached - wanted.from) }));
  if (how === 'whole') site.book.brought(lead.route, held.to - held.from, ms);
  else {
    if (application.signal.aborted) return;
    if (how === 'slow') site.book.dawdled(lead.route, ms);
    else if (how === 'wrong') site.book.lied(lead.route);
    else site.book.failed(lead.route);
    await transfer(delivery, { from: reached, to: end }, Promise.resolve());
  }
  handed.resolve();
  await rest;
}

/** Brings `span` over all routes; nothing of it is handed out before `before` settles. */
async function transfer(
  { site, key, lead, application, output }: Delivery,
  span: Span,
  before: Promise<void>,
): Promise<void> {
  if (span.from >= span.to) return;
  application.split();
  using early = site.takeSpares();
  const range = { first: span.from, last: span.to - 1 };
  const { root, size } = lead.view;
  const sink = { ...output.sink, begin: () => before };
  const report = await site.client.into(key, sink, { range, root, size, signal: application.signal, early }).done;
  for (const { name, rttMs } of report.routes) site.book.measured(name, rttMs);
  tellIntercepted({ origin: site.origin, key, report });
}

/** The lead holds whole blocks, few enough, with something that is wanted. */
function isUsable({ view: { held, wanted, size } }: ObjectLead): boolean {
  const whole = held.from % BLOCK_BYTES === 0 && (held.to % BLOCK_BYTES === 0 || held.to === size);
  const begins = held.from <= wanted.from && (wanted.from < held.to || wanted.from === wanted.to);
  return whole && begins && held.to - held.from <= MOST_LEAD_BYTES + BLOCK_BYTES;
}
