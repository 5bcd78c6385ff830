/**
 * Compares how fast nfqlb forwards on one queue with the kernel without a load balancer, the kernel's HMARK, and C nfqlb. Real packets from
 * a client through the LB to a target, each in a network namespace. `fast` is nfqlb with its decisions in the kernel. Contenders with flows are
 * `flowlb`, the others `lb`.
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
import { type Conditions, type Family, type Figures, measure, TRAFFIC_FLOWS } from './measurement.js';
import { rows, table } from './report.js';

interface Options {
  readonly rounds: number;
  readonly seconds: number;
  readonly families: readonly Family[];
  readonly rate: number;
  readonly bursts: readonly number[];
  readonly latencyRate: number;
  readonly flows: number;
  readonly only?: readonly string[];
  readonly variant?: readonly string[];
  readonly json: string;
}

const RESULTS = fileURLToPath(new URL('../../build/live.json', import.meta.url));

const program = new Command('live')
  .description('measures forwarding over one queue: packets/s at saturation, CPU time per packet, latency')
  .option('--rounds <number>', 'rounds; each measures every contender once', wholeNumber({ min: 1, max: 100 }), 5)
  .option('--seconds <number>', 'duration of each measurement', wholeNumber({ min: 1, max: 60 }), 1)
  .option(
    '--families <list>',
    'IPv4, IPv6',
    list((text: string) => Number(oneOf('4', '6')(text)) as Family),
    [4, 6] as Family[],
  )
  .option('--rate <packets>', 'packets per second, for CPU times', wholeNumber({ min: 1000, max: 10_000_000 }), 60_000)
  .option('--bursts <list>', 'packets per wake-up of the sender, for CPU times', list(wholeNumber({ min: 1, max: 64 })), [1])
  .option('--latency-rate <packets>', 'packets per second, for latencies', wholeNumber({ min: 1000, max: 10_000_000 }), 60_000)
  .option('--flows <number>', 'flows of flowlb, compared with one', wholeNumber({ min: 2, max: 65_000 }), 10_000)
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
  const { rounds, families, seconds, rate, bursts, latencyRate, json } = options;
  const missing = missingPrerequisites();
  if (missing.length > 0) throw new E2eError('missing-prerequisite', `needs ${missing.join('; ')}`);
  if (cpus().length < 2) throw new E2eError('missing-prerequisite', 'needs two CPUs: one for the sender, one for the load balancer');
  const conditions: Conditions = { seconds, costRate: rate, bursts, latencyRate };
  const contenders = await enterAll(options);
  try {
    const busy = await otherLoad();
    say(describe(options, contenders, busy));
    const results = new Map(families.map((family) => [family, new Map(contenders.map(({ name }): [string, Figures[]] => [name, []]))]));
    for (let round = WARM_UP; round < rounds; round++) {
      for (const family of families) {
        for (const contender of inTurn(contenders, Math.max(round, 0))) {
          if (round === WARM_UP) await measure(contender, family, { ...conditions, seconds: WARM_UP_SECONDS });
          else
            results
              .get(family)!
              .get(contender.name)!
              .push(await measure(contender, family, conditions));
        }
      }
      process.stderr.write(`round ${round + 1} of ${rounds}\n`);
    }
    const summary = families.flatMap((family) => rows(results.get(family)!, family));
    say(table(summary));
    const figures = Object.fromEntries(families.map((family) => [family, Object.fromEntries(results.get(family)!)]));
    mkdirSync(dirname(json), { recursive: true });
    writeFileSync(json, `${JSON.stringify({ conditions, rounds, busy, summary, results: figures }, null, 2)}\n`);
    say(`\nAll figures: ${json}`);
  } finally {
    for (const { net } of contenders) await net[Symbol.asyncDispose]();
  }
}

/** The round that does not count. */
const WARM_UP = -1;
const WARM_UP_SECONDS = 0.2;

async function enterAll({ only, variant = [], flows }: Options): Promise<Contender[]> {
  const all = entries(variant, flows);
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

function describe(options: Options, contenders: readonly Contender[], busy: number): string {
  const { rounds, families, seconds, rate, bursts, latencyRate } = options;
  const each = (measuring: number): number => (3 + bursts.length) * (measuring + PREPARATION_SECONDS);
  const minutes = ((rounds * each(seconds) + each(WARM_UP_SECONDS)) * families.length * contenders.length) / 60;
  return `UDP in IP packets of 64 octets, of ${TRAFFIC_FLOWS} connections, one queue, one target; ${rounds} rounds: about ${minutes.toFixed(1)} minutes.
kpps: packets/s received, in thousands, with the sender at full speed; median, slowest and fastest round. ×: the same as a multiple.
CPU µs: of the whole machine per packet at ${rate} packets/s, sent in bursts of ${bursts.join(' or ')}; − forward: in excess of forwarding.
p50 … p99.9: from the sender's system call to the receiver's, at ${latencyRate} packets/s, evenly spaced.
lost: packets lost in all rounds, except at saturation.
TCP: over one connection, devices join its packets.
Sender on CPU ${SENDER_CPU}, load balancer on CPU ${LB_CPU}; receiver on CPU ${SENDER_CPU} with a load balancer in user space, on CPU ${LB_CPU} without.
${cpus().length} CPUs (${cpus()[0]!.model}); other load: ${busy.toFixed(2)} CPUs${busy > 0.05 ? ', too much for meaningful figures' : ''}.
`;
}

/** What a measurement takes besides its traffic. */
const PREPARATION_SECONDS = 0.4;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

await run(program);
