/**
 * Whether this working tree decides packets more slowly than another revision. Both are measured in turn, process by process: the machine's speed
 * changes from minute to minute, so only ratios of neighbours mean anything. Exit status 1 if anything has become worse.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, run, wholeNumber } from '@nfqlb/options';
import { instructionsPerPacket } from './instructions.js';
import { type Judgement, judge } from './judgement.js';
import { Revision } from './revision.js';

interface Options {
  readonly base: string;
  readonly pairs: number;
  readonly milliseconds: number;
  readonly tolerance: number;
  readonly instructions: boolean;
  readonly json: string;
}

/** Probability that one of all workloads raises a false alarm, or less. */
const RISK = 0.01;

/** Of these, valgrind counts instructions. */
const COUNTED = ['all kinds mixed', '1000 flows'];

const RESULTS = fileURLToPath(new URL('../../build/regress.json', import.meta.url));

const program = new Command('regress')
  .description('compares how fast this working tree and another revision decide packets; fails if it has become slower')
  .option('--base <revision>', 'what to compare with', (text: string) => text, 'HEAD')
  .option('--pairs <number>', 'how often each is measured', wholeNumber({ min: 10, max: 1000 }), 40)
  .option('--milliseconds <number>', 'duration of each measurement of a workload', wholeNumber({ min: 10, max: 10_000 }), 100)
  .option('--tolerance <percent>', 'what may change without being called worse', wholeNumber({ min: 0, max: 100 }), 3)
  .option('--no-instructions', 'without valgrind, which counts instructions')
  .option('--json <file>', 'output file for all figures', RESULTS)
  .action(regress);

interface Comparison {
  readonly workload: string;
  readonly base: number;
  readonly head: number;
  readonly judgement: Judgement;
}

async function regress(options: Options): Promise<void> {
  const { base: name, pairs, milliseconds, tolerance, instructions, json } = options;
  using base = await Revision.of(name);
  using head = await Revision.of(undefined);
  const times = timesInTurn(base, head, pairs, milliseconds);
  const timed = judged(times, tolerance / 100);
  say(
    `ns per packet, medians of ${pairs} pairs: ${base.name}, ${head.name}; head / base, with limits that all hold with a probability of ${1 - RISK}`,
  );
  for (const comparison of timed) say(row(comparison));
  const counted = instructions ? await counts(base, head, tolerance / 100) : [];
  if (instructions) say('instructions per packet, counted by valgrind');
  for (const comparison of counted) say(row(comparison));
  mkdirSync(dirname(json), { recursive: true });
  writeFileSync(json, `${JSON.stringify({ ...options, risk: RISK, timed, counted, times }, null, 2)}\n`);
  const worse = [...timed, ...counted].filter(({ judgement }) => judgement.verdict === 'worse').map(({ workload }) => workload);
  if (worse.length === 0) return;
  say(`worse: ${[...new Set(worse)].join(', ')}`);
  process.exitCode = 1;
}

function judged(times: readonly Pair[], tolerance: number): Comparison[] {
  const workloads = Object.keys(times[0]!.base);
  return workloads.map((workload) => {
    const of = (side: keyof Pair): number[] => times.map((pair) => pair[side][workload]!);
    const ratios = times.map(({ base, head }) => head[workload]! / base[workload]!);
    return { workload, base: median(of('base')), head: median(of('head')), judgement: judge(ratios, tolerance, RISK / workloads.length) };
  });
}

async function counts(base: Revision, head: Revision, tolerance: number): Promise<Comparison[]> {
  const comparisons: Comparison[] = [];
  for (const workload of COUNTED) {
    const before = await instructionsPerPacket(base.program, workload);
    const after = await instructionsPerPacket(head.program, workload);
    const ratio = after / before;
    const verdict = ratio > 1 + tolerance ? 'worse' : ratio < 1 - tolerance ? 'better' : 'same';
    comparisons.push({ workload, base: before, head: after, judgement: { ratio, low: ratio, high: ratio, verdict } });
  }
  return comparisons;
}

function row({ workload, base, head, judgement: { ratio, low, high, verdict } }: Comparison): string {
  const limits = low === high ? '' : `  ${low.toFixed(3)} to ${high.toFixed(3)}`;
  return `  ${workload.padEnd(16)}${base.toFixed(1).padStart(8)}${head.toFixed(1).padStart(8)}${ratio.toFixed(3).padStart(8)}${limits}  ${verdict}`;
}

/** Nanoseconds per packet by workload. */
type Times = Readonly<Record<string, number>>;

interface Pair {
  readonly base: Times;
  readonly head: Times;
}

/** By pair; which of the two is first changes from pair to pair. */
function timesInTurn(
  base: Revision,
  head: Revision,
  pairs: number,
  milliseconds: number,
): { readonly base: Times; readonly head: Times }[] {
  const measure = ({ program: path }: Revision): Times =>
    JSON.parse(execFileSync(process.execPath, [path, 'time', String(milliseconds)], { encoding: 'utf8' })) as Times;
  return Array.from({ length: pairs }, (_, pair) => {
    if (pair % 2 === 0) return { base: measure(base), head: measure(head) };
    const later = measure(head);
    return { head: later, base: measure(base) };
  });
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

const say = (text: string): boolean => process.stdout.write(`${text}\n`);

await run(program);
