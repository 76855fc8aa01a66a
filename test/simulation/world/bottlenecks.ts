// The links of a scenario's bottlenecks, by name: each has a rate and a queue, but neither delay nor loss.
import type { Agenda } from '../agenda.ts';
import { Link } from '../network/link.ts';
import type { Random } from '../random.ts';
import { lineRate } from '../scenario/scenario.ts';
import type { Bottleneck } from '../scenario/scenario.ts';

export function bottleneckLinks(bottlenecks: readonly Bottleneck[], agenda: Agenda, random: Random): Map<string, Link> {
  const links = bottlenecks.map(({ name, rateMbit, bufferMs }): [string, Link] => {
    const rate = lineRate(rateMbit);
    const conditions = { rate, delayMs: 0, jitterMs: 0, loss: 0, burst: undefined, down: false };
    return [name, new Link(agenda, random.fork(`bottleneck ${name}`), conditions, rate * bufferMs)];
  });
  return new Map(links);
}
