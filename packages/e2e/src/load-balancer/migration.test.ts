// A tier of two load balancers is replaced one at a time under traffic: by a new version, or C nfqlb by this program.

import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { describeLive } from '../testing/describe-live.js';
import type { LbHost } from '../topology/host.js';
import { Topology } from '../topology/topology.js';
import { EchoServers } from '../traffic/echo.js';
import { type Answers, Questions } from '../traffic/questions.js';
import { lost, Receiver } from '../traffic/receiver.js';
import { Sender } from '../traffic/sender.js';
import { LoadBalancer } from './load-balancer.js';
import { C_NFQLB, NFQLB, type Program } from './program.js';

/** What the tier runs before. C nfqlb only where NFQLB_C names it. */
const olds: readonly Program[] = C_NFQLB ? [NFQLB, C_NFQLB] : [NFQLB];

/** The client sends new and old connections to these only, as routers do when the others withdraw their route. */
async function steer(net: Topology, ...lbs: readonly LbHost[]): Promise<void> {
  for (const family of ['ipv4', 'ipv6'] as const) {
    const nextHops = lbs.map(({ host }) => `nexthop via ${net.client.wire(host).peer[family]}`).join(' ');
    await net.client.ip(`route replace ${net.vip(family === 'ipv4' ? 4 : 6)} ${nextHops}`);
  }
}

/** Waits until the client has sent a load balancer nothing for 0.3 s: packets that were on their way have arrived. */
async function quiet(lb: LbHost): Promise<void> {
  const received = async (): Promise<number> => (await lb.counts('client')).received;
  for (let before = -1, now = await received(); now !== before; [before, now] = [now, await received()]) await sleep(300);
}

/** The target of each of 1000 flows, starting at 0, through one load balancer. */
async function targetsThrough(net: Topology, lb: LbHost, family: 4 | 6): Promise<number[]> {
  await using receiver = await Receiver.start(net, { eachFlow: true });
  await using sender = await Sender.start(net, { lb, family, rate: 10_000, count: 2000, sourceAddresses: 10, sourcePorts: 100 });
  const sent = await sender.finish();
  const received = await receiver.finish();
  expect(received).toMatchObject({ flows: 1000, splitFlows: 0, overflows: 0 });
  expect(lost(received, sent)).toBe(0);
  return received.byFlow!.slice(0, 1000).map((counts) => counts.findIndex((count) => count > 0));
}

function start(net: Topology, host: LbHost, program: Program): Promise<LoadBalancer> {
  // C nfqlb’s table depends on the order of activation: it has to be the same on every load balancer.
  const targets = [3, 1, 4, 2].map((number) => net.target(number));
  const init = program === C_NFQLB ? [] : ['--permutation=nfqlb'];
  return LoadBalancer.start(net, { host, program, targets, init, options: ['--qlength=4096'] });
}

describeLive(
  'a tier of two load balancers',
  () => {
    describe.each(olds.map((old) => [old.name, old] as const))('of %s with permutation nfqlb', (_, old) => {
      test.each([4, 6] as const)(
        'IPv%i: is replaced one at a time under traffic: no packet is lost, no connection breaks or moves',
        async (family) => {
          await using net = await Topology.create({ targets: 4, lbs: 2 });
          await using _echo = await EchoServers.start(net);
          const olds = [await start(net, net.lbs[0]!, old), await start(net, net.lbs[1]!, old)];
          const before = await targetsThrough(net, net.lbs[0]!, family);
          expect(new Set(before).size).toBe(4);
          expect(await targetsThrough(net, net.lbs[1]!, family)).toEqual(before);

          const options = { family, connections: 100, repeat: 0, interval: 20, timeout: 10_000 };
          await using tcp = await Questions.start(net, { ...options, protocol: 'tcp' });
          await using udp = await Questions.start(net, { ...options, protocol: 'udp' });
          const news: LoadBalancer[] = [];
          for (const [i, lb] of net.lbs.entries()) {
            await steer(net, net.lbs[1 - i]!);
            await quiet(lb);
            await olds[i]!.stop();
            news.push(await start(net, lb, NFQLB));
            await steer(net, ...net.lbs);
            expect(await targetsThrough(net, lb, family)).toEqual(before);
            expect(await targetsThrough(net, net.lbs[1 - i]!, family)).toEqual(before);
          }
          for (const answers of [await tcp.stop(), await udp.stop()] satisfies Answers[]) {
            expect(answers.asked).toBeGreaterThan(1000);
            expect(answers).toMatchObject({ answered: answers.asked, broken: 0, moved: 0 });
            expect(answers.byTarget.every((count) => count > 0)).toBe(true);
          }
          for (const lb of news) {
            expect(await lb.host.astray()).toBe(0);
            expect(await lb.queueStatus()).toMatchObject([{ queueDropped: 0, userDropped: 0 }]);
            await lb.stop();
          }
        },
        120_000,
      );
    });
  },
  NFQLB,
);
