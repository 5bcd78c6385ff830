// How much memory a load balancer needs, and that it does not grow. NFQLB_MEMORY_SECONDS=3600 sends for an hour instead of some seconds.

import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { LoadBalancer, type LoadBalancerOptions } from '../load-balancer/load-balancer.js';
import { ManyFlows } from '../load-balancer/many-flows.js';
import { NFQLB } from '../load-balancer/program.js';
import type { Running } from '../processes/running.js';
import { Site, targetOf } from '../run/site.js';
import { makeBare } from '../setup/router.js';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { Receiver } from '../traffic/receiver.js';
import { Sender } from '../traffic/sender.js';
import { inMebi, MEBI, type MemoryUse, memoryOf } from './memory-use.js';

/** How long each kind of packets is sent. */
const SECONDS = Number(process.env.NFQLB_MEMORY_SECONDS ?? 4);
/** Packets a second. A busy machine may lose some: that is other tests' matter. */
const RATE = 60_000;

/** The most that one queue, and each further one, may need: docs/operations.md says what it is made of. */
const ONE_QUEUE = 80 * MEBI;
const FURTHER_WORKER = 15 * MEBI;
/** Not goals: what was measured, and a fifth more. */
const MANY_FLOWS = 280 * MEBI;
const RUN = 120 * MEBI;
/** What heaps grow and shrink by from one collection to the next. */
const BREATH = 4 * MEBI;

/** Uses of memory, at regular times, while packets are sent. */
async function underLoad(net: Topology, { pid }: Running, packets: { readonly fragmentOctets?: number } = {}): Promise<MemoryUse[]> {
  await using receiver = await Receiver.start(net, { period: 1000 });
  const length = packets.fragmentOctets === undefined ? 64 : 200;
  const sender = {
    seconds: SECONDS,
    rate: packets.fragmentOctets === undefined ? RATE : RATE / 4,
    burst: 16,
    sourcePorts: 1000,
    length,
    ...packets,
  };
  await using sending = await Sender.start(net, sender);
  const uses: MemoryUse[] = [];
  while (uses.length < 24) {
    await sleep((SECONDS * 1000) / 25);
    uses.push(memoryOf(pid));
  }
  const { sent } = await sending.finish();
  // That they were balanced.
  expect((await receiver.finish()).distinct).toBeGreaterThan(sent / 10);
  return uses;
}

/** The use at the end. It must not have grown since the first half, in which the code was compiled and buffers came into use. */
function flat(what: string, uses: readonly MemoryUse[]): number {
  const most = (part: readonly MemoryUse[]): number => Math.max(...part.map(({ resident }) => resident));
  const half = uses.length / 2;
  console.log(
    `${what}: ${inMebi(uses.at(-1)!)}; first half at most ${(most(uses.slice(0, half)) / MEBI).toFixed(1)}, second ${(most(uses.slice(half)) / MEBI).toFixed(1)}`,
  );
  expect(most(uses.slice(half)) - most(uses.slice(0, half))).toBeLessThan(BREATH);
  return most(uses.slice(half));
}

async function start(net: Topology, options: LoadBalancerOptions): Promise<LoadBalancer> {
  const lb = await LoadBalancer.start(net, {
    fast: false,
    ...options,
    options: ['--qlength=8192', '--tun=nfqlb0', '--reassembler=5000', '--ft_size=997', '--ft_buckets=1000'],
  });
  await sleep(500);
  return lb;
}

const TIMEOUT = { timeout: 4 * SECONDS * 1000 + 60_000 };

describeLive(
  'memory',
  () => {
    test('of lb with one queue, and of each further worker, with whole packets and fragments', TIMEOUT, async () => {
      const most: number[] = [];
      for (const queue of ['0', '0:3']) {
        await using net = await Topology.create({ targets: 4 });
        await using lb = await start(net, { queue });
        console.log(`queues ${queue}, no packets yet: ${inMebi(memoryOf(lb.process.pid))}`);
        const whole = flat(`queues ${queue}, whole packets`, await underLoad(net, lb.process));
        const parts = flat(`queues ${queue}, fragments`, await underLoad(net, lb.process, { fragmentOctets: 64 }));
        most.push(Math.max(whole, parts));
      }
      expect(most[0]).toBeLessThanOrEqual(ONE_QUEUE);
      expect((most[1]! - most[0]!) / 3).toBeLessThanOrEqual(FURTHER_WORKER);
    });

    test('of lb with the fast path', TIMEOUT, async () => {
      await using net = await Topology.create({ targets: 4 });
      await using lb = await start(net, { queue: '0', fast: true });
      expect(flat('the fast path', await underLoad(net, lb.process))).toBeLessThanOrEqual(ONE_QUEUE);
    });

    test('of flowlb with 10,000 flows', TIMEOUT, async () => {
      await using net = await Topology.create({ targets: 4 });
      await using lb = await start(net, { queue: '0', flows: true });
      await new ManyFlows(net, lb, { count: 10_000, tables: 10 }).define();
      expect(flat('10,000 flows', await underLoad(net, lb.process))).toBeLessThanOrEqual(MANY_FLOWS);
    });

    test('of run', TIMEOUT, async () => {
      await using net = await Topology.create({ targets: 4 });
      await makeBare(net);
      await using site = new Site(net);
      const targets = net.targets.map((target) => targetOf(net, target));
      const web = { mode: 'dsr', vips: [`${net.vip4}/32`, `${net.vip6}/128`], targets };
      site.write({ tables: { [net.sharedMemory('web')]: web }, options: { queue: '0', qlength: 8192 } });
      await site.start();
      expect(flat('run', await underLoad(net, site.process))).toBeLessThanOrEqual(RUN);
    });
  },
  NFQLB,
);
