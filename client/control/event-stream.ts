// Events to one reader over HTTP (server-sent events): as fast as he reads and no faster. What he is too slow for is lost in
// his queue, not kept here: one event at most waits in front of a socket that is full.
import type { ServerResponse } from 'node:http';
import { HEARTBEAT_MS } from './messages.ts';
import type { ControlEvent } from './messages.ts';

/** ms after which a reader who takes nothing at all is given up. */
const STUCK_MS = 60_000;

/** Sends the events that `read` gives until they end or the reader goes. Never rejects. */
export async function sendEvents(
  read: (signal: AbortSignal) => AsyncIterable<ControlEvent>,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  response.writeHead(200, {
    'Content-Type': 'text/event-stream; charset=utf-8',
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  });
  response.flushHeaders();
  const heart = setInterval(() => {
    if (!response.writableNeedDrain) response.write(':\n\n');
  }, HEARTBEAT_MS);
  try {
    for await (const event of read(gone.signal)) {
      if (!response.write(textOf(event))) await drained(response, gone.signal);
      if (gone.signal.aborted) return;
    }
    response.end();
  } finally {
    clearInterval(heart);
  }
}

function textOf(event: ControlEvent): string {
  return `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

async function drained(response: ServerResponse, gone: AbortSignal): Promise<void> {
  if (gone.aborted) return;
  await new Promise<void>((resolve) => {
    const stuck = setTimeout(() => response.destroy(), STUCK_MS);
    const go = (): void => {
      clearTimeout(stuck);
      response.off('drain', go);
      gone.removeEventListener('abort', go);
      resolve();
    };
    response.once('drain', go);
    gone.addEventListener('abort', go, { once: true });
  });
}
