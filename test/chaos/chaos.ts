// `npm run chaos -- --seed 1 --runs 500`: runs from one seed to the next, each with real processes and a random mix of
// faults (plan.ts). `--replay` runs the seeds that failed once. Says what each came to; exits 1 when one broke a promise.
import { flag, readOptions, whole } from '../support/script-options.ts';
import { describePlan, planOf } from './plan.ts';
import { runPlan } from './run.ts';
import type { RunResult } from './run.ts';
import { FOUND_SEEDS } from './seeds.ts';

const values = readOptions('npm run chaos --', {
  seed: whole(1, 'the first seed'),
  runs: whole(10, 'so many runs, each with the next seed', 1),
  replay: flag('the seeds that failed once, instead'),
});
const seeds = values.replay
  ? FOUND_SEEDS.map(({ seed }) => seed)
  : Array.from({ length: values.runs }, (_, at) => values.seed + at);
/** Kept from running for longer than this, a process may be late for anything, ms: such a run says nothing about time. */
const STARVED_MS = 10_000;
const MOST_ATTEMPTS = 3;

const ends = new Map<string, number>();
const bad: number[] = [];
for (const seed of seeds) {
  const plan = planOf(seed);
  let result = await runPlan(plan);
  for (let attempt = 1; attempt < MOST_ATTEMPTS && isUndecided(result); attempt += 1) {
    const { end, late, waitedMs } = result;
    console.log(`starved: ${end}, ${late.join(', ')}; waited ${waitedMs.toFixed(0)} ms for a processor`);
    result = await runPlan(plan);
  }
  const { seconds, end, problems, late } = result;
  const all = [...problems, ...late];
  ends.set(end, (ends.get(end) ?? 0) + 1);
  console.log(`${all.length === 0 ? 'good' : 'BAD '} ${end} in ${seconds.toFixed(1)} s, ${describePlan(plan)}`);
  for (const problem of all) console.log(`     ${problem}`);
  if (all.length > 0) bad.push(seed);
}
const list = [...ends].toSorted((a, b) => b[1] - a[1]).map(([end, count]) => `${count} ${end}`);
console.log(`${seeds.length} runs: ${list.join(', ')}; ${bad.length} bad${bad.length > 0 ? `: ${bad.join(' ')}` : ''}`);
process.exitCode = bad.length === 0 ? 0 : 1;

function isUndecided({ problems, late, waitedMs }: RunResult): boolean {
  return problems.length === 0 && late.length > 0 && waitedMs > STARVED_MS;
}
