// A process that runs transfers with the library, some at a time, and keeps nothing of them. Takes a ClientOrder as its
// argument and prints a ClientAnswer.
import { createClient } from '../../../client/client.ts';
import { nowhere } from '../../../client/io/nowhere-sink.ts';
import type { ClientAnswer, ClientOrder } from './client-order.ts';

/** What the first transfer takes: enough that the code is warm and the thread that hashes was started once. */
const WARMING_BYTES = 33_554_432;

const order = JSON.parse(process.argv[2] ?? '{}') as ClientOrder;
const client = createClient({
  routes: order.routes.map((url, index) => ({ name: `r${index}`, url })),
  segmentBytes: order.segmentBytes,
  activeRoutes: order.routes.length,
  // zeros shrink to nothing, and how slow a route seems depends on who else uses the machine
  encode: false,
});
const take = async (first: number, end: number): Promise<void> => {
  await client.into(order.key, nowhere(), { range: { first, last: end - 1 } }).done;
};

const warmingBytes = Math.min(order.end - order.first, WARMING_BYTES);
await take(order.first, order.first + warmingBytes);
const cpu = process.cpuUsage();
const begunAt = performance.now();
let left = order.transfers;
await Promise.all(
  Array.from({ length: order.concurrent }, async () => {
    while (left > 0) {
      left -= 1;
      await take(order.first, order.end);
    }
  }),
);
const { user, system } = process.cpuUsage(cpu);
const answer: ClientAnswer = {
  warmingBytes,
  seconds: (performance.now() - begunAt) / 1_000,
  cpuSeconds: (user + system) / 1e6,
  peakBytes: 1_024 * process.resourceUsage().maxRSS,
};
console.log(JSON.stringify(answer));
