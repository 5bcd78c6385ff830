/**
 * Compares the cost of a fragment with that of an unfragmented packet: UDP datagrams whole and in two fragments each, at the same rate of IP
 * packets, two at a time, through nfqlb and through a kernel that only forwards. The cost of forwarding is subtracted, since it includes
 * reassembly at the target.
 *
 * Only figures of the same round are comparable (see live.ts).
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

/** A fragment table large enough to hold all entries at this rate for the time to live. */
const FRAGMENT_TABLE = ['--ft_size=19997', '--ft_buckets=19997'];

const CONTENDERS: readonly (readonly [name: string, start: (net: Topology) => Promise<unknown>])[] = [
  ['forward', (net) => net.lb.forwardTo(net.target(1))],
  ['nfqlb', (net) => LoadBalancer.start(net, { cpu: LB_CPU, options: [...FRAGMENT_TABLE, '--tun=nfqlb0'] })],
  [
    'nfqlb --reassembler',
    (net) => LoadBalancer.start(net, { cpu: LB_CPU, options: [...FRAGMENT_TABLE, '--tun=nfqlb0', '--reassembler=20000'] }),
  ],
  ...(C_NFQLB
    ? [['c', (net: Topology) => LoadBalancer.start(net, { program: C_NFQLB!, cpu: LB_CPU, options: FRAGMENT_TABLE })] as const]
    : []),
];

const WHOLE: SendOptions = { length: 128, burst: 2 };
const FRAGMENTED: SendOptions = { length: 128, fragmentOctets: 56, burst: 1 };

const program = new Command('fragments')
  .description('compares the CPU time of a fragment with that of a whole packet')
  .option('--rounds <number>', 'rounds; each measures everything once', wholeNumber({ min: 1, max: 100 }), 7)
  .option('--seconds <number>', 'duration of each measurement', wholeNumber({ min: 1, max: 60 }), 2)
  .option('--rate <packets>', 'IP packets per second', wholeNumber({ min: 1000, max: 10_000_000 }), 60_000)
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
        // The first round is a warm-up and does not count.
        if (round < 0) continue;
        for (const { lostShare } of [one, other])
          if (lostShare > 0.01) throw new Error(`${net.name}: ${(100 * lostShare).toFixed(1)}% lost`);
        whole[i]!.push(one.perPacket);
        fragmented[i]!.push(other.perPacket);
      }
      process.stderr.write(`round ${round + 1} of ${rounds}\n`);
    }
    const line = (...columns: readonly string[]): void => {
      process.stdout.write(`${columns.map((column, i) => (i === 0 ? column.padEnd(22) : column.padStart(14))).join('')}\n`);
    };
    process.stdout.write(
      `CPU µs of the whole machine per IP packet at ${rate} packets/s; above: in excess of forwarding; ratio: of the excess\n`,
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
