/**
 * Compares how fast nfqlb forwards with the kernel without a load balancer, the kernel's HMARK, and C nfqlb, in one scenario after the other. Real
 * packets from a client through the LB to a target, each in a network namespace. `fast` is nfqlb with its decisions in the kernel.
 *
 * All contenders of a scenario are set up from its start and take turns.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Command, list, oneOf, repeatable, run, wholeNumber } from '@nfqlb/options';
import { E2eError } from '../e2e-error.js';
import { missingPrerequisites } from '../prerequisites.js';
import { LB_CPU, SENDER_CPU } from './contender.js';
import { cpuTime, cpuTimeBetween } from './cpu-time.js';
import { type Family, LOSS_LOAD, OVERLOAD } from './figures.js';
import type { LiveRun } from './live-run.js';
import { type Machine, thisMachine } from './machine.js';
import { HALF_OF_C } from './measurement.js';
import { familyName } from './quantity.js';
import { chosen, type RunOptions, runScenario, type ScenarioResult, secondsFor } from './run-scenario.js';
import type { Scenario } from './scenario.js';
import { SCENARIOS, scenario, scenarioNames } from './scenarios.js';
import { cellsOf, summarize, textTable } from './summary.js';

interface Options {
  readonly scenario?: readonly string[];
  readonly rounds: number;
  readonly seconds: number;
  readonly families?: readonly Family[];
  readonly rate: number;
  readonly bursts: readonly number[];
  readonly latencyRate: number | typeof HALF_OF_C;
  readonly connectionRate: number;
  readonly only?: readonly string[];
  readonly variant?: readonly string[];
  readonly cFlags?: string;
  readonly json: string;
}

const RESULTS = fileURLToPath(new URL('../../build/live.json', import.meta.url));

const packetsPerSecond = wholeNumber({ min: 1000, max: 10_000_000 });

const program = new Command('live')
  .description('measures forwarding in scenarios: how much at saturation, CPU time, latency, loss, memory')
  .option('--scenario <list>', 'scenarios; default: all', scenarioNames)
  .option('--rounds <number>', 'rounds; each measures every contender once', wholeNumber({ min: 1, max: 100 }), 3)
  .option('--seconds <number>', 'duration of each measurement', wholeNumber({ min: 1, max: 60 }), 1)
  .option(
    '--families <list>',
    'IPv4 (4), IPv6 (6); default: as the scenario says',
    list((value: string) => Number(oneOf('4', '6')(value)) as Family),
  )
  .option('--rate <packets>', 'packets per second, for CPU times', packetsPerSecond, 60_000)
  .option('--bursts <list>', 'packets per wake-up of the sender, for CPU times', list(wholeNumber({ min: 1, max: 64 })), [1])
  .option(
    '--latency-rate <packets>',
    `packets per second, for latencies; ${HALF_OF_C}: half of C nfqlb's at saturation`,
    (value: string) => (value === HALF_OF_C ? HALF_OF_C : packetsPerSecond(value)),
    60_000,
  )
  .option('--connection-rate <connections>', 'short connections per second, likewise', wholeNumber({ min: 10, max: 100_000 }), 2000)
  .option(
    '--only <list>',
    'contenders to measure, besides forward',
    list((value: string) => value),
  )
  .option(
    '--variant <options>',
    'also measure nfqlb with these options; may be repeated',
    repeatable((value: string) => value),
  )
  .option('--c-flags <flags>', 'how C nfqlb was compiled, to be reported')
  .option('--json <file>', 'output file for all figures of every round', RESULTS)
  .action(bench);

async function bench(options: Options): Promise<void> {
  const missing = missingPrerequisites();
  if (missing.length > 0) throw new E2eError('missing-prerequisite', `needs ${missing.join('; ')}`);
  const scenarios = options.scenario?.map(scenario) ?? SCENARIOS;
  const { rounds, seconds, rate: costRate, bursts, latencyRate, connectionRate, variant, only, families, json } = options;
  const conditions = { seconds, costRate, bursts, latencyRate, connectionRate };
  const runOptions: RunOptions = {
    ...conditions,
    rounds,
    ...(families && { families }),
    ...(only && { only }),
    ...(variant && { variants: variant }),
  };
  rejectUnknown(scenarios, runOptions);
  const machine = thisMachine(options.cFlags);
  const busy = await otherLoad();
  say(describe(scenarios, runOptions, machine, busy));
  const results: ScenarioResult[] = [];
  for (const one of scenarios) {
    for (const result of await runScenario(one, runOptions, (line) => process.stderr.write(`${line}\n`))) {
      results.push(result);
      say(`${one.name}, ${familyName(result.family)}: ${one.title}\n${textTable(cellsOf(summarize([result], bursts)))}\n`);
    }
    // After each, so that an interruption loses one at most.
    const date = new Date().toISOString().slice(0, 10);
    mkdirSync(dirname(json), { recursive: true });
    writeFileSync(
      json,
      `${JSON.stringify({ kind: 'live', date, machine, busy, rounds, conditions, results } satisfies LiveRun, null, 2)}\n`,
    );
  }
  say(`All figures: ${json}`);
}

function rejectUnknown(scenarios: readonly Scenario[], options: RunOptions): void {
  const { only = [] } = options;
  const known = new Set(scenarios.flatMap((one) => chosen(one, { variants: options.variants ?? [] }).map(({ name }) => name)));
  const unknown = only.find((name) => !known.has(name));
  if (unknown === undefined) return;
  const hint = unknown === 'c' ? '; the environment variable NFQLB_C must name the program' : '';
  throw new E2eError('conflict', `--only: ${unknown}: must be one of ${[...known].join(', ')}${hint}`);
}

/** CPUs kept busy by other programs on this machine. */
async function otherLoad(): Promise<number> {
  const before = cpuTime();
  await sleep(1000);
  return cpuTimeBetween(before, cpuTime()).busy;
}

function describe(scenarios: readonly Scenario[], options: RunOptions, machine: Machine, busy: number): string {
  const { rounds, costRate, bursts, latencyRate, connectionRate } = options;
  const seconds = scenarios.map((one) => secondsFor(one, options));
  const minutes = (value: number): string => (value / 60).toFixed(1);
  const each = scenarios.map(({ name }, i) => `${name} ${minutes(seconds[i]!)}`).join(', ');
  return `${rounds} rounds: about ${minutes(seconds.reduce((sum, value) => sum + value, 0))} minutes (${each}).
per second: what arrives, with the sender at full speed; median, slowest and fastest round. ×: the same as a multiple, in the same round.
CPU µs: of the whole machine, at ${costRate} packets/s in bursts of ${bursts.join(' or ')}, or ${connectionRate} connections/s, in excess of forwarding.
p50 … p99.9: of a packet from the sender's system call to the receiver's, at ${latencyRate === HALF_OF_C ? 'half of what C nfqlb can' : `${latencyRate} packets/s`}, evenly spaced; of a connection until its answer.
lost: at ${100 * LOSS_LOAD}% of what the contender itself delivers at saturation. queue drops: by the kernel, except at saturation.
–: does not apply, or more than ${100 * OVERLOAD}% were lost, so that it would be that of an overload.
Sender on CPU ${SENDER_CPU}, load balancer on CPU ${LB_CPU}; receiver on CPU ${SENDER_CPU} with a load balancer in user space, on CPU ${LB_CPU} without.
${machine.cpus} CPUs (${machine.cpu}); other load: ${busy.toFixed(2)} CPUs${busy > 0.05 ? ', too much for meaningful figures' : ''}.
`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

await run(program);
