// SCTP through the load balancer: plain and in UDP (RFC 6951), and multihomed over two load balancers (RFC 9260 §6.4).

import { describe, expect, test } from 'vitest';
import { LoadBalancer, startedIn } from '../load-balancer/load-balancer.js';
import { NFQLB } from '../load-balancer/program.js';
import { CIRCUMSTANCES, type Circumstances, type Family } from '../matrix/behaviours.js';
import { behaviour } from '../testing/behaviour.js';
import { describeLive } from '../testing/describe-live.js';
import { describeUnless } from '../testing/describe-unless.js';
import { Topology } from '../topology/topology.js';
import { type Arrival, Arrivals } from '../traffic/arrivals.js';
import { buildSctp, ENCAP_PORT, SCTP_PORT, type SctpReport, SctpSender, SctpServers } from '../traffic/sctp.js';
import { cut, restore, SECOND_VIP, twoPaths } from './two-paths.js';

const PORTS = Array.from({ length: 16 }, (_, i) => 40_000 + 7 * i);
const MESSAGES = 100;

/** The server's report of a transfer in which all messages arrived in order and unchanged. */
const whole = (port: number, messages: number): SctpReport => ({ port, sent: messages, received: messages, disordered: 0, damaged: 0 });

/** `PORT: TARGETS`: the targets that got packets of each association. */
function targetsOf(arrivals: readonly Arrival[], encapsulated: boolean): string[] {
  const targets = new Map<number, Set<number>>();
  for (const arrival of arrivals) {
    if (arrival.protocol !== 132 || arrival.encapsulated !== encapsulated) continue;
    expect(arrival).toMatchObject({ servicePort: SCTP_PORT });
    targets.set(arrival.clientPort, (targets.get(arrival.clientPort) ?? new Set()).add(arrival.target));
  }
  return [...targets].map(([port, numbers]) => `${port}: ${[...numbers]}`).sort();
}

/** Packets that arrived for this address of the service. */
function packetsTo(arrivals: readonly Arrival[], vip: string): number {
  return arrivals.filter(({ destination }) => destination === vip).reduce((sum, { packets }) => sum + packets, 0);
}

/** Opens associations from all ports at once, each with a transfer that must be complete; returns which targets got packets of each. */
async function associate(net: Topology, family: Family, udp?: number): Promise<string[]> {
  const { own, peer } = net.client.wire(net.lb.host);
  const address = family === 4 ? 'ipv4' : 'ipv6';
  const vip = net.vip(family);
  for (const target of net.targets) {
    await target.ip(`route replace ${own[address]} via ${target.wire('client').peer[address]} src ${vip}`);
  }
  await net.client.ip(`route replace ${vip} via ${peer[address]}`);
  await using _servers = await SctpServers.start(net, [vip]);
  await using watch = await Arrivals.start(net, { encapPort: ENCAP_PORT });
  await using sender = await SctpSender.start(net.client, {
    from: [own[address]],
    fromPorts: PORTS,
    to: vip,
    count: MESSAGES,
    ...(udp === undefined ? {} : { udp }),
  });
  expect(await sender.finish()).toEqual(PORTS.map((port) => whole(port, MESSAGES)));
  return targetsOf(await watch.finish(), udp !== undefined);
}

/** Cuts the first path in mid-transfer, then restores it: nothing is lost, and one target gets everything. */
async function surviveCut(families: readonly [Family, Family], circumstances: Circumstances, udp?: number): Promise<void> {
  await using net = await Topology.create({ targets: 4, lbs: 2 });
  const vips = circumstances.fast === true ? [`--vip=${SECOND_VIP[4]}/32,${SECOND_VIP[6]}/128`] : [];
  const options = { ...startedIn(circumstances), options: [`--sctp_encap=${ENCAP_PORT}`, ...vips] };
  await using one = await LoadBalancer.start(net, { ...options, host: net.lbs[0]! });
  await using two = await LoadBalancer.start(net, { ...options, host: net.lbs[1]! });
  const paths = await twoPaths(net, [one, two], families);
  const [first, second] = paths;
  await using _servers = await SctpServers.start(
    net,
    paths.map(({ vip }) => vip),
  );
  const watch = (): Promise<Arrivals> => Arrivals.start(net, { encapPort: ENCAP_PORT });
  const [from, port, to] = [paths.map(({ client }) => client), PORTS[0]!, first.vip];
  await using throughout = await watch();
  await using before = await watch();
  await using sender = await SctpSender.start(net.client, {
    from,
    fromPorts: [port],
    to,
    rate: 500,
    ...(udp === undefined ? {} : { udp }),
  });
  await sender.path(second.vip, 'confirmed');
  // Let some data pass on the path.
  await new Promise((resolve) => setTimeout(resolve, 300));
  await cut(first);
  await sender.path(first.vip, 'unreachable');
  const arrivedBefore = await before.finish();

  await using during = await watch();
  await new Promise((resolve) => setTimeout(resolve, 400));
  const arrivedDuring = await during.finish();

  await restore(first);
  await sender.path(first.vip, 'available');
  await using after = await watch();
  await new Promise((resolve) => setTimeout(resolve, 500));
  const [report] = await sender.stop();
  expect(report).toEqual(whole(port, report!.sent));
  const arrivedAfter = await after.finish();

  expect(packetsTo(arrivedBefore, first.vip)).toBeGreaterThan(20);
  expect(packetsTo(arrivedDuring, first.vip)).toBe(0);
  expect(packetsTo(arrivedDuring, second.vip)).toBeGreaterThan(20);
  // It is the primary path again: data, not only heartbeats.
  expect(packetsTo(arrivedAfter, first.vip)).toBeGreaterThan(100);
  expect(targetsOf(await throughout.finish(), udp !== undefined)).toEqual([expect.stringMatching(new RegExp(`^${port}: \\d$`))]);
  for (const lb of net.lbs) expect(await lb.astray()).toBe(0);
}

