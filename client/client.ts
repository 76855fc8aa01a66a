// The library's face: createClient(options) → get (a Web stream) and download (a file). Each call is one transfer.
import { asHeddleError, HeddleError } from '../protocol/errors.ts';
import { encodeKey } from '../protocol/paths.ts';
import { checkedSink } from './io/checked-sink.ts';
import type { CheckedSink } from './io/checked-sink.ts';
import type { EarlyDials } from './io/dial.ts';
import { openFileSink, isOrderedTarget, PART_SUFFIX } from './io/file-sink.ts';
import { isNowhere, nowhere } from './io/nowhere-sink.ts';
import type { FileWish } from './io/file-sink.ts';
import { readKnownOrigins } from './io/known-origins.ts';
import { readableSink, writableSink } from './io/ordered-sink.ts';
import type { SessionObserver, SessionReport } from './io/report.ts';
import { Retrieval } from './io/retrieval.ts';
import type { Leftover } from './io/retrieval.ts';
import type { Sink } from './io/sink.ts';
import { isUrl, routesToUrl } from './mirrors.ts';
import { joinFound } from './joining-routes.ts';
import { resolveChecksum, resolveCore, resolveRoot, resolveRoutes } from './options.ts';
import type { ByteRange, ClientOptions } from './options.ts';
import { RouteKnowledge } from './route-knowledge.ts';
import { boundsOf, controlsLater, controlsOf } from './transfer-controls.ts';
import type { TransferControls } from './transfer-controls.ts';

/** How one transfer differs from the client's defaults. */
export type TransferOptions = {
  readonly range?: ByteRange;
  readonly signal?: AbortSignal;
  readonly observer?: SessionObserver;
  /** Overrides the client's pinned root. */
  readonly root?: string;
  /** Bytes of the object with that root, where they are known: its sources need not prove them then. */
  readonly size?: number;
  /** `sha256:HEX` of all bytes; checked at the end, before a file gets its name. */
  readonly checksum?: string;
  /** When another version of the object appears on the way: begin again with it, or fail (the default). */
  readonly ifChanged?: 'restart' | 'fail';
  /** Connections to the routes that were dialled ahead. */
  readonly early?: EarlyDials | undefined;
  /** The process does nothing else: it may stand still while a small file is brought to the disk. */
  readonly alone?: boolean;
};

/** A running transfer. `done` rejects with a HeddleError. */
export type RunningTransfer = TransferControls & {
  readonly done: Promise<SessionReport>;
  /** A picture of it now. */
  report(): SessionReport;
};

/** A running transfer whose bytes are read from `stream`; cancelling the stream aborts it. */
export type StreamTransfer = RunningTransfer & {
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  /**
   * The stream goes on at byte `first` of the object, without what lies between. What was handed to the stream before
   * still comes: up to the byte that is returned. Only forward (a stream from further back is another `get`), and not
   * where a checksum is to be compared: `usage`.
   */
  seek(first: number): number;
};

/** What every transfer can do; only streams show all of it. */
type SeekableTransfer = RunningTransfer & Pick<StreamTransfer, 'seek'>;

/** A client with its routes. It keeps nothing open between transfers. */
export type Client = {
  /**
   * The object (or a range of it) as a stream of verified bytes in order. Here and below a URL may stand for the key: a
   * copy on a plain server, beside the client's mirrors. Without a route that can prove them nothing is verified before
   * the end, and nothing at all unless a root or checksum is given: `vouching` of the report says what was.
   */
  get(key: string, options?: TransferOptions): StreamTransfer;
  /**
   * The object into a file: written to `path`.part and renamed when it is whole and verified. What an interrupted
   * download of the same object left there is proven again and not fetched.
   */
  download(key: string, path: string, options?: TransferOptions): RunningTransfer;
  /** The object into a sink of your own. */
  into(key: string, sink: Sink, options?: TransferOptions): RunningTransfer;
};

