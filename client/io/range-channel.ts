// The range adapter: a channel to a plain HTTP server. It plays the source itself: patterns, credit and SENDs go into a
// segment set as at an origin, runs of adjacent owed segments become Range requests, their bodies become segments. To the
// core it is a channel like any other. What an answer means, and how connections are used, is decided elsewhere.
import { HeddleError } from '../../protocol/errors.ts';
import type { ClientFrame } from '../../protocol/frames.ts';
import type { ResponseHead } from '../../protocol/http-head.ts';
import { MAX_SEGMENTS } from '../../protocol/limits.ts';
import { SegmentSet } from '../../protocol/segment-set.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { AdapterEvents, ChannelAdapter, ChannelOpening } from './channel-adapter.ts';
import type { Dial } from './dial.ts';
import { judgeAnswer } from './range-answer.ts';
import type { ByteSpan, Copy } from './range-answer.ts';
import { RangeLines } from './range-lines.ts';
import type { MirrorTarget } from './range-lines.ts';
import type { Mirror } from './range-mirror.ts';
import { AnswerOrder } from './range-order.ts';
import type { AnswerPlace } from './range-order.ts';
import { RangePings } from './range-pings.ts';
import { ProbePace, Sample } from './range-probe.ts';
import { MOST_REDIRECTS } from './range-redirect.ts';
import { Run } from './range-run.ts';
import type { RangeRequest } from './range-run.ts';
import { WholeBody } from './range-whole.ts';
import type { Refusal } from './refusal.ts';

/** A run that could still grow waits while this many times its bytes are under way, and two requests. */
const RIPE_PARTS = 4;

/** One channel to a mirror. */
export class RangeChannel implements ChannelAdapter {
  readonly #mirror: Mirror;
  readonly #pool: BufferPool;
  readonly #segmentBytes: number;
  readonly #events: AdapterEvents;
  readonly #order: AnswerOrder;
  readonly #pings: RangePings;
  readonly #pace = new ProbePace();
  readonly #lines: RangeLines;
  /** The run that the next owed segment may still extend. */
  #growing: Run | undefined;
  /** The body of a server without ranges, which then answers everything. */
  #whole: WholeBody | undefined;
  #set: SegmentSet | undefined;
  #copySaid = false;
  #redirects = 0;
  #ended = false;

