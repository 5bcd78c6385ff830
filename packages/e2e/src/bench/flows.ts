/**
 * What does a packet cost when there are many flows? UDP through `flowlb` with one flow, and with thousands: VIPs and ports, all of higher priority
 * than the one that has the packets. And while flows are redefined.
 *
 * Only figures of the same round compare (live.ts).
 */
import { Command, run, wholeNumber } from '@nfqlb/options';
import { E2eError } from '../e2e-error.js';
import { FLOW_ADDRESS, sayToFlowLb } from '../load-balancer/flow-commands.js';
import { LoadBalancer } from '../load-balancer/load-balancer.js';
import { missingPrerequisites } from '../prerequisites.js';
import { Topology } from '../topology/topology.js';
import { LB_CPU } from './contender.js';
import { costOf } from './cost.js';
import { median } from './report.js';

interface Options {
  readonly rounds: number;
  readonly seconds: number;
  readonly rate: number;
  readonly flows: number;
}

const program = new Command('flows')
  .description('measures the CPU time of a packet with one flow and with many')
  .option('--rounds <number>', 'in each, everything is measured once', wholeNumber({ min: 1, max: 100 }), 7)
  .option('--seconds <number>', 'of each measurement', wholeNumber({ min: 1, max: 60 }), 2)
  .option('--rate <packets>', 'a second', wholeNumber({ min: 1000 }), 60_000)
  .option('--flows <number>', 'that are many', wholeNumber({ min: 1, max: 65_000 }), 10_000)
  .action(bench);

async function bench({ rounds, seconds, rate, flows }: Options): Promise<void> {
  const missing = missingPrerequisites();
  if (missing.length > 0) throw new E2eError('missing-prerequisite', `needs ${missing.join('; ')}`);
  await using few = await Topology.create({ targets: 1 });
  await using many = await Topology.create({ targets: 1 });
  for (const [net, others] of [
    [few, 0],
    [many, flows - 1],
  ] as const) {
    const lb = await LoadBalancer.start(net, { flows: true, flowAddress: FLOW_ADDRESS, cpu: LB_CPU });
    const define = (name: string, priority: number, rest: string): string =>
      `action:set\nname:${name}\ntarget:${lb.table}\npriority:${priority}\n${rest}eoc:\n`;
    const usual = Array.from({ length: others }, (_, i) =>
      define(`f${i}`, 1 + (i % 9), `protocols:udp\ndsts:10.9.${i >> 8}.${i & 255}/32\ndports:${1 + (i % 60_000)}\n`),
    );
    const begin = performance.now();
    const accepted = await sayToFlowLb(net.lb, [define('application', 0, `dsts:${net.vip4}/32\n`), ...usual]);
    if (accepted !== 1 + others) throw new Error(`${others - accepted} flows were refused`);
    process.stderr.write(`${accepted} flows defined, one after the other, in ${((performance.now() - begin) / 1000).toFixed(1)} s\n`);
  }
  const costs: [number, number][] = [];
  for (let round = -1; round < rounds; round++) {
    const [one, all] = [await costOf(few, { rate, seconds }, 1), await costOf(many, { rate, seconds }, 1)];
    // Code is compiled and caches are filled in a round that does not count.
    if (round < 0) continue;
    if (one.lostShare + all.lostShare > 0.01) throw new Error('packets were lost: the machine is too slow for this rate');
    costs.push([one.perPacket, all.perPacket]);
  }
  const ratio = median(costs.map(([one, all]) => all / one));
  process.stdout.write(`CPU µs of the whole machine for a packet at ${rate} packets/s, medians of ${rounds} rounds\n`);
  process.stdout.write(
    `1 flow ${median(costs.map(([one]) => one)).toFixed(1)}   ${flows} flows ${median(costs.map(([, all]) => all)).toFixed(1)}   ratio ${ratio.toFixed(2)}   goal: at most 1.15\n`,
  );
}

await run(program);
