// The body of a lead: block by block, each proven before it is handed on. Stops at the first that is missing or wrong.
import type { ProofPage } from '../../protocol/frames.ts';
import { parseRoot } from '../../protocol/manifest.ts';
import type { ApplicationSink } from './application-sink.ts';
import type { ObjectLead } from './lead.ts';
import type { Flow } from './plain-answer.ts';
import { BLOCK_BYTES } from './plan.ts';
import type { Span } from './plan.ts';
import { provesBlock } from './proof.ts';
import type { Provable } from './proof.ts';
import type { PlainRoute } from './route-book.ts';

/** ms of silence after which a lead is given up: this many times what its head took, within bounds. */
const SILENCE_FACTOR = 4;
const LEAST_SILENCE_MS = 300;
const MOST_SILENCE_MS = 3_000;
/** How often that is until all of it must be here: a thin route with a quick head is not to be waited for. */
const PATIENCES = 3;

/** How a lead went: up to which offset it was handed on, and why not further. */
export type LeadOutcome = {
  readonly reached: number;
  readonly end: 'whole' | 'broken' | 'slow' | 'wrong';
  /** ms that it waited for the application: they say nothing about the route. */
  readonly waitedMs: number;
};

/** Hands `wanted` of the lead to `output`. Never rejects. */
export async function readLead(lead: ObjectLead, wanted: Span, output: ApplicationSink): Promise<LeadOutcome> {
  const { answer, manifest, route, view } = lead;
  const { promise, resolve } = Promise.withResolvers<LeadOutcome>();
  const pages = await within(lead.pages, silenceOf(route));
  const object: Provable = { size: manifest.size, root: parseRoot(view.root) ?? new Uint8Array(), pages };
  let at = view.held.from;
  let came: Buffer[] = [];
  let bytes = 0;
  /** Blocks that the application has not taken yet. */
  let waiting = 0;
  let waitsSince: number | undefined;
  let waitedMs = 0;
  let flow: Flow = { pause: () => {}, resume: () => {} };
  let outcome: LeadOutcome['end'] | undefined;

  const settle = (): void => {
    const reached = Math.max(wanted.from, Math.min(at, wanted.to));
    if (outcome === undefined || waiting > 0) return;
    resolve({ reached, end: reached < wanted.to ? outcome : 'whole', waitedMs });
  };
  const end = (how: LeadOutcome['end']): void => {
    if (outcome !== undefined) return;
    outcome = how;
    clearTimeout(silence);
    clearTimeout(limit);
    answer.destroy();
    settle();
  };
  const silence = setTimeout(() => {
    // who does not take what is here cannot expect more
    if (waiting > 0) silence.refresh();
    else end('slow');
  }, silenceOf(route));
  const limit = setTimeout(() => {
    if (waiting > 0) limit.refresh();
    else end('slow');
  }, PATIENCES * silenceOf(route));
  const hand = (block: Buffer): void => {
    const part = block.subarray(Math.max(0, wanted.from - at), Math.max(0, wanted.to - at));
    waiting += 1;
    output.sink.put(at, part, () => {
      waiting -= 1;
      if (waiting === 0 && waitsSince !== undefined) waitedMs += performance.now() - waitsSince;
      if (waiting === 0) waitsSince = undefined;
      if (outcome !== undefined) settle();
      else if (waiting === 0) flow.resume();
    });
    at += block.length;
    if (waiting === 0) return;
    waitsSince ??= performance.now();
    flow.pause();
  };
  const take = (): void => {
    for (;;) {
      const length = Math.min(BLOCK_BYTES, view.held.to - at);
      if (outcome !== undefined || bytes < length || length === 0) return;
      const all = Buffer.concat(came);
      const block = all.subarray(0, length);
      came = [all.subarray(length)];
      bytes -= length;
      if (!provesBlock(block, at, object)) return end('wrong');
      hand(block);
    }
  };
  flow = answer.readInto({
    data(chunk) {
      silence.refresh();
      came.push(chunk);
      bytes += chunk.length;
      take();
    },
    end: () => end('broken'),
    error: () => end('broken'),
  });
  if (waiting > 0) flow.pause();
  return promise;
}

/** What does not come in time is not there; the blocks are not proven then. */
async function within(pages: Promise<readonly ProofPage[]>, ms: number): Promise<readonly ProofPage[]> {
  const { promise, resolve } = Promise.withResolvers<readonly ProofPage[]>();
  const timer = setTimeout(() => resolve([]), ms);
  void pages.then(resolve);
  const known = await promise;
  clearTimeout(timer);
  return known;
}

function silenceOf({ headMs = 0 }: PlainRoute): number {
  return Math.min(MOST_SILENCE_MS, Math.max(LEAST_SILENCE_MS, SILENCE_FACTOR * headMs));
}
