/**
 * Measures stalls while flows are redefined: UDP through `flowlb` with thousands of flows, of VIPs and ports, all with a higher priority than the flow
 * that matches the packets. What a packet costs with so many flows, `pnpm bench:live --scenario=flows-1,flows-10000` measures.
 */
import { Command, run, wholeNumber } from '@nfqlb/options';
import { E2eError } from '../e2e-error.js';
import { FLOW_ADDRESS } from '../load-balancer/flow-commands.js';
import { LoadBalancer } from '../load-balancer/load-balancer.js';
import { ManyFlows } from '../load-balancer/many-flows.js';
import { missingPrerequisites } from '../prerequisites.js';
import { Topology } from '../topology/topology.js';
import { lost, Receiver } from '../traffic/receiver.js';
import { Sender, type SendOptions, type Sent } from '../traffic/sender.js';
import { SENDER_CPU } from './contender.js';
import { median } from './statistics.js';

interface Options {
  readonly rounds: number;
  readonly seconds: number;
  readonly rate: number;
  readonly flows: number;
  readonly tables: number;
}

const program = new Command('flow-changes')
  .description('measures how long packets wait while flows are redefined')
  .option('--rounds <number>', 'rounds; each measures once without changes and once with', wholeNumber({ min: 1, max: 100 }), 7)
  .option('--seconds <number>', 'duration of each measurement', wholeNumber({ min: 1, max: 60 }), 2)
  .option('--rate <packets>', 'packets per second', wholeNumber({ min: 1000, max: 10_000_000 }), 60_000)
  .option('--flows <number>', 'number of flows', wholeNumber({ min: 1, max: 65_000 }), 10_000)
  .option('--tables <number>', 'number of tables of these flows', wholeNumber({ min: 1, max: 2000 }), 200)
  .action(bench);

async function bench(options: Options): Promise<void> {
  const missing = missingPrerequisites();
  if (missing.length > 0) throw new E2eError('missing-prerequisite', `needs ${missing.join('; ')}`);
  await measureStalls(options);
}

/** Alternates rounds with unchanged and with redefined flows, since other load on the machine also causes stalls. */
async function measureStalls({ rounds, seconds, rate, flows: count, tables }: Options): Promise<void> {
  await using net = await Topology.create({ targets: 2 });
  // On all CPUs, as in normal use: flows are compiled in parallel with packet processing.
  const lb = await LoadBalancer.start(net, { flows: true, flowAddress: FLOW_ADDRESS, targets: [net.target(1)] });
  const flows = new ManyFlows(net, lb, { count, tables });
  const begin = performance.now();
  await flows.define();
  process.stderr.write(`${count} flows to ${tables} tables applied in ${((performance.now() - begin) / 1000).toFixed(1)} s\n`);
  const alone: Stalls[] = [];
  const changing: Stalls[] = [];
  for (let round = 0; round < rounds; round++) {
    alone.push(await stallsOf(net, lb, { rate, seconds }, async () => {}));
    changing.push(await stallsOf(net, lb, { rate, seconds }, () => flows.redefine(seconds)));
  }
  process.stdout.write(`\nStalls at ${rate} packets/s with ${count} flows, ms: median and worst of ${rounds} rounds of ${seconds} s\n`);
  for (const [name, rounds] of [
    ['flows unchanged', alone],
    ['50 redefined per second', changing],
  ] as const) {
    const column = (figure: (stalls: Stalls) => number): string =>
      `${median(rounds.map(figure)).toFixed(1).padStart(6)} ${Math.max(...rounds.map(figure))
        .toFixed(1)
        .padStart(6)}`;
    const lost = rounds.reduce((sum, stalls) => sum + stalls.lost, 0);
    const wrong = rounds.reduce((sum, stalls) => sum + stalls.wrong, 0);
    process.stdout.write(
      `${name.padEnd(24)}longest batch of a worker ${column(({ batch }) => batch)}   longest latency of a packet ${column(({ latency }) => latency)}   lost ${lost}, misrouted or duplicated ${wrong}\n`,
    );
  }
  process.stdout.write('goal: no batch longer than 5 ms, no packet lost or misrouted\n');
}

interface Stalls {
  /** Milliseconds. */
  readonly batch: number;
  readonly latency: number;
  /** Packets. */
  readonly lost: number;
  readonly wrong: number;
}

async function stallsOf(net: Topology, lb: LoadBalancer, options: SendOptions, meanwhile: () => Promise<void>): Promise<Stalls> {
  const astray = await net.lb.astray();
  const [sent, received, batch] = await (async () => {
    await using receiver = await Receiver.start(net, { cpu: SENDER_CPU, flows: 1000 });
    let sent: Sent | undefined;
    const batch = await lb.longestBatch(async () => {
      await using sender = await Sender.start(net, { sourceAddresses: 10, sourcePorts: 100, cpu: SENDER_CPU, ...options });
      [sent] = await Promise.all([sender.finish(), meanwhile()]);
    });
    return [sent!, await receiver.finish(), batch];
  })();
  return {
    batch,
    latency: received.latency.longest / 1000,
    lost: lost(received, sent),
    wrong: received.duplicates + received.foreign + (received.byTarget[1] ?? 0) + (await net.lb.astray()) - astray,
  };
}

await run(program);