/** A client for `options.routes`. Throws `bad-configuration` at once when they make no sense. */
export function createClient(options: ClientOptions): Client {
  const { discovery } = options;
  // what makes no sense is said at once, though routes may be found later
  const isOpen = discovery !== undefined && options.routes.length + (options.mirrors ?? []).length === 0;
  const fixed = isOpen ? [] : resolveRoutes(options);
  const core = { order: resolveCore(options, 'order'), any: resolveCore(options, 'any') };
  const clientRoot = resolveRoot(options.root);
  const knowledge = new RouteKnowledge(options.routeMemory, options.ranking);

  /** Checks everything a caller can get wrong before any output is opened. */
  function prepare(
    key: string,
    transfer: TransferOptions,
  ): {
    readonly wish: FileWish | undefined;
    start(sink: Sink, leftover?: Leftover, file?: string): SeekableTransfer;
    cancel(reason?: unknown): void;
  } {
    const routes = discovery === undefined ? fixed : resolveRoutes(options);
    const object = isUrl(key) ? routesToUrl(key, routes, options) : { key, routes };
    if (!isUrl(key)) encodeKey(key);
    const { firstByte, endByte } = boundsOf(transfer.range);
    const root = transfer.root === undefined ? clientRoot : resolveRoot(transfer.root);
    // what nobody can prove segment by segment cannot be taken up again either, and is compared as a whole
    const canProve = object.routes.some(({ mirror }) => mirror === undefined);
    const whole = { checksum: resolveChecksum(transfer.checksum), root: canProve ? undefined : root };
    if (transfer.range !== undefined && (whole.checksum ?? whole.root) !== undefined) {
      throw new HeddleError('usage', 'a range cannot be compared with what the whole object has to be');
    }
    const pins = { root, originKey: options.originKey, size: transfer.size };
    const { early, ifChanged = 'fail', observer = {} } = transfer;
    const cancelled = new AbortController();
    const signal =
      transfer.signal === undefined ? cancelled.signal : AbortSignal.any([cancelled.signal, transfer.signal]);
    const wish = { key: object.key, firstByte, endByte, root, segmentBytes: core.any.segmentBytes, signal };
    const cancel = (reason?: unknown): void => cancelled.abort(reason);
    const start = (output: Sink, leftover?: Leftover, file?: string): SeekableTransfer => {
      const known =
        options.knownOrigins === undefined ? undefined : readKnownOrigins(options.knownOrigins, transfer.alone);
      const announced = (): readonly string[] => (canProve ? [] : retrieval.report().vouching.announced);
      const sink = checkedSink(output, { ...whole, announced }, file);
      const isCheckedLater = (whole.checksum ?? whole.root) !== undefined;
      const what = { ...object, core: core[sink.order], pins, known, firstByte, endByte, ifChanged, isCheckedLater };
      // grows when routes are found meanwhile
      const recalled = [...knowledge.recall(object.routes)];
      const over = new AbortController();
      const warning = (error: HeddleError): void => {
        observer.warning?.(error);
        registered?.(error);
      };
      const ranks = knowledge.ranks(recalled, over.signal, warning);
      const own = { observer: { ...observer, warning }, isMapped: options.transfers !== undefined };
      const retrieval = new Retrieval({ ...what, ...own, routes: recalled, ranks, sink, leftover, early });
      const done = retrieval
        .run(signal)
        .finally(() => {
          over.abort();
          stopJoining();
        })
        .then((report) => {
          knowledge.remember(recalled, report);
          return withChecks(report, sink.agreed, root);
        });
      const stopJoining = joinFound(options, recalled, knowledge, (terms) => retrieval.join(terms));
      const controls = controlsOf(retrieval, recalled, cancel);
      const registered = options.transfers?.add({
        ...controls,
        ...{ key: object.key, target: file?.slice(0, -PART_SUFFIX.length), output: sink.order, firstByte },
        ...{ segmentBytes: what.core.segmentBytes, reorderBytes: what.core.reorderBytes },
        ...{ routes: recalled, done, inspect: () => retrieval.inspect() },
      });
      const seek = (first: number): number => {
        if (isCheckedLater) throw new HeddleError('usage', 'what is compared as a whole cannot leave out a part');
        boundsOf({ first });
        return retrieval.seek(first);
      };
      return { ...controls, done, report: () => retrieval.report(), seek };
    };
    return { wish: canProve ? wish : undefined, start, cancel };
  }

  return {
    get(key, transfer = {}) {
      const { start, cancel } = prepare(key, transfer);
      const { stream, sink } = readableSink(cancel);
      const running = start(sink);
      // whoever reads the stream sees the error there; `done` may be left alone
      running.done.catch(() => undefined);
      return { ...running, stream };
    },
    download(key, path, transfer = {}) {
      const { wish, start, cancel } = prepare(key, transfer);
      let running: RunningTransfer | undefined;
      const { controls, begin } = controlsLater(cancel);
      const done = openTarget(path, wish, transfer.alone).then(async ({ sink, leftover }) => {
        try {
          running = start(sink, leftover, path + PART_SUFFIX);
          begin(running);
        } catch (error) {
          await sink.abort(asHeddleError(error));
          throw error;
        }
        return await running.done;
      });
      return {
        ...controls,
        done,
        report() {
          if (running === undefined) throw new HeddleError('internal', 'the transfer has not begun');
          return running.report();
        },
      };
    },
    into: (key, sink, transfer = {}) => prepare(key, transfer).start(sink),
  };
}

/** What was found to agree in the end, added to what a report says of the beginning. */
function withChecks(report: SessionReport, agreed: CheckedSink['agreed'], root: string | undefined): SessionReport {
  const { vouching } = report;
  const verified = vouching.verified || agreed.includes('root') || agreed.includes('checksum');
  const checks = [...vouching.checks, ...agreed];
  return {
    ...report,
    vouching: { ...vouching, verified, checks, root: agreed.includes('root') ? root : vouching.root },
  };
}

async function openTarget(
  path: string,
  wish: FileWish | undefined,
  alone?: boolean,
): Promise<{ sink: Sink; leftover: Leftover | undefined }> {
  if (!(await isOrderedTarget(path))) {
    const sink = await openFileSink(path, wish, alone);
    return { sink, leftover: sink.leftover };
  }
  if (await isNowhere(path)) return { sink: nowhere('order'), leftover: undefined };
  const { createWriteStream } = await import('node:fs');
  return { sink: writableSink(createWriteStream(path), { endStream: true }), leftover: undefined };
}