  /** Takes over `dial`, or dials. */
  constructor(target: MirrorTarget, pool: BufferPool, segmentBytes: number, events: AdapterEvents, dial?: Dial) {
    this.#mirror = target.mirror;
    this.#pool = pool;
    this.#segmentBytes = segmentBytes;
    this.#events = events;
    this.#order = new AnswerOrder(events);
    this.#pings = new RangePings((nonce) => {
      const epoch = this.#order.epochOf(this.#set?.epoch ?? 0);
      events.frame({ type: 'pong', nonce, epoch, queued: 0 });
    });
    this.#lines = new RangeLines(
      target,
      {
        connected: (connectMs) => events.connected(connectMs),
        asked: (run) => {
          run.askedAt = performance.now();
          this.#pings.asked(run.askedAt);
        },
        head: (run, head) => this.#head(run, head),
        space: (run, last) => this.#whole?.space() ?? run.space(last),
        filled: (run, bytes) => this.#filled(run, bytes),
        done: (run, span) => this.#done(run, span),
        unasked: () => this.#refuse('the mirror answers what nobody asked'),
        closed: (error) => {
          this.close(false);
          events.closed(error);
        },
      },
      dial,
    );
  }

  open({ number, pattern, credit }: ChannelOpening): void {
    // what lies beyond the object is dropped when its size is known
    this.#set = new SegmentSet(number, MAX_SEGMENTS, [{ first: 0, length: MAX_SEGMENTS }]);
    this.#set.handle({ type: 'pattern', pattern });
    this.#set.handle({ type: 'credit', total: credit });
    this.#ask();
    // with nothing to ask for it would never be known whether anybody is there
    if (this.#lines.runs.length === 0) this.#probe();
  }

  write(frame: ClientFrame): void {
    if (this.#ended) return;
    if (frame.type === 'ping') {
      if (this.#lines.runs.length === 0 && this.#whole === undefined) this.#probe();
      this.#pings.ping(frame.nonce, performance.now());
    } else if (
      frame.type === 'pattern' ||
      frame.type === 'credit' ||
      frame.type === 'send' ||
      frame.type === 'cancel'
    ) {
      this.#set?.handle(frame);
      this.#ask();
    }
  }

  sample(spans: readonly ByteSpan[], done: (bytes: readonly Uint8Array[]) => void): void {
    if (spans.length === 0) return done([]);
    const samples = spans.map((span) => new Sample(span, whole));
    function whole(): void {
      if (samples.every(({ missingBytes }) => missingBytes === 0)) done(samples.map(({ bytes }) => bytes));
    }
    for (const sample of samples) this.#lines.askFirst(sample);
  }

  close(_graceful: boolean): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#whole !== undefined) this.#mirror.streaming = false;
    this.#pings.end();
    this.#lines.end();
  }

  /** Decides what is owed now, and asks for it as far as requests may be under way. */
  #ask(): void {
    if (this.#ended) return;
    if (this.#whole !== undefined) {
      if (this.#whole.goOn()) this.#lines.resume();
      if (this.#whole.isBehind) this.#startOver();
      return;
    }
    while (this.#lines.hasRoom) {
      const place = this.#next();
      if (place === undefined) break;
      const size = this.#mirror.copy?.size ?? Number.POSITIVE_INFINITY;
      if (place.index * this.#segmentBytes >= size) place.drop('not-held');
      else if (this.#growing?.extend(place) !== true) {
        this.#sendGrowing();
        this.#growing = new Run(place, this.#segmentBytes, this.#pool);
        this.#growing.bound(size);
      }
    }
    if (this.#growing === undefined) return;
    const { runs } = this.#lines;
    const underWay = runs.reduce((sum, run) => sum + run.missingBytes, 0);
    if (runs.length < 2 || underWay <= RIPE_PARTS * this.#growing.missingBytes) this.#sendGrowing();
  }

  /** The next owed segment; what else is decided on the way is said. */
  #next(): AnswerPlace | undefined {
    for (let answer = this.#set?.next(); answer !== undefined; answer = this.#set?.next()) {
      const place = this.#order.decide(answer);
      if (place !== undefined) return place;
    }
    return undefined;
  }

  #sendGrowing(): void {
    const run = this.#growing;
    this.#growing = undefined;
    if (run === undefined || run.missingBytes === 0) return;
    this.#pace.busy();
    this.#lines.ask(run);
  }

  #probe(): void {
    if (this.#pace.isDue(performance.now())) this.#lines.ask(new Sample());
  }

  #head(run: RangeRequest, head: ResponseHead): ByteSpan | undefined {
    const mirror = this.#mirror;
    this.#pings.answered(run.askedAt, performance.now());
    const answer = judgeAnswer(head, run.missing, mirror.copy, mirror.url);
    if (answer.type === 'refused') {
      if (answer.refusal.retryAfterMs === undefined && mirror.goesBack()) this.#lines.move();
      else this.#giveUp(answer.refusal);
    } else if (answer.type === 'moved') this.#follow(answer.url);
    else {
      this.#learn(answer.copy);
      if (answer.type === 'part') return answer.span;
      if (answer.type === 'beyond') run.drop();
      else if (!this.#ended) return this.#readWhole(run, answer.copy.size);
    }
    return undefined;
  }

  /** The server sends everything though a part was asked for. */
  #readWhole(run: RangeRequest, size: number): ByteSpan | undefined {
    const mirror = this.#mirror;
    const span = { first: 0, last: size - 1 };
    if (run.missing.first === 0 && size <= run.missingBytes) return span;
    if (!mirror.alone) {
      this.#refuse('the mirror serves no ranges, only the whole');
      return undefined;
    }
    mirror.answersOnce();
    mirror.streaming = true;
    const whole = { size, segmentBytes: this.#segmentBytes, pool: this.#pool, next: () => this.#next() };
    this.#whole = new WholeBody(whole);
    const runs: RangeRequest[] = [run, ...this.#lines.release()];
    if (this.#growing !== undefined) runs.push(this.#growing);
    this.#growing = undefined;
    for (const { places } of runs) for (const place of places) this.#whole.add(place);
    return span;
  }

  /** What the first answer says of the copy; later ones were found to agree. */
  #learn(copy: Copy): void {
    const mirror = this.#mirror;
    mirror.copy ??= copy;
    if (this.#copySaid) return;
    this.#copySaid = true;
    for (const run of this.#lines.allRuns) run.bound(copy.size);
    this.#growing?.bound(copy.size);
    this.#events.copy(mirror.copy);
  }

  #filled(run: RangeRequest, bytes: number): boolean {
    if (!run.isProbe || this.#whole !== undefined) this.#events.payload(bytes);
    this.#pings.heard(performance.now());
    if (this.#whole !== undefined) {
      const mayGoOn = this.#whole.filled(bytes);
      if (this.#whole.isBehind) this.#startOver();
      return mayGoOn;
    }
    run.filled(bytes);
    this.#ask();
    return true;
  }

  #done(run: RangeRequest, span: ByteSpan | undefined): void {
    if (this.#ended || this.#whole !== undefined) return;
    if (run.missingBytes > 0) {
      if (run.missing.first !== (span?.last ?? -1) + 1) return this.#refuse('the mirror sent less than it announced');
      this.#lines.askFirst(run);
    }
    this.#ask();
  }

  #follow(url: URL): void {
    this.#redirects += 1;
    if (this.#redirects > MOST_REDIRECTS) return this.#refuse(`the mirror redirects more than ${MOST_REDIRECTS} times`);
    this.#mirror.url = url;
    this.#lines.move();
  }

  /** Something is owed that the stream has passed: another one has to begin at byte 0. */
  #startOver(): void {
    if (this.#ended) return;
    this.close(false);
    this.#events.closed(new HeddleError('connection-lost', 'the whole has to be read again', { side: 'remote' }));
  }

  #refuse(text: string): void {
    this.#giveUp({ code: 'refused', text, retryAfterMs: undefined });
  }

  #giveUp(refusal: Refusal): void {
    if (this.#ended) return;
    this.close(false);
    this.#events.refused(refusal);
  }
}