describeUnless(buildSctp(), 'SCTP, by libusrsctp', () =>
  describeLive(
    'SCTP',
    () => {
      describe.each(CIRCUMSTANCES)('over IPv$family, queues: $queues, fast path: $fast', ({ family, queues, fast }) => {
        const started = startedIn({ family, queues, fast });

        behaviour('associations are made, each with one of the targets', { behaviour: 'sctp', family, queues, fast }, async () => {
          await using net = await Topology.create({ targets: 4 });
          await using _lb = await LoadBalancer.start(net, started);
          const targets = await associate(net, family);
          expect(targets.map((line) => line.split(':')[0])).toEqual(PORTS.map(String));
          expect(new Set(targets.map((line) => line.split(': ')[1]))).toEqual(new Set(['1', '2', '3', '4']));
          expect(await net.lb.astray()).toBe(0);
        });

        behaviour(
          'in UDP they go where they go without, whatever the UDP ports',
          { behaviour: 'sctp-udp', family, queues, fast },
          async () => {
            await using net = await Topology.create({ targets: 4 });
            await using lb = await LoadBalancer.start(net, { ...started, options: [`--sctp_encap=${ENCAP_PORT}`] });
            const plain = await associate(net, family);
            expect(await associate(net, family, 20_000)).toEqual(plain);
            expect(await associate(net, family, 30_000)).toEqual(plain);
            await lb.stop();
            // The same with a flow that sets the port.
            await using flows = await LoadBalancer.start(net, { ...started, flows: true, host: net.lb });
            const flow = [
              '--name=sctp',
              `--target=${flows.table}`,
              '--protocols=sctp',
              `--dports=${SCTP_PORT}`,
              `--udpencap=${ENCAP_PORT}`,
            ];
            await flows.run('flow-set', ...flow);
            expect(await associate(net, family, 20_000)).toEqual(plain);
          },
        );

        behaviour(
          'a path of two is cut in mid-transfer: nothing is lost, and one target has all',
          { behaviour: 'sctp-multihoming', family, queues, fast },
          () => surviveCut([family, family], { family, queues, fast }),
        );
      });

      // The first path is IPv4: usrsctp does not announce private IPv4 addresses if the first path is IPv6.
      test.each([
        ['plain', 4, undefined],
        ['in UDP', 1, 20_000],
      ] as const)('%s, queues: %i: one of two paths, IPv4 and IPv6, is cut in mid-transfer', (_how, queues, udp) =>
        surviveCut([4, 6], { family: 4, queues }, udp),
      );

      // The other tests are meaningful only if this holds.
      test('with --hash_mode=0 paths lead to different targets, and a target aborts associations that it does not know', async () => {
        await using net = await Topology.create({ targets: 4, lbs: 2 });
        const options = { options: ['--hash_mode=0'] };
        await using one = await LoadBalancer.start(net, { ...options, host: net.lbs[0]! });
        await using two = await LoadBalancer.start(net, { ...options, host: net.lbs[1]! });
        const paths = await twoPaths(net, [one, two], [4, 6]);
        await using _servers = await SctpServers.start(
          net,
          paths.map(({ vip }) => vip),
        );
        await using watch = await Arrivals.start(net);
        const from = paths.map(({ client }) => client);
        await using sender = await SctpSender.start(net.client, { from, fromPorts: PORTS, to: paths[0].vip, rate: 200, count: MESSAGES });
        await expect(sender.finish()).rejects.toThrow('"event":"lost"');
        const split = targetsOf(await watch.finish(), false).filter((line) => line.includes(','));
        expect(split).not.toEqual([]);
      });
    },
    NFQLB,
  ),
);
