// Where packets go after `nfqlb up`: to the target of their fwmark, or nowhere.

import { expect, test } from 'vitest';
import { LoadBalancer } from '../load-balancer/load-balancer.js';
import { NFQLB } from '../load-balancer/program.js';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { EchoServers } from '../traffic/echo.js';
import { trafficCommand } from '../traffic/program.js';
import { type Answers, ask } from '../traffic/questions.js';
import { Receiver } from '../traffic/receiver.js';
import { Sender } from '../traffic/sender.js';
import { makeBare, nfqlb, setUpOf } from './router.js';

const families = [4, 6] as const;
const protocols = ['udp', 'tcp'] as const;

/** Sends packets of both families to the VIP; returns how many reached targets. */
async function delivered(net: Topology): Promise<number> {
  await using receiver = await Receiver.start(net);
  for (const family of families) {
    await using sender = await Sender.start(net, { family, count: 50, rate: 10_000 });
    await sender.finish();
  }
  return (await receiver.finish()).received;
}

describeLive(
  'up routes',
  () => {
    test.each([
      ['dsr', []],
      ['dsr', ['--queue=0:3']],
      ['nat', []],
      ['nat', ['--keep-source']],
      ['nat', ['--syn-only']],
      ['nat', ['--syn-only', '--keep-source', '--queue=0:3']],
    ] as const)('forwarded packets to targets and answers back, with %s %j', async (mode, options) => {
      await using net = await Topology.create({ targets: 3, mode });
      await using _echo = await EchoServers.start(net);
      await using lb = await LoadBalancer.start(net, { queue: options.find((option) => option.startsWith('--queue='))?.slice(8) ?? '2' });
      await makeBare(net);
      await nfqlb(net.lb, 'up', ...setUpOf(net), ...options);
      for (const family of families) {
        for (const protocol of protocols) {
          const answers = await ask(net, { family, protocol, connections: 40, repeat: 3 });
          expect(answers).toMatchObject({ answered: 120, broken: 0, moved: 0 });
          expect(answers.byTarget.filter((count) => count > 0)).toHaveLength(3);
        }
      }
      expect(await net.lb.astray()).toBe(0);
      expect(await lb.queueStatus()).toMatchObject(lb.queues.includes(':') ? [{}, {}, {}, {}] : [{ queueDropped: 0, userDropped: 0 }]);
    });

    test.each(families)('IPv%i fragments, including first ones, to a separate queue', async (family) => {
      await using net = await Topology.create({ targets: 2 });
      await using _echo = await EchoServers.start(net);
      await using lb = await LoadBalancer.start(net, { queue: '2:3' });
      await makeBare(net);
      await nfqlb(net.lb, 'up', ...setUpOf(net), '--queue=2', '--fragment_queue=3');
      // The kernel's packet ids count a queue's packets.
      const queued = async (): Promise<number[]> => {
        const status = await net.lb.run(['cat', '/proc/net/netfilter/nfnetlink_queue']);
        const rows = status.trimEnd().split('\n');
        return rows.map((row) => Number(row.trim().split(/\s+/)[7]));
      };
      expect(await queued()).toEqual([0, 0]);
      expect(await ask(net, { family, protocol: 'udp', connections: 20 })).toMatchObject({ answered: 20 });
      expect(await queued()).toEqual([20, 0]);
      // 4000 octets take three packets.
      expect(await ask(net, { family, protocol: 'udp', octets: 4000 })).toMatchObject({ answered: 1 });
      expect(await queued()).toEqual([20, 3]);
      expect(await net.lb.astray()).toBe(0);
      expect(lb.process.ended).toBe(false);
    });

    test.each(['dsr', 'nat'] as const)('packets of programs on the same machine, with %s', async (mode) => {
      await using net = await Topology.create({ targets: 3, mode });
      await using _echo = await EchoServers.start(net);
      await using _lb = await LoadBalancer.start(net);
      await makeBare(net);
      await nfqlb(net.lb, 'up', '--local', ...setUpOf(net));
      // With dsr, answers come through the client's host.
      await net.client.run(['sh', '-ec', 'cd /proc/sys/net; echo 1 >ipv4/ip_forward; echo 1 >ipv6/conf/all/forwarding']);
      for (const family of families) {
        for (const udp of [true, false]) {
          const { ipv4, ipv6 } = net.lb.wire('client').own;
          const from = family === 4 ? ipv4 : ipv6;
          const answers: Answers = JSON.parse(
            await net.lb.run(trafficCommand('ask', { to: net.vip(family), from, udp, count: 40, repeat: 3 })),
          );
          expect(answers).toMatchObject({ answered: 120, broken: 0, moved: 0 });
          expect(answers.byTarget.filter((count) => count > 0)).toHaveLength(3);
        }
      }
      expect(await net.lb.astray()).toBe(0);
    });

    test('packets with the clients’ addresses to targets only if told to keep them', async () => {
      await using net = await Topology.create({ targets: 1, mode: 'nat' });
      await using _echo = await EchoServers.start(net);
      await using _lb = await LoadBalancer.start(net);
      await makeBare(net);
      const target = net.target(1);
      for (const options of [[], ['--keep-source']]) {
        await nfqlb(net.lb, 'up', ...setUpOf(net), ...options);
        // Counts packets from the client's own address at the target.
        const { ipv4 } = net.client.wire('lb1').own;
        const rule = `-s ${ipv4} -j ACCEPT`;
        await target.iptables(4, `-I INPUT ${rule}`);
        expect(await ask(net, { protocol: 'udp', connections: 10 })).toMatchObject({ answered: 10 });
        const counted = await target.iptables(4, '-nvxL INPUT 1');
        expect(Number(counted.trim().split(/\s+/)[0])).toBe(options.length > 0 ? 10 : 0);
        await target.iptables(4, `-D INPUT ${rule}`);
      }
    });
  },
  NFQLB,
);

describeLive(
  'a packet to a VIP goes nowhere',
  () => {
    test.each(['dsr', 'nat'] as const)('without a listener, with %s', async (mode) => {
      await using net = await Topology.create({ targets: 2, mode });
      await makeBare(net);
      await nfqlb(net.lb, 'up', ...setUpOf(net));
      expect(await delivered(net)).toBe(0);
      expect(await net.lb.astray()).toBe(0);
    });

    test.each(['dsr', 'nat'] as const)('without a fwmark, with %s', async (mode) => {
      await using net = await Topology.create({ targets: 2, mode });
      await makeBare(net);
      await nfqlb(net.lb, 'up', ...setUpOf(net));
      // Before our rules: with --queue-bypass packets pass if nobody listens.
      for (const family of families)
        await net.lb.iptables(family, `-t mangle -I PREROUTING -d ${net.vip(family)} -j NFQUEUE --queue-num 9 --queue-bypass`);
      await delivered(net);
      expect(await net.lb.astray()).toBe(0);
      await nfqlb(net.lb, 'down');
      await delivered(net);
      expect(await net.lb.astray()).toBe(100);
    });

    test('when the device to its target is down, with dsr', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using lb = await LoadBalancer.start(net, { targets: [net.target(1)] });
      await makeBare(net);
      await nfqlb(net.lb, 'up', ...setUpOf(net));
      expect(await delivered(net)).toBe(100);
      await net.lb.ip('link set t1 down');
      expect(await delivered(net)).toBe(0);
      expect(await net.lb.astray()).toBe(0);
      expect(lb.process.ended).toBe(false);
    });
  },
  NFQLB,
);
