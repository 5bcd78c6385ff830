// `nfqlb lb --fast` with real traffic: which way packets take, and that both ways lead to the same target.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type PacketBuilder, packet } from '@nfqlb/core/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LoadBalancer } from '../load-balancer/load-balancer.js';
import { describeFastPath } from '../testing/describe-fast-path.js';
import { Topology } from '../topology/topology.js';
import { Arrivals } from '../traffic/arrivals.js';
import { deliver, targetsOf } from '../traffic/delivery.js';
import { EchoServers } from '../traffic/echo.js';
import { inject } from '../traffic/injection.js';
import { ask } from '../traffic/questions.js';
import type { Received } from '../traffic/receiver.js';
import type { SendOptions } from '../traffic/sender.js';
import { fastPathOf } from './fast-path-status.js';

const FAMILIES = [4, 6] as const;

const send = (net: Topology, options: SendOptions): Promise<Received> =>
  deliver(net, { rate: 4000, sourceAddresses: 20, sourcePorts: 20, count: 2000, ...options });

describeFastPath('nfqlb lb --fast', () => {
  let hashKey: string;
  beforeAll(() => {
    hashKey = join(mkdtempSync(join(tmpdir(), 'nfqlb-hash-')), 'key');
    writeFileSync(hashKey, '0123456789abcdef');
  });
  afterAll(() => rmSync(dirname(hashKey), { recursive: true }));

  test.each([
    [4, 'djb2'],
    [6, 'djb2'],
    [4, 'siphash'],
    [6, 'siphash'],
  ] as const)(
    'IPv%i, %s: whole packets are decided in the kernel; fragments of a flow go to the same target by the queue',
    async (family, hash) => {
      await using net = await Topology.create({ targets: 4 });
      const init = hash === 'siphash' ? [`--hash=siphash:${hashKey}`] : [];
      await using lb = await LoadBalancer.start(net, {
        fast: true,
        init,
        options: ['--tun=nfqlb0', '--ft_size=9973', '--ft_buckets=20000', '--ft_frag=4000', '--qlength=16384'],
      });
      const whole = targetsOf(await send(net, { family, length: 200 }));
      expect(new Set(whole.filter((target) => target >= 0)).size).toBe(4);
      expect(await fastPathOf(lb)).toMatchObject({ kernel: 2000, queue: 0, reasons: {} });
      expect(await lb.queueStatus()).toMatchObject([{ lastId: 0 }]);

      expect(targetsOf(await send(net, { family, length: 200, fragmentOctets: 64 }))).toEqual(whole);
      expect(targetsOf(await send(net, { family, length: 200, fragmentOctets: 64, order: 'reversed' }))).toEqual(whole);
      const { kernel, queue, reasons } = await fastPathOf(lb);
      expect({ kernel, fragments: reasons.fragment }).toEqual({ kernel: 2000, fragments: queue });
      // Four fragments of each datagram of 180 octets (IPv4) or 160; twice.
      expect(queue).toBe(2 * 2000 * 3);
      expect(await net.lb.astray()).toBe(0);

      // Without the fast path, by the queue alone.
      await lb.stop();
      await using queued = await LoadBalancer.start(net, { fast: false, queue: '3', init });
      await net.lb.iptables(family, '-t mangle -D PREROUTING 1');
      expect(targetsOf(await send(net, { family, length: 200 }))).toEqual(whole);
      expect((await queued.queueStatus())[0]!.lastId).toBe(2000);
    },
  );

  test.each(FAMILIES)('IPv%i: TCP connections', async (family) => {
    await using net = await Topology.create({ targets: 4 });
    await using lb = await LoadBalancer.start(net, { fast: true });
    await using _servers = await EchoServers.start(net);
    const answers = await ask(net, { family, protocol: 'tcp', connections: 100, repeat: 3 });
    expect(answers).toMatchObject({ asked: 300, answered: 300, broken: 0, moved: 0 });
    expect(answers.byTarget.filter((count) => count > 0)).toHaveLength(4);
    expect((await lb.queueStatus())[0]!.lastId).toBe(0);
  });

  test.each(FAMILIES)('IPv%i: an ICMP error goes to the target of the connection that it quotes', async (family) => {
    await using net = await Topology.create({ targets: 4 });
    await using lb = await LoadBalancer.start(net, { fast: true });
    const [client, vip] = family === 4 ? ['10.2.0.1', net.vip4] : ['fd00:2::1', net.vip6];
    const ip = (from: string, to: string): PacketBuilder => (family === 4 ? packet().ipv4(from, to) : packet().ipv6(from, to));
    const ports = Array.from({ length: 40 }, (_, i) => 20_000 + i);
    const packets = ports.flatMap((port) => {
      const quoted = ip(vip, client).udp(80, port).payload(8).build();
      const error = family === 4 ? ip('10.2.0.9', vip).icmpError(3, 4, quoted) : ip('fd00:2::9', vip).icmpError(2, 0, quoted);
      return [ip(client, vip).udp(port, 80).payload(8).build(), error.build()];
    });
    await using watch = await Arrivals.start(net, { silence: 300 });
    await inject(net, { packets: packets.map((bytes) => Buffer.from(bytes).toString('hex')), rate: 200 });
    const arrivals = await watch.finish();
    for (const port of ports) {
      const targets = arrivals.filter(({ clientPort }) => clientPort === port).map(({ target }) => target);
      expect(targets).toHaveLength(2);
      expect(new Set(targets).size).toBe(1);
    }
    expect(await fastPathOf(lb)).toMatchObject({ kernel: 40, queue: 40, reasons: { 'icmp-error': 40 } });
  });
});
