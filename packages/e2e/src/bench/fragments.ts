/**
 * What does a fragment cost, next to a packet that is none? UDP datagrams whole, and in two fragments each, as many IP packets a second of
 * either, two at a time; through nfqlb, and through a kernel that only forwards, whose cost is subtracted: targets put fragments together, which
 * is not the load balancer's work.
 *
 * Only figures of the same round compare (live.ts).
 */
import { Command, run, wholeNumber } from '@nfqlb/options';
import { E2eError } from '../e2e-error.js';
import { LoadBalancer } from '../load-balancer/load-balancer.js';
import { C_NFQLB } from '../load-balancer/program.js';
import { missingPrerequisites } from '../prerequisites.js';
import { Topology } from '../topology/topology.js';
import type { SendOptions } from '../traffic/sender.js';
import { LB_CPU } from './contender.js';
import { costOf } from './cost.js';
import { median } from './report.js';

interface Options {
  readonly rounds: number;
  readonly seconds: number;
  readonly rate: number;
}

/** A table that holds the rate for longer than the time to live. */
const ROOM = ['--ft_size=19997', '--ft_buckets=19997'];

const CONTENDERS: readonly (readonly [name: string, start: (net: Topology) => Promise<unknown>])[] = [
  ['forward', (net) => net.lb.forwardTo(net.target(1))],
  ['nfqlb', (net) => LoadBalancer.start(net, { cpu: LB_CPU, options: [...ROOM, '--tun=nfqlb0'] })],
  ['nfqlb --reassembler', (net) => LoadBalancer.start(net, { cpu: LB_CPU, options: [...ROOM, '--tun=nfqlb0', '--reassembler=20000'] })],
  ...(C_NFQLB ? [['c', (net: Topology) => LoadBalancer.start(net, { program: C_NFQLB!, cpu: LB_CPU, options: ROOM })] as const] : []),
];

const WHOLE: SendOptions = { length: 128, burst: 2 };
const FRAGMENTED: SendOptions = { length: 128, fragmentOctets: 56, burst: 1 };

const program = new Command('fragments')
  .description('measures the CPU time of a fragment next to that of a whole packet')
  .option('--rounds <number>', 'in each, everything is measured once', wholeNumber({ min: 1, max: 100 }), 7)
  .option('--seconds <number>', 'of each measurement', wholeNumber({ min: 1, max: 60 }), 2)
  .option('--rate <packets>', 'IP packets a second', wholeNumber({ min: 1000 }), 60_000)
  .action(bench);

async function bench({ rounds, seconds, rate }: Options): Promise<void> {
  const missing = missingPrerequisites();
  if (missing.length > 0) throw new E2eError('missing-prerequisite', `needs ${missing.join('; ')}`);
  const nets: Topology[] = [];
  try {
    for (const [, start] of CONTENDERS) {
      const net = await Topology.create({ targets: 1 });
      nets.push(net);
      await start(net);
    }
    const whole = nets.map((): number[] => []);
    const fragmented = nets.map((): number[] => []);
    for (let round = -1; round < rounds; round++) {
      for (const [i, net] of nets.entries()) {
        const one = await costOf(net, { ...WHOLE, rate, seconds }, 1);
        const other = await costOf(net, { ...FRAGMENTED, rate: rate / 2, seconds }, 2);
        // Code is compiled and caches are filled in a round that does not count.
        if (round < 0) continue;
        for (const { lostShare } of [one, other])
          if (lostShare > 0.01) throw new Error(`${net.name}: ${(100 * lostShare).toFixed(1)}% were lost`);
        whole[i]!.push(one.perPacket);
        fragmented[i]!.push(other.perPacket);
      }
      process.stderr.write(`round ${round + 1} of ${rounds}\n`);
    }
    const line = (...columns: readonly string[]): void => {
      process.stdout.write(`${columns.map((column, i) => (i === 0 ? column.padEnd(22) : column.padStart(14))).join('')}\n`);
    };
    process.stdout.write(
      `CPU µs of the whole machine for an IP packet at ${rate} packets/s; above: above forwarding; ratio: of what is above\n`,
    );
    line('', 'whole', 'fragment', 'whole, above', 'fragm., above', 'ratio');
    for (const [i, [name]] of CONTENDERS.entries()) {
      const above = (costs: readonly (readonly number[])[]): number[] => costs[i]!.map((value, round) => value - costs[0]![round]!);
      const ratio = median(above(fragmented).map((value, round) => value / above(whole)[round]!));
      const figures = [median(whole[i]!), median(fragmented[i]!), median(above(whole)), median(above(fragmented)), ratio];
      line(name, ...figures.map((value) => (Number.isNaN(value) ? '' : value.toFixed(2))));
    }
  } finally {
    for (const net of nets) await net[Symbol.asyncDispose]();
  }
}

await run(program);
