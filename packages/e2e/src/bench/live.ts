/**
 * Compares how fast nfqlb forwards on one queue with the kernel without a load balancer, the kernel's HMARK, and C nfqlb. Real packets from
 * a client through the LB to a target, each in a network namespace. `fast` is nfqlb with its decisions in the kernel.
 *
 * All contenders are set up from the start and take turns: the machine's speed changes from minute to minute, so only figures of the
 * same round are comparable.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Command, list, oneOf, repeatable, run, wholeNumber } from '@nfqlb/options';
import { E2eError } from '../e2e-error.js';
import { missingPrerequisites } from '../prerequisites.js';
import { type Contender, enter, entries, LB_CPU, SENDER_CPU } from './contender.js';
import { cpuTime, cpuTimeBetween } from './cpu-time.js';
import { type Conditions, type Figures, FLOWS, measure } from './measurement.js';
import { rows, table } from './report.js';

interface Options {
  readonly rounds: number;
  readonly seconds: number;
  readonly family: '4' | '6';
  readonly rate: number;
  readonly bursts: readonly number[];
  readonly latencyRate: number;
  readonly only?: readonly string[];
  readonly variant?: readonly string[];
  readonly json: string;
}

const RESULTS = fileURLToPath(new URL('../../build/live.json', import.meta.url));

const program = new Command('live')
  .description('measures forwarding over one queue: packets/s at saturation, CPU time per packet, latency')
  .option('--rounds <number>', 'rounds; each measures every contender once', wholeNumber({ min: 1, max: 100 }), 5)
  .option('--seconds <number>', 'duration of each measurement', wholeNumber({ min: 1, max: 60 }), 1)
  .option('--family <4|6>', 'IPv4 or IPv6', oneOf('4', '6'), '4')
  .option('--rate <packets>', 'packets per second, for CPU times', wholeNumber({ min: 1000, max: 10_000_000 }), 60_000)
  .option('--bursts <list>', 'packets per wake-up of the sender, for CPU times', list(wholeNumber({ min: 1, max: 64 })), [1, 16])
  .option('--latency-rate <packets>', 'packets per second, for latencies', wholeNumber({ min: 1000, max: 10_000_000 }), 60_000)
  .option(
    '--only <list>',
    'contenders to measure, besides forward',
    list((text: string) => text),
  )
  .option(
    '--variant <options>',
    'also measure nfqlb with these options of lb; may be repeated',
    repeatable((text: string) => text),
  )
  .option('--json <file>', 'output file for all figures', RESULTS)
  .action(bench);

async function bench(options: Options): Promise<void> {
  const { rounds, family, seconds, rate, bursts, latencyRate, only, variant = [], json } = options;
  const missing = missingPrerequisites();
  if (missing.length > 0) throw new E2eError('missing-prerequisite', `needs ${missing.join('; ')}`);
  if (cpus().length < 2) throw new E2eError('missing-prerequisite', 'needs two CPUs: one for the sender, one for the load balancer');
  const conditions: Conditions = { family: Number(family) as 4 | 6, seconds, costRate: rate, bursts, latencyRate };
  const contenders = await enterAll(only, variant);
  try {
    const busy = await otherLoad();
    say(describe(options, contenders, busy));
    const results = new Map<string, Figures[]>(contenders.map(({ name }) => [name, []]));
    // A warm-up that does not count.
    for (const contender of contenders) await measure(contender, { ...conditions, bursts: bursts.slice(0, 1) });
    for (let round = 0; round < rounds; round++) {
      for (const contender of inTurn(contenders, round)) results.get(contender.name)!.push(await measure(contender, conditions));
      process.stderr.write(`round ${round + 1} of ${rounds}\n`);
    }
    const summary = rows(results);
    say(table(summary));
    mkdirSync(dirname(json), { recursive: true });
    writeFileSync(json, `${JSON.stringify({ conditions, rounds, busy, summary, results: Object.fromEntries(results) }, null, 2)}\n`);
    say(`\nAll figures: ${json}`);
  } finally {
    for (const { net } of contenders) await net[Symbol.asyncDispose]();
  }
}

async function enterAll(only: readonly string[] | undefined, variants: readonly string[]): Promise<Contender[]> {
  const all = entries(variants);
  const unknown = only?.find((name) => !all.some((entry) => entry.name === name));
  if (unknown !== undefined) {
    const hint = unknown === 'c' ? '; the environment variable NFQLB_C must name the program' : '';
    throw new E2eError('conflict', `--only: ${unknown}: must be one of ${all.map(({ name }) => name).join(', ')}${hint}`);
  }
  const chosen = all.filter(({ name }) => name === 'forward' || !only || only.includes(name));
  const contenders: Contender[] = [];
  // If one fails, those already created are removed when the process exits.
  for (const entry of chosen) contenders.push(await enter(entry));
  return contenders;
}

/** Each round starts with a different contender, so that the order varies. */
function inTurn(contenders: readonly Contender[], round: number): Contender[] {
  const first = round % contenders.length;
  return [...contenders.slice(first), ...contenders.slice(0, first)];
}

/** CPUs kept busy by other programs on this machine, or by idle contenders. */
async function otherLoad(): Promise<number> {
  const before = cpuTime();
  await sleep(1000);
  return cpuTimeBetween(before, cpuTime()).busy;
}

function describe({ rounds, family, seconds, rate, bursts, latencyRate }: Options, contenders: readonly Contender[], busy: number): string {
  const each = (2 + bursts.length) * (seconds + 0.4);
  const minutes = ((rounds + 1) * contenders.length * each) / 60;
  return `UDP over IPv${family}, IP packets of 64 octets, ${FLOWS} flows, one queue, one target; ${rounds} rounds: about ${minutes.toFixed(1)} minutes.
kpps: packets/s received, in thousands, with the sender at full speed; median, slowest and fastest round. ×: the same as a multiple.
CPU µs: of the whole machine per packet at ${rate} packets/s, sent in bursts of ${bursts.join(' or ')}; − forward: in excess of forwarding.
p50 … p99.9: from the sender's system call to the receiver's, at ${latencyRate} packets/s, evenly spaced.
lost: packets lost in all rounds, except at saturation.
Sender on CPU ${SENDER_CPU}, load balancer on CPU ${LB_CPU}; receiver on CPU ${SENDER_CPU} with a load balancer, on CPU ${LB_CPU} without.
${cpus().length} CPUs (${cpus()[0]!.model}); other load: ${busy.toFixed(2)} CPUs${busy > 0.05 ? ', too much for meaningful figures' : ''}.
`;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

await run(program);
