// What else belongs to a connection while targets change: ICMP errors, fragments, all of an SCTP association; and who tells about it.

import { packet } from '@nfqlb/core/testing';
import { describe, expect, test } from 'vitest';
import type { Family } from '../matrix/behaviours.js';
import { describeLive } from '../testing/describe-live.js';
import { describeUnless } from '../testing/describe-unless.js';
import { Topology } from '../topology/topology.js';
import { type Arrival, Arrivals } from '../traffic/arrivals.js';
import { EchoServers } from '../traffic/echo.js';
import { inject } from '../traffic/injection.js';
import { type Answers, ask, Questions } from '../traffic/questions.js';
import { buildSctp, type SctpReport, SctpSender, SctpServers } from '../traffic/sctp.js';
import { scrape } from './http.js';
import { LoadBalancer, queuesAs } from './load-balancer.js';
import { NFQLB } from './program.js';

const ADDRESS = '127.0.0.1:9469';
const SYN = 0x02;
const ACK = 0x10;

const hex = (packets: readonly Uint8Array[]): string[] => packets.map((bytes) => Buffer.from(bytes).toString('hex'));

/** All buckets change from the first target to the second. */
async function replaceFirst(net: Topology, lb: LoadBalancer): Promise<void> {
  const [first, second] = net.targets;
  await lb.run('activate', `--shm=${lb.table}`, '--drain=60', String(second!.fwmark));
  await lb.run('deactivate', `--shm=${lb.table}`, '--drain=60', String(first!.fwmark));
}

/** By client port: `TCP` or `error`, and the target that got it. */
function arrivedAt(arrivals: readonly Arrival[], port: number): string[] {
  return arrivals
    .filter(({ clientPort }) => clientPort === port)
    .map(({ icmp, target }) => `${icmp ? 'error' : 'TCP'} ${target}`)
    .sort();
}

async function answersTo(net: Topology, lb: LoadBalancer): Promise<{ during: Answers; after: Answers }> {
  await using _echo = await EchoServers.start(net);
  const asked = { protocol: 'udp', connections: 20, repeat: 0, interval: 20, octets: 4000 } as const;
  await using questions = await Questions.start(net, asked);
  // Each has been asked once before the change.
  await ask(net, { ...asked, repeat: 1 });
  await replaceFirst(net, lb);
  const after = await ask(net, { ...asked, repeat: 2 });
  return { during: await questions.stop(), after };
}

describeLive(
  'during a transition',
  () => {
    test('ICMP errors follow their connection; show, explain, trace, metrics and top tell about it', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using lb = await LoadBalancer.start(net, { targets: net.targets.slice(0, 1), options: [`--metrics=${ADDRESS}`] });
      const [client, vip] = [net.client.wire(net.lb.host).own.ipv4, net.vip(4)];
      const tcp = (port: number, flags: number): Uint8Array => packet().ipv4(client, vip).tcp(port, 80, { flags }).build();
      const error = (port: number): Uint8Array =>
        packet().ipv4(client, vip).icmpError(3, 4, packet().ipv4(vip, client).tcp(80, port).build()).build();
      const [old, young] = [20_000, 20_001];
      await replaceFirst(net, lb);
      await lb.run('loglevel', '6');
      await using trace = await lb.spawn('trace', '--selection=packet', '--count=5');
      await lb.process.waitForOutput(/tracing /);
      await using watch = await Arrivals.start(net);
      await inject(net, { packets: hex([tcp(old, ACK), tcp(young, SYN), tcp(young, ACK), error(old), error(young)]), rate: 100 });
      expect((await trace.exited).status).toBe(0);
      const arrivals = await watch.finish();
      expect(arrivedAt(arrivals, old)).toEqual(['TCP 1', 'error 1']);
      expect(arrivedAt(arrivals, young)).toEqual(['TCP 2', 'error 2']);

      const decisions = [...trace.stdout.matchAll(/; balanced: table [^,]+.*?(?:, where targets change: (.*?))? -> (.*)/g)];
      const known = ['a remembered connection', 'fwmark 102'];
      expect(decisions.map(([, why, to]) => [why, to])).toEqual([
        ['not a new connection', 'former fwmark 101'],
        [undefined, 'fwmark 102'],
        known,
        ['a remembered connection', 'fwmark 101'],
        known,
      ]);
      expect(await lb.run('show', `--shm=${lb.table}`)).toMatch(/Draining: 101\n {3}In transition: 997 of 997 buckets, \d+ s left/);
      const told = await lb.run('explain', `--tshm=${lb.table}`, `--packet=${hex([tcp(20_002, ACK)])[0]}`);
      expect(told).toMatch(/for \d+ s, connections of this bucket that begin now go to fwmark 102, others to fwmark 101/);
      expect(await lb.run('top', '--count=1', '--interval=0.3', '--queue=2')).toMatch(
        / drain targets=101 buckets=997 remembered=2 no-room=0$/m,
      );
      const metrics = await scrape(net.lb, ADDRESS);
      const count = (reason: string): number | undefined =>
        metrics.get(`nfqlb_packets_total{queue="2",verdict="accept",reason="${reason}"}`);
      expect([count('former-target'), count('connection-known')]).toEqual([1, 3]);
    });

    test('UDP in fragments keeps its target with --drain-udp=former, and changes it at once without', async () => {
      await using net = await Topology.create({ targets: 2 });
      for (const [options, before, then] of [
        [['--drain-udp=former'], [true, false], [40]],
        [[], [true, true], [0, 40]],
      ] as const) {
        await using lb = await LoadBalancer.start(net, { targets: net.targets.slice(0, 1), options });
        const { during, after } = await answersTo(net, lb);
        expect([0, 1].map((target) => (during.byTarget[target] ?? 0) > 0)).toEqual(before);
        expect(after).toMatchObject({ broken: 0, answered: 40, byTarget: then });
      }
    });
  },
  NFQLB,
);

