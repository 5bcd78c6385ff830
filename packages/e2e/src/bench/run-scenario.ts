import { setTimeout as sleep } from 'node:timers/promises';
import { E2eError } from '../e2e-error.js';
import { type Contender, type Entry, enter, entries } from './contender.js';
import type { Family, Figures } from './figures.js';
import { type Conditions, HALF_OF_C, measure } from './measurement.js';
import { offer } from './offer.js';
import type { Scenario } from './scenario.js';

export interface RunOptions extends Conditions {
  readonly rounds: number;
  /** Default: the scenario's. */
  readonly families?: readonly Family[];
  /** Contenders besides `forward`. Default: all. */
  readonly only?: readonly string[];
  readonly variants?: readonly string[];
}

/** All figures of a scenario over one IP version. */
export interface ScenarioResult {
  readonly scenario: string;
  readonly family: Family;
  /** By contender, the figures of each round. */
  readonly contenders: Readonly<Record<string, readonly Figures[]>>;
}

/** Before the first round, which counts; seconds. */
const WARM_UP_SECONDS = 0.2;

/**
 * Measures a scenario in rounds, in which contenders take turns: the machine's speed changes from minute to minute, so only figures of the same
 * round are comparable.
 *
 * @param progress is told what has been done
 */
export async function runScenario(scenario: Scenario, options: RunOptions, progress: (text: string) => void): Promise<ScenarioResult[]> {
  const { rounds, families = scenario.families } = options;
  const contenders: Contender[] = [];
  try {
    // If one fails, those already created are removed when the process exits.
    for (const entry of chosen(scenario, options)) {
      const contender = await enter(entry, scenario.site);
      contenders.push(contender);
      rest(contender);
    }
    const results: ScenarioResult[] = [];
    const figures = new Map(families.map((family) => [family, new Map(contenders.map(({ name }): [string, Figures[]] => [name, []]))]));
    const latencyRates = new Map<Family, number>();
    for (const family of families) {
      const latencyRate = await latencyRateOf(scenario, family, options, contenders);
      latencyRates.set(family, latencyRate);
      for (const contender of contenders) {
        const warmUp = { ...options, seconds: Math.min(options.seconds, WARM_UP_SECONDS) };
        await awake(contender, () => measure(contender, scenario, family, warmUp, latencyRate));
      }
    }
    for (let round = 0; round < rounds; round++) {
      for (const family of families) {
        for (const contender of inTurn(contenders, round)) {
          const latencyRate = latencyRates.get(family)!;
          const measured = await awake(contender, () => measure(contender, scenario, family, options, latencyRate));
          figures.get(family)!.get(contender.name)!.push(measured);
        }
      }
      progress(`${scenario.name}: round ${round + 1} of ${rounds}`);
    }
    for (const family of families) results.push({ scenario: scenario.name, family, contenders: Object.fromEntries(figures.get(family)!) });
    return results;
  } finally {
    // A process that rests does not end when it is asked to.
    for (const { lb } of contenders) lb?.process.signal('SIGCONT');
    for (const { net } of contenders) await net[Symbol.asyncDispose]();
  }
}

/** Stops a load balancer while others are measured: it would take their CPU ten times a second, to look after its tables. */
function rest({ lb }: Contender): void {
  lb?.process.signal('SIGSTOP');
}

/** For what a process does first when it may go on. */
const AWAKENING_MS = 50;

/** Has a load balancer go on for as long as it is measured. */
async function awake<T>(contender: Contender, work: () => Promise<T>): Promise<T> {
  contender.lb?.process.signal('SIGCONT');
  await sleep(AWAKENING_MS);
  const result = await work();
  rest(contender);
  return result;
}

/** The contenders that are measured. */
export function chosen({ site }: Scenario, { only, variants = [] }: Pick<RunOptions, 'only' | 'variants'>): Entry[] {
  return entries(site, variants).filter(({ name }) => name === 'forward' || !only || only.includes(name));
}

/** Each round starts with a different contender, so that the order varies. */
function inTurn(contenders: readonly Contender[], round: number): Contender[] {
  const first = round % contenders.length;
  return [...contenders.slice(first), ...contenders.slice(0, first)];
}

async function latencyRateOf(
  { traffic }: Scenario,
  family: Family,
  { latencyRate, connectionRate, seconds }: RunOptions,
  contenders: readonly Contender[],
): Promise<number> {
  // Has no rate but its own.
  if (traffic.kind === 'bulk') return 0;
  if (latencyRate !== HALF_OF_C) return traffic.kind === 'connections' ? connectionRate : latencyRate;
  const c = contenders.find(({ name }) => name === 'c');
  if (!c) throw new E2eError('conflict', `--latency-rate=${HALF_OF_C}: C nfqlb is not among the contenders; NFQLB_C must name its program`);
  return (await awake(c, () => offer(c, traffic, { family, seconds }))).arrived / 2;
}

/** What a measurement takes besides its traffic, seconds; and a contender to be set up. */
const PREPARATION_SECONDS = 0.45;
const SET_UP_SECONDS = 1;
/** A flow command to C nfqlb takes longer the more flows there are. */
const FLOW_SECONDS = 0.001;

/** About how many seconds a scenario takes. */
export function secondsFor(scenario: Scenario, options: RunOptions): number {
  const { rounds, families = scenario.families, seconds, bursts } = options;
  const { kind } = scenario.traffic;
  const measurements = kind === 'bulk' ? 1 : 3 + (kind === 'datagrams' ? bursts.length : 1);
  const each = (measuring: number): number => measurements * (measuring + PREPARATION_SECONDS);
  const contenders = chosen(scenario, options);
  const flows = contenders.some(({ name }) => name === 'c') ? (scenario.site.flows ?? 0) * FLOW_SECONDS : 0;
  return contenders.length * (SET_UP_SECONDS + families.length * (rounds * each(seconds) + each(WARM_UP_SECONDS))) + flows;
}
