import type { Contender } from './contender.js';
import { type Cost, type Family, type Figures, LOSS_LOAD, type ProcessFigures } from './figures.js';
import { garbageCollections } from './garbage-collections.js';
import { type Load, offer } from './offer.js';
import { residentMemoryOf } from './resident-memory.js';
import type { Scenario } from './scenario.js';

export interface Conditions {
  /** Duration of each measurement. */
  readonly seconds: number;
  /** Packets/s for CPU times. */
  readonly costRate: number;
  /** Packets per wake-up of the sender, for CPU times; one measurement each. */
  readonly bursts: readonly number[];
  /** Packets/s for latencies; `half-c`: half of what C nfqlb can at most, in the scenario. */
  readonly latencyRate: number | typeof HALF_OF_C;
  /** Connections/s for CPU times and latencies of short connections. */
  readonly connectionRate: number;
}

export const HALF_OF_C = 'half-c';

/**
 * Polling interval of the receiver, except when latencies are measured, µs. It runs on the same machine, unlike a real target: waking it up for each
 * packet takes about a quarter of the load balancer's CPU.
 */
const RECEIVER_PERIOD = 1000;

/**
 * Measures a contender once.
 *
 * @param latencyRate what the traffic is counted in, per second
 */
export async function measure(
  contender: Contender,
  scenario: Scenario,
  family: Family,
  conditions: Conditions,
  latencyRate: number,
): Promise<Figures> {
  const { traffic } = scenario;
  const { seconds, costRate, bursts, connectionRate } = conditions;
  const at = (load: Omit<Load, 'family' | 'seconds'> = {}): ReturnType<typeof offer> =>
    offer(contender, traffic, { family, seconds, ...load });

  const traced = contender.lb?.process.stdout.length ?? 0;
  const dropsBefore = await dropped(contender);
  const saturated = await at({ period: RECEIVER_PERIOD });
  const dropsSaturated = await dropped(contender);
  const figures = { rate: saturated.arrived, offered: saturated.offered };
  const rest = async (): Promise<Pick<Figures, 'drops' | 'process'>> => ({
    ...(contender.lb && {
      drops: { atSaturation: dropsSaturated - dropsBefore, otherwise: (await dropped(contender)) - dropsSaturated },
      process: processFigures(contender.lb.process.pid, contender.lb.process.stdout.slice(traced), contender.name !== 'c'),
    }),
  });
  if (traffic.kind === 'bulk') return { ...figures, costs: [], ...(await rest()) };

  const costs: Cost[] = [];
  const packets = traffic.kind === 'datagrams';
  const rate = packets ? costRate : connectionRate;
  for (const burst of packets ? bursts : [1]) {
    const { cost, costSampled, lostShare } = await at({ rate, burst, period: RECEIVER_PERIOD });
    costs.push({ rate, burst, each: cost, eachSampled: costSampled, lostShare });
  }
  const timed = await at({ rate: latencyRate });
  const lossRate = LOSS_LOAD * saturated.arrived;
  const loaded = await at({ rate: lossRate, period: RECEIVER_PERIOD });
  return {
    ...figures,
    costs,
    latency: { rate: latencyRate, times: timed.times!, lostShare: timed.lostShare },
    loss: { rate: lossRate, share: loaded.lostShare },
    ...(await rest()),
  };
}

/** Packets that the kernel has dropped so far because a queue or its listener's socket was full. */
async function dropped({ lb }: Contender): Promise<number> {
  if (!lb) return 0;
  return (await lb.queueStatus()).reduce((sum, { queueDropped, userDropped }) => sum + queueDropped + userDropped, 0);
}

function processFigures(pid: number, trace: string, collects: boolean): ProcessFigures {
  return { resident: residentMemoryOf(pid), ...(collects && { collections: garbageCollections(trace) }) };
}