describeUnless(buildSctp(), 'SCTP, by libusrsctp, while targets change', () =>
  describeLive(
    'associations',
    () => {
      describe.each([
        { family: 4, queues: 1 },
        { family: 6, queues: 4 },
      ] as const)('over IPv$family, queues: $queues', ({ family, queues }) => {
        test('keep their target, and new ones use the new target at once', { timeout: 60_000 }, () => keepsAssociations(family, queues));
      });
    },
    NFQLB,
  ),
);

async function keepsAssociations(family: Family, queues: 1 | 4): Promise<void> {
  await using net = await Topology.create({ targets: 2 });
  await using lb = await LoadBalancer.start(net, { queue: queuesAs(queues), targets: net.targets.slice(0, 1) });
  const { own, peer } = net.client.wire(net.lb.host);
  const address = family === 4 ? 'ipv4' : 'ipv6';
  const vip = net.vip(family);
  for (const target of net.targets) await target.ip(`route replace ${own[address]} via ${target.wire('client').peer[address]} src ${vip}`);
  await net.client.ip(`route replace ${vip} via ${peer[address]}`);
  await using _servers = await SctpServers.start(net, [vip]);
  const send = (fromPorts: readonly number[]): Promise<SctpSender> =>
    SctpSender.start(net.client, { from: [own[address]], fromPorts, to: vip, rate: 100 });
  const [oldPorts, youngPorts] = [
    [40_000, 40_001, 40_002],
    [40_003, 40_004, 40_005],
  ];
  await using watch = await Arrivals.start(net);
  // One after the other: each is a stack of its own, which aborts associations of others on the same host.
  await using old = await send(oldPorts);
  await old.associated();
  await replaceFirst(net, lb);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const reports: SctpReport[] = await old.stop();
  await using young = await send(youngPorts);
  await young.associated();
  // A further change, by which the bucket gets its first target again.
  await lb.run('activate', `--shm=${lb.table}`, '--drain=60', String(net.target(1).fwmark));
  await lb.run('deactivate', `--shm=${lb.table}`, '--drain=60', String(net.target(2).fwmark));
  await new Promise((resolve) => setTimeout(resolve, 500));
  reports.push(...(await young.stop()));
  expect(reports.map(({ port }) => port)).toEqual([...oldPorts, ...youngPorts]);
  for (const { sent, ...report } of reports) {
    expect(sent).toBeGreaterThan(10);
    expect(report).toMatchObject({ received: sent, disordered: 0, damaged: 0 });
  }
  const targets = new Map<number, Set<number>>();
  for (const { clientPort, target } of await watch.finish()) targets.set(clientPort, (targets.get(clientPort) ?? new Set()).add(target));
  expect(oldPorts.map((port) => [...targets.get(port)!])).toEqual(oldPorts.map(() => [1]));
  expect(youngPorts.map((port) => [...targets.get(port)!])).toEqual(youngPorts.map(() => [2]));
}
