// `--takeover`: another process goes on with the queues, fragments and remembered connections of the one that runs. No packet is lost.

import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Site, targetOf } from '../run/site.js';
import { makeBare } from '../setup/router.js';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { deliver } from '../traffic/delivery.js';
import { EchoServers } from '../traffic/echo.js';
import { Questions } from '../traffic/questions.js';
import { lost, Receiver } from '../traffic/receiver.js';
import { Sender } from '../traffic/sender.js';
import { LoadBalancer, queuesAs } from './load-balancer.js';
import { NFQLB } from './program.js';

/** How many takeovers, under how many packets/s. */
const TAKEOVERS = Number(process.env.NFQLB_TAKEOVERS ?? 3);
const RATE = Number(process.env.NFQLB_TAKEOVER_RATE ?? 3000);
/** Datagrams/s whose fragments are sent in order, and as many whose first fragment comes last; four fragments each. */
const FRAGMENTED = RATE / 60;
const CONNECTIONS = 200;

const LIMITS = ['--tun=nfqlb0', '--ft_size=9973', '--ft_buckets=20000', '--ft_frag=4000', '--drain-udp=former'];

describeLive(
  'another process takes over, under load, with fragments and a transition under way',
  () => {
    test.each([
      { command: 'lb', family: 4, queues: 1 },
      { command: 'lb', family: 6, queues: 4 },
      { command: 'flowlb', family: 4, queues: 4 },
      { command: 'flowlb', family: 6, queues: 1 },
    ] as const)(
      '$command, IPv$family, queues: $queues: nothing is lost or misdirected',
      {
        timeout: 60_000 + TAKEOVERS * 3000,
      },
      async ({ command, family, queues }) => {
        await using net = await Topology.create({ targets: 6 });
        // By default, Linux drops a datagram when 64 fragments of others come from the same address between two of its own.
        for (const target of net.targets) await target.run(['sysctl', '-qw', 'net.ipv4.ipfrag_max_dist=0']);
        const [few, more] = [net.targets.slice(0, 3), net.targets.slice(3)];
        const flows = command === 'flowlb';
        const options = [...LIMITS, ...(process.env.NFQLB_TAKEOVER_OPTIONS?.split(' ') ?? [])];
        await using lb = await LoadBalancer.start(net, { queue: queuesAs(queues), targets: few, flows, options });
        if (flows) {
          await lb.run('flow-set', '--name=all', `--target=${lb.table}`);
          await lb.run('flow-set', '--name=none', `--target=${lb.table}`, '--prio=100', '--dsts=10.99.0.0/16,fd99::/16');
        }
        await using _echo = await EchoServers.start(net);
        const talk = { protocol: 'tcp', family, connections: CONNECTIONS, repeat: 0, interval: 20, timeout: 3000 } as const;
        await using earlier = await Questions.start(net, talk);
        await sleep(500);
        await lb.run('activate', `--shm=${lb.table}`, '--drain=3600', ...more.map(({ fwmark }) => String(fwmark)));
        // These begin at the new targets, and are remembered there.
        await using later = await Questions.start(net, talk);
        await sleep(500);

        // Its code is compiled while it runs.
        await using warm = await Sender.start(net, { family, rate: RATE / 2, burst: 8, seconds: 1, port: 5999 });
        await warm.finish();
        await using receiver = await Receiver.start(net, { period: 200 });
        const part = { family, length: 200, fragmentOctets: 64, rate: FRAGMENTED, sourcePorts: 100 } as const;
        await using whole = await Sender.start(net, {
          family,
          rate: RATE - 8 * FRAGMENTED,
          burst: RATE > 10_000 ? 8 : 1,
          sourcePorts: 1000,
        });
        await using forward = await Sender.start(net, { ...part, firstFlow: 2000, firstSequence: 1e9 });
        await using reversed = await Sender.start(net, { ...part, firstFlow: 3000, firstSequence: 2e9, order: 'reversed' });
        await sleep(300);
        const waited: number[] = [];
        for (let i = 0; i < TAKEOVERS; i++) {
          waited.push(await lb.takeOver());
          await sleep(100);
        }
        const sent = await Promise.all([whole.stop(), forward.stop(), reversed.stop()]);
        const received = await receiver.finish();
        const answers = [await earlier.stop(), await later.stop()];
        const kernel = await lb.queueStatus();
        const dropped = kernel.reduce((sum, each) => sum + each.queueDropped + each.userDropped, 0);
        const missing = lost(received, ...sent);
        console.log(
          `${command}, IPv${family}, queues: ${queues}: ${TAKEOVERS} takeovers, ${Math.round(sent.reduce((sum, each) => sum + each.sent, 0) / sent[0]!.seconds)} datagrams/s: ` +
            `${missing} of ${received.distinct + missing} lost (${dropped} in full queues), ${received.splitFlows} flows split, ` +
            `packets waited ${Math.min(...waited)}-${Math.max(...waited)} ms`,
        );
        const [broken, moved] = [answers.map((each) => each.broken), answers.map((each) => each.moved)];
        expect({ missing, split: received.splitFlows, duplicates: received.duplicates, broken, moved }).toEqual({
          missing: 0,
          split: 0,
          duplicates: 0,
          broken: [0, 0],
          moved: [0, 0],
        });
        expect(answers[1]!.byTarget.length).toBeGreaterThan(3);
        expect(await net.lb.astray()).toBe(0);
      },
    );

    test('run: rules stay, even with --on-exit=remove, and nothing is lost; the file may have changed meanwhile', async () => {
      await using net = await Topology.create({ targets: 4 });
      await makeBare(net);
      await using site = new Site(net);
      const web = net.sharedMemory('web');
      const declared = (count: number, more: object = {}): object => {
        const targets = net.targets.slice(0, count).map((target) => targetOf(net, target));
        return { tables: { [web]: { mode: 'dsr', vips: [`${net.vip4}/32`, `${net.vip6}/128`], drain: 60, targets } }, ...more };
      };
      site.write(declared(3));
      const options = ['--on-exit=remove', '--tun=nfqlb0', '--sysctl'];
      await site.start(...options);
      const rules = (): Promise<string> => net.lb.run(['iptables', '-t', 'mangle', '-S']);
      const before = await rules();
      expect(before).toContain('NFQUEUE');
      {
        await using receiver = await Receiver.start(net);
        await using four = await Sender.start(net, { family: 4, rate: 500 });
        await using six = await Sender.start(net, { family: 6, rate: 500, firstFlow: 1000, firstSequence: 1e9 });
        for (let i = 0; i < TAKEOVERS; i++) await site.takeOver(...options);
        const sent = [await four.stop(), await six.stop()];
        const received = await receiver.finish();
        expect({ missing: lost(received, ...sent), split: received.splitFlows }).toEqual({ missing: 0, split: 0 });
      }
      expect(await rules()).toBe(before);
      site.write(declared(4, { options: { qlength: 2048 } }));
      await site.process.waitForOutput(/take effect at the next one/);
      await site.takeOver(...options);
      const received = await deliver(net, { rate: 1000, count: 500 });
      expect(received.byTarget.filter((packets) => packets > 0)).toHaveLength(4);
      expect(JSON.parse(await site.run('top', '--json', '--count=1')).problems).toEqual([]);
      await site.process.stop();
      expect(await rules()).not.toContain('NFQUEUE');
    }, 90_000);
  },
  NFQLB,
);
