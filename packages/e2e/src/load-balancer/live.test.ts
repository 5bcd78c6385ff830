// What operators rely on, with real traffic: shares, consistency, changes under load, faults.

import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { connections, site } from '@nfqlb/testing';
import { expect, test } from 'vitest';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { deliver, targetsOf } from '../traffic/delivery.js';
import { EchoServers } from '../traffic/echo.js';
import { inject } from '../traffic/injection.js';
import { ask } from '../traffic/questions.js';
import { lost, type Received, Receiver } from '../traffic/receiver.js';
import { Sender, type SendOptions } from '../traffic/sender.js';
import { LoadBalancer } from './load-balancer.js';
import { NFQLB } from './program.js';
import { fwmarks, shown } from './shown-table.js';

const send = (net: Topology, options: SendOptions): Promise<Received> => deliver(net, { rate: 20_000, ...options });

describeLive(
  'the running load balancer',
  () => {
    test.each(['10.0.0.1:80', '[1000::1]:80'])('%s: targets get connections in proportion to their shares of the table', async (to) => {
      await using edge = await site({ tables: { web: { targets: { 101: 1, 102: 1, 103: 1, 104: 1 } } } }, { world: 'live' });
      // The bucket of each connection is random: within four standard deviations in all but one run of 16,000.
      expect(await edge.send(connections(2000, { to, protocol: 'udp' }))).toBalanceWithin(4 * Math.sqrt(3 / 2000));
    });

    test.each([4, 6] as const)('IPv%i: ping is answered by a target', async (family) => {
      await using net = await Topology.create({ targets: 4 });
      await using _lb = await LoadBalancer.start(net);
      expect(await net.client.run(['ping', '-c', '3', '-i', '0.1', '-W', '2', net.vip(family)])).toContain('3 received');
    });

    test('100 changes under load: no packet is lost or unmarked, and only the few flows that the table moves are moved', async () => {
      await using net = await Topology.create({ targets: 4 });
      await using lb = await LoadBalancer.start(net, { options: ['--qlength=16384'] });
      const with4 = fwmarks(await shown(lb));
      await lb.deactivate(net.target(4));
      const without4 = fwmarks(await shown(lb));
      await lb.activate(net.target(4));
      // Buckets whose target changes from one remaining target to another when target 4 is deactivated.
      const moving = with4.filter((mark, bucket) => mark !== net.target(4).fwmark && without4[bucket] !== mark).length / with4.length;

      const flows = 1000;
      await using receiver = await Receiver.start(net, { eachFlow: true, period: 200 });
      await using sender = await Sender.start(net, { rate: 30_000, sourceAddresses: 10, sourcePorts: 100 });
      for (let i = 0; i < 50; i++) {
        await lb.deactivate(net.target(4));
        await lb.activate(net.target(4));
      }
      const sent = await sender.stop();
      const received = await receiver.finish();
      expect(sent.sent).toBeGreaterThan(100_000);
      expect(received.overflows).toBe(0);
      expect(lost(received, sent)).toBe(0);
      expect(await net.lb.astray()).toBe(0);
      expect(await lb.queueStatus()).toMatchObject([{ queueDropped: 0, userDropped: 0 }]);

      const moved = received.byFlow!.filter((counts) => counts.slice(0, 3).filter((count) => count > 0).length > 1);
      // Flows of target 4 always move to the same remaining target.
      expect(moved.length).toBeLessThanOrEqual(flows * moving + 4 * Math.sqrt(flows * moving) + 1);
    }, 120_000);

    test('two load balancers with targets added in different order send every flow to the same target', async () => {
      await using net = await Topology.create({ targets: 4, lbs: 2 });
      await using _first = await LoadBalancer.start(net, { host: net.lbs[0]! });
      await using second = await LoadBalancer.start(net, { host: net.lbs[1]!, targets: [] });
      for (const i of [3, 1, 4, 2]) await second.activate(net.target(i));
      const options = { sourceAddresses: 5, sourcePorts: 100, count: 1000 };
      const one = targetsOf(await send(net, { ...options, lb: net.lbs[0]! }));
      const other = targetsOf(await send(net, { ...options, lb: net.lbs[1]! }));
      expect(new Set(one.filter((target) => target >= 0)).size).toBe(4);
      expect(other).toEqual(one);
    });

    test('after being killed and restarted it sends every flow to the same target', async () => {
      await using net = await Topology.create({ targets: 4 });
      await using lb = await LoadBalancer.start(net);
      const options = { sourceAddresses: 5, sourcePorts: 100, count: 1000 };
      const before = targetsOf(await send(net, options));
      await lb.kill();
      await lb.restart();
      expect(targetsOf(await send(net, options))).toEqual(before);
    });

    test('stopped under load, it ends after a verdict for every packet it received', async () => {
      await using net = await Topology.create({ targets: 2 });
      for (const signal of ['SIGTERM', 'SIGINT'] as const) {
        await using lb = await LoadBalancer.start(net);
        await using receiver = await Receiver.start(net, { period: 200 });
        await using _sender = await Sender.start(net, { rate: 20_000, seconds: 1.5 });
        await new Promise((resolve) => setTimeout(resolve, 500));
        const { process } = lb;
        await lb.stop(signal);
        await _sender.finish();
        const { received } = await receiver.finish();
        expect(process.stderr).toContain(`stopped: ${received} packets`);
        expect(process.stderr).toContain(`accepted: balanced ${received}; dropped: none`);
      }
    });

    test('a deleted table stays in use; a new one replaces it', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using lb = await LoadBalancer.start(net, { targets: [net.target(1)] });
      const counts = async (): Promise<boolean[]> => (await send(net, { count: 200 })).byTarget.map((count) => count > 0);
      expect(await counts()).toEqual([true, false]);
      await lb.run('delete', `--shm=${lb.table}`);
      expect(await counts()).toEqual([true, false]);
      await lb.run('init', `--shm=${lb.table}`, '--M=101');
      await lb.activate(net.target(2));
      await lb.process.waitForOutput(/was replaced; using the new one/);
      expect(await counts()).toEqual([false, true]);
    });

    test('a table rewritten in place, as by C nfqlb’s init: no packet is lost or unmarked', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using lb = await LoadBalancer.start(net, { options: ['--qlength=16384'] });
      const path = `/dev/shm/${lb.table}`;
      const bytes = readFileSync(path);
      await using receiver = await Receiver.start(net, { period: 200 });
      await using sender = await Sender.start(net, { rate: 20_000 });
      for (let i = 0; i < 100; i++) {
        // Truncated, then rewritten after a delay in two steps.
        truncateSync(path);
        await new Promise((resolve) => setTimeout(resolve, 2));
        writeFileSync(path, bytes.subarray(0, 5000));
        writeFileSync(path, bytes);
        await new Promise((resolve) => setTimeout(resolve, 8));
      }
      const sent = await sender.stop();
      expect(lost(await receiver.finish(), sent)).toBe(0);
      expect(await net.lb.astray()).toBe(0);
    });

    test('without a listener, or with one that cannot keep up, packets are dropped, not delivered unmarked', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using lb = await LoadBalancer.start(net, { options: ['--qlength=16'] });
      await using receiver = await Receiver.start(net, { period: 200 });
      await using flood = await Sender.start(net, { seconds: 1, sourcePorts: 200 });
      const flooded = await flood.finish();
      await lb.process.waitForOutput(/queue 2: the kernel dropped \d+ packets/);
      const [status] = await lb.queueStatus();
      const dropped = status!.queueDropped + status!.userDropped;
      expect(dropped).toBeGreaterThan(0);
      await lb.stop();
      const first = await receiver.finish();
      // A wire may lose some packets of a flood, but none that the queue dropped may arrive.
      expect(first.distinct).toBeLessThanOrEqual(flooded.sent - dropped);

      await using unreached = await Receiver.start(net);
      await using sender = await Sender.start(net, { count: 1000, rate: 20_000 });
      await sender.finish();
      expect(await unreached.finish()).toMatchObject({ received: 0 });
      expect(await net.lb.astray()).toBe(0);
    });

    test('malformed packets of every kind are dropped and counted; it keeps running', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using _echo = await EchoServers.start(net);
      await using lb = await LoadBalancer.start(net);
      const packets = malformed(net);
      const { sent } = await inject(net, { packets, rate: 5000 });
      expect(sent).toBeGreaterThan(1000);
      expect(await ask(net, { protocol: 'udp', connections: 20 })).toMatchObject({ answered: 20 });
      const { process } = lb;
      await lb.stop();
      expect(process.stderr).toMatch(/dropped: .*malformed \d\d+/);
    });

    test('errors are reported in one line, with exit status 1', async () => {
      await using net = await Topology.create({ targets: 1 });
      await using lb = await LoadBalancer.start(net);
      const failure = (...args: string[]): Promise<string> =>
        lb.run(...args).then(
          () => 'no failure',
          (error: Error) => error.message,
        );
      const shm = `--tshm=${lb.table}`;
      expect(await failure('lb', shm, '--queue=2')).toContain('NFQUEUE 2: another program listens on it (EBUSY)');
      expect(await failure('lb', '--tshm=nfqlb-none')).toContain('nfqlb lb: shared memory nfqlb-none: no such table');
      expect(await failure('lb', shm, '--queue=3:1')).toContain('--queue=3:1');
      expect(await failure('lb', shm, '--queue=65536')).toContain('--queue=65536');
    });
  },
  NFQLB,
);

