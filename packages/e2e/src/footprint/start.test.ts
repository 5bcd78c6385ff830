// How long it takes from exec until the first packet is at its target. docs/operations.md has figures.

import { expect, test } from 'vitest';
import { LoadBalancer } from '../load-balancer/load-balancer.js';
import { NFQLB } from '../load-balancer/program.js';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { Sender } from '../traffic/sender.js';

const STARTS = 5;
/** The most that a start may take on an idle machine, ms. */
const GOAL_MS = 250;
/** What `node -e 0` takes on the idle machine of docs/operations.md, ms. Where it takes longer, everything does. */
const IDLE_NODE_MS = 54;
/** Packets a second: one is there at nearly every moment. */
const RATE = 2000;

/** Since the epoch, as tcpdump prints it; in milliseconds. */
const now = (): number => performance.timeOrigin + performance.now();

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

/** How long a program takes that does nothing but start Node. */
async function bareStart(net: Topology): Promise<number> {
  const begin = now();
  await net.lb.run([process.execPath, '-e', '0']);
  return now() - begin;
}

/** From the start of the program until the kernel has the first packet at the target. */
async function firstPacket(net: Topology, lb: LoadBalancer): Promise<number> {
  const target = net.target(1);
  const capture = ['tcpdump', '-nn', '-tt', '-l', '-c', '1', '-i', 'any', `udp and dst host ${net.vip4} and dst port 5000`];
  await using watch = await target.spawn(capture);
  await watch.waitForOutput(/listening on/);
  await using sender = await Sender.start(net, { rate: RATE });
  const begin = now();
  await lb.restart();
  const [, seconds] = await watch.waitForOutput(/^(\d+\.\d+) /m, 30_000);
  await sender.stop();
  await lb.kill();
  return Number(seconds) * 1000 - begin;
}

describeLive(
  'nfqlb lb',
  () => {
    test(`has delivered the first packet ${GOAL_MS} ms after exec`, async () => {
      await using net = await Topology.create();
      await using lb = await LoadBalancer.start(net);
      await lb.kill();
      const bare: number[] = [];
      const starts: number[] = [];
      for (let i = 0; i < STARTS; i++) {
        bare.push(await bareStart(net));
        starts.push(await firstPacket(net, lb));
      }
      const listed = (values: readonly number[]): string => values.map((value) => value.toFixed(0)).join(', ');
      console.log(
        `ms from exec to the first packet at the target: ${listed(starts)}, median ${median(starts).toFixed(0)}; node -e 0: ${listed(bare)}, median ${median(bare).toFixed(0)}`,
      );
      // No start is over before Node's is.
      expect(Math.min(...starts)).toBeGreaterThan(Math.min(...bare) / 2);
      expect(median(starts)).toBeLessThanOrEqual(GOAL_MS * Math.max(1, median(bare) / IDLE_NODE_MS));
    }, 120_000);
  },
  NFQLB,
  { tcpdump: 'tcpdump' },
);
