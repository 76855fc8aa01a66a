// Results as one table: a row for each scenario and peer, medians of the trusted runs (of all, if none is trusted), each
// peer against the ideal, against curl on the best route in the same run, and against the best peer that is not Heddle. Pure.
import { decimal, percent, tableLines, times } from '../report/table.ts';
import type { Cell, Column } from '../report/table.ts';
import { known, median, ratio } from '../report/statistics.ts';
import { trustedOrAll } from '../report/trust.ts';
import { bestSingleRoute, idealSeconds } from './fluid-ideal.ts';
import type { RunResult } from './result.ts';
import type { Scenario } from './scenario.ts';
import type { CongestionControl } from './topology.ts';

const COLUMNS: readonly Column[] = [
  { title: 'scenario', align: 'left' },
  { title: 'peer', align: 'left' },
  { title: 'runs', align: 'right' },
  { title: 'seconds', align: 'right' },
  { title: 'of ideal', align: 'right' },
  { title: 'least…most', align: 'right' },
  { title: 'curl', align: 'right' },
  { title: 'others', align: 'right' },
  { title: 'stall ms', align: 'right' },
  { title: 'first byte ms', align: 'right' },
  { title: 'launch ms', align: 'right' },
  { title: 'around change', align: 'right' },
  { title: 'overhead', align: 'right' },
  { title: 'waste', align: 'right' },
  { title: 'hedges', align: 'right' },
  { title: 'drops', align: 'right' },
  { title: 'credit over kB', align: 'right' },
  { title: 'late', align: 'right' },
  { title: 'trust', align: 'left' },
];

/** What the columns mean, for below the table. */
export const LEGEND: readonly string[] = [
  'runs: correct/all. Figures are medians of the trusted runs; of all runs where none is trusted (marked "no").',
  'of ideal: the fluid ideal (every route full from 2 RTT on, nothing sent twice) divided by the seconds from exec to exit.',
  'curl, others: how many times faster than curl on the best single route, than the fastest peer other than Heddle, here and now.',
  'stall: the longest time in which the readable beginning of the object did not grow; a file is looked at every 20 ms.',
  'around change: what arrived in the 10 s around the worst change, as a share of what the routes could carry.',
  'overhead: payload on the wire beyond the object. waste: payload that Heddle received twice. drops: packets refused by full queues.',
  'trust: "no" when more than 1 % of the packets or one of them were late, or others used more than 0.15 cores.',
];

/** Lines of the whole table. */
export function summaryLines(scenarios: readonly Scenario[], results: readonly RunResult[]): string[] {
  const rows = scenarios.flatMap((scenario) => {
    const own = results.filter((result) => result.scenario === scenario.name);
    const peers = [...new Set(own.map(({ peer }) => peer))];
    const seconds = new Map(peers.map((peer) => [peer, medianSeconds(own, peer)]));
    const others = known(peers.filter((peer) => !peer.startsWith('heddle')).map((peer) => seconds.get(peer)));
    return peers.map((peer) => {
      const fastest = others.length === 0 ? undefined : Math.min(...others);
      return row(scenario, peer, own, {
        curl: seconds.get('curl'),
        fastest: peer.startsWith('heddle') ? fastest : undefined,
      });
    });
  });
  return tableLines(COLUMNS, rows);
}

/** One line on what a scenario is and what is possible in it. */
export function scenarioLine(scenario: Scenario, congestion: CongestionControl): string {
  const routes = scenario.routes.map(
    (r) => `${r.megabitsPerSecond}/${r.rttMs}${r.lossPercent ? `/${r.lossPercent} %` : ''}`,
  );
  const best = bestSingleRoute(scenario, congestion);
  const ideal = idealSeconds(scenario, 'returns');
  const megabytes = decimal(scenario.objectBytes / 1e6, 0);
  return (
    `${scenario.name}: ${scenario.title}; ${megabytes} MB over ${routes.join(', ')} (Mbit/s / ms); ` +
    `ideal ${decimal(ideal, 2)} s, one connection at best ${decimal(best.seconds, 2)} s (route ${best.route + 1})`
  );
}

/** The runs that count: the trusted ones, else all. */
export function countingRuns(results: readonly RunResult[]): readonly RunResult[] {
  return trustedOrAll(results, ({ distrust }) => distrust.length === 0);
}

function row(
  scenario: Scenario,
  peer: string,
  results: readonly RunResult[],
  against: { readonly curl: number | undefined; readonly fastest: number | undefined },
): Cell[] {
  const all = results.filter((result) => result.peer === peer);
  const runs = countingRuns(all);
  const middle = (pick: (run: RunResult) => number | undefined): number | undefined => median(known(runs.map(pick)));
  const fractions = runs.map(({ ofIdeal }) => ofIdeal);
  const trusted = all.filter(({ distrust }) => distrust.length === 0).length;
  const correct = all.filter((run) => run.correct);
  const seconds = medianSeconds(results, peer);
  return [
    scenario.name,
    peer,
    `${correct.length}/${all.length}`,
    decimal(seconds, 2),
    decimal(median(fractions), 3),
    `${decimal(Math.min(...fractions), 3)}…${decimal(Math.max(...fractions), 3)}`,
    peer === 'curl' ? undefined : times(ratio(against.curl, seconds)),
    times(ratio(against.fastest, seconds)),
    milliseconds(middle((run) => run.longestStallSeconds)),
    milliseconds(middle((run) => run.firstByteSeconds)),
    milliseconds(middle((run) => run.launchSeconds)),
    decimal(
      middle((run) => run.aroundChanges),
      2,
    ),
    percent(middle((run) => run.overhead)),
    percent(middle((run) => run.waste)),
    decimal(
      middle((run) => run.hedges),
      0,
    ),
    decimal(
      middle((run) => run.dropped),
      0,
    ),
    decimal(
      scaled(
        middle((run) => run.creditBeyondWindowBytes),
        1e-3,
      ),
      0,
    ),
    percent(middle((run) => run.lateFraction)),
    trusted === all.length ? 'yes' : trusted === 0 ? 'no' : `${trusted} of ${all.length}`,
  ];
}

function medianSeconds(results: readonly RunResult[], peer: string): number | undefined {
  const runs = countingRuns(results.filter((result) => result.peer === peer));
  return median(runs.filter(({ correct }) => correct).map(({ wallSeconds }) => wallSeconds));
}

function milliseconds(seconds: number | undefined): Cell {
  return decimal(scaled(seconds, 1_000), 0);
}

function scaled(value: number | undefined, factor: number): number | undefined {
  return value === undefined ? undefined : value * factor;
}