/** The golden packets, truncated and damaged, addressed to the VIP. */
function malformed(net: Topology): string[] {
  const path = new URL('../../../core/test-data/vectors/packets-mixed.json', import.meta.url);
  const vectors = JSON.parse(readFileSync(path, 'utf8')) as { hex: string }[];
  const vip4 = net.vip4.split('.').map(Number);
  return vectors.flatMap(({ hex }, i) => {
    const bytes = Buffer.from(hex, 'hex');
    if (bytes[0]! >> 4 === 4 && bytes.length >= 20) {
      bytes.set(vip4, 16);
      setChecksum(bytes);
    } else if (bytes.length >= 40) {
      bytes.set([0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 24);
      bytes.writeUInt16BE(bytes.length - 40, 4);
    } else return [];
    // Truncated, with a corrected length so that the kernel passes it to the queue.
    const cuts = [0, 4, 9, 13 + (i % 20)].map((cut) => bytes.subarray(0, Math.max(bytes[0]! >> 4 === 4 ? 20 : 40, bytes.length - cut)));
    return cuts.map((cut) => {
      const packet = Buffer.from(cut);
      if (packet[0]! >> 4 === 4) {
        packet.writeUInt16BE(packet.length, 2);
        setChecksum(packet);
      } else packet.writeUInt16BE(packet.length - 40, 4);
      return packet.toString('hex');
    });
  });
}

/** RFC 791: the header checksum; the kernel drops IPv4 packets if it is wrong. */
function setChecksum(packet: Buffer): void {
  const end = Math.min((packet[0]! & 15) * 4, packet.length);
  packet.writeUInt16BE(0, 10);
  let sum = 0;
  for (let at = 0; at + 1 < end; at += 2) sum += packet.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  packet.writeUInt16BE(~sum & 0xffff, 10);
}
