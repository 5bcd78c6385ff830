// Fragments through the running load balancer: in order, out of order, through a tier, under attack.

import { readFile } from 'node:fs/promises';
import { fragments, packet, randomNumbers } from '@nfqlb/core/testing';
import { describe, expect, test } from 'vitest';
import { CIRCUMSTANCES } from '../matrix/behaviours.js';
import { behaviour } from '../testing/behaviour.js';
import { describeLive } from '../testing/describe-live.js';
import type { LbHost } from '../topology/host.js';
import { Topology } from '../topology/topology.js';
import { deliver, targetsOf } from '../traffic/delivery.js';
import { EchoServers } from '../traffic/echo.js';
import { inject } from '../traffic/injection.js';
import { ask } from '../traffic/questions.js';
import { lost, type Received, Receiver } from '../traffic/receiver.js';
import { Sender, type SendOptions } from '../traffic/sender.js';
import { LoadBalancer, startedIn } from './load-balancer.js';
import { NFQLB } from './program.js';

type Family = 4 | 6;

/** Limits large enough for the bursts of these tests. */
const LARGE_LIMITS = ['--tun=nfqlb0', '--ft_size=9973', '--ft_buckets=20000', '--ft_frag=4000', '--qlength=16384'];

const CASES = ([4, 6] as const).flatMap((family) => ['2', '0:3'].map((queue) => [family, queue] as const));

async function statistics(lb: LoadBalancer): Promise<Record<string, number>> {
  return JSON.parse(await lb.run('stats', `--ft_shm=${lb.table}-fragments`)) as Record<string, number>;
}

const send = (net: Topology, options: SendOptions): Promise<Received> =>
  deliver(net, { rate: 4000, sourceAddresses: 20, sourcePorts: 20, count: 2000, ...options });

/** UDP datagrams like those of `Sender`, in `parts` fragments each. */
function trains(family: Family, count: number, parts: number): Uint8Array[][] {
  return Array.from({ length: count }, (_, i) => {
    const payload = Buffer.alloc(48 * parts - 8);
    payload.writeUInt32LE(i, 0);
    payload.writeUInt32LE(i, 4);
    const ip = family === 4 ? packet().ipv4('10.2.0.1', '10.0.0.1') : packet().ipv6('fd00:2::1', '1000::1');
    const whole = ip
      .udp(1024 + i, 5000)
      .payload(payload)
      .build();
    return fragments(whole, (family === 4 ? 20 : 48) + 48, i + 1);
  });
}

/** Shuffles items by at most about `distance` places. */
function disordered<T>(items: readonly T[], distance: number): T[] {
  const random = randomNumbers(1);
  return items
    .map((item, i) => ({ item, place: i + (random() / 2 ** 32) * distance }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}

const hex = (packets: readonly Uint8Array[]): string[] => packets.map((bytes) => Buffer.from(bytes).toString('hex'));

describeLive(
  'fragments',
  () => {
    // Linux gives the datagrams of a connected socket identifications that begin at random: some sockets meet (IPv4, 16 bits).
    test('of many sockets, whose identifications come again, reach their targets', async () => {
      await using net = await Topology.create({ targets: 4 });
      await using _servers = await EchoServers.start(net);
      await using _lb = await LoadBalancer.start(net, { options: ['--tun=nfqlb0', '--ft_size=1999', '--ft_buckets=1999'] });
      const connections = 1000;
      for (let round = 0; round < 4; round++) {
        expect(await ask(net, { protocol: 'udp', connections, octets: 2000 })).toMatchObject({ asked: connections, answered: connections });
      }
    });

    describe.each(CASES)('over IPv%i, queue %s', (family, queue) => {
      test('in order or reversed go where unfragmented packets of their flow go', async () => {
        await using net = await Topology.create({ targets: 4 });
        await using lb = await LoadBalancer.start(net, { queue, options: LARGE_LIMITS });
        const whole = targetsOf(await send(net, { family, length: 200 }));
        const forward = targetsOf(await send(net, { family, length: 200, fragmentOctets: 64 }));
        const reversed = targetsOf(await send(net, { family, length: 200, fragmentOctets: 64, order: 'reversed' }));
        expect(new Set(whole.filter((target) => target >= 0)).size).toBe(4);
        expect(forward).toEqual(whole);
        expect(reversed).toEqual(whole);
        expect(await net.lb.astray()).toBe(0);
        expect(await statistics(lb)).toMatchObject({ fragsUsed: 0, fragsDiscarded: 0, rejected: 0 });
        expect((await statistics(lb)).fragsAllocated).toBeGreaterThan(2000);
      });

      test('in random order, several datagrams at a time, reach their target completely', async () => {
        await using net = await Topology.create({ targets: 4 });
        // By default, Linux drops a datagram when 64 fragments of other datagrams come from the same address between two of its own.
        for (const target of net.targets) await target.run(['sysctl', '-qw', 'net.ipv4.ipfrag_max_dist=0']);
        await using _lb = await LoadBalancer.start(net, { queue, options: LARGE_LIMITS });
        const whole = targetsOf(await send(net, { family, sourceAddresses: 1, sourcePorts: 2000, length: 200 }));
        await using receiver = await Receiver.start(net, { eachFlow: true });
        const packets = disordered(trains(family, 2000, 5).flat(), 30);
        await inject(net, { packets: hex(packets), rate: 20_000 });
        const received = await receiver.finish();
        expect(received).toMatchObject({ distinct: 2000, duplicates: 0, foreign: 0, splitFlows: 0 });
        expect(targetsOf(received).slice(0, 2000)).toEqual(whole.slice(0, 2000));
      });

      test('of UDP and ping of 20 kB are answered', async () => {
        await using net = await Topology.create({ targets: 4 });
        await using _lb = await LoadBalancer.start(net, { queue, options: LARGE_LIMITS });
        await using _servers = await EchoServers.start(net);
        // Each IPv4 socket numbers its datagrams from a random 16-bit start (RFC 6864, section 5.2). With 40 sockets two would collide in 1.2 %
        // of runs, and the second datagram with an identification is dropped while the first is remembered; with 8, in 0.04 %.
        expect(await ask(net, { protocol: 'udp', family, connections: 8, repeat: 15, octets: 20_000 })).toMatchObject({
          asked: 120,
          answered: 120,
          moved: 0,
        });
        const ping = ['ping', '-c', '10', '-i', '0.05', '-W', '2', '-s', '20000', net.vip(family)];
        expect(await net.client.run(ping)).toContain('10 received');
      });
    });

    test.each([4, 6] as const)(
      'over IPv%i: with a reassembler nothing is left in use after 100,000 datagrams',
      async (family) => {
        await using net = await Topology.create({ targets: 4 });
        const options = ['--reassembler=5000', '--ft_ttl=60000', '--ft_size=997', '--ft_buckets=1000', '--qlength=16384'];
        await using lb = await LoadBalancer.start(net, { options });
        await using receiver = await Receiver.start(net, { period: 200 });
        await using sender = await Sender.start(net, {
          family,
          rate: 15_000,
          count: 100_000,
          length: 120,
          fragmentOctets: 56,
          sourcePorts: 1000,
        });
        const sent = await sender.finish();
        const received = await receiver.finish();
        expect(received.overflows).toBe(0);
        expect(lost(received, sent)).toBe(0);
        expect(await statistics(lb)).toMatchObject({
          reAssembled: 100_000,
          active: 0,
          bucketsUsed: 0,
          holesUsed: 0,
          objGC: 0,
          rejected: 0,
        });
      },
      60_000,
    );

    // Not in containers: Docker's bridges reassemble and refragment packets if the kernel passes bridged packets to iptables
    // (net.bridge.bridge-nf-call-iptables), and Docker's NAT rules for DNS do so in every container for IPv4.
    describe.each(CIRCUMSTANCES)('over IPv$family, queues: $queues, fast path: $fast', ({ family, queues, fast }) => {
      behaviour(
        'each sent to any of three load balancers of a tier, all come whole to one target',
        { behaviour: 'tier', family, queues, fast },
        async () => {
          await using net = await Topology.create({ targets: 4, lbs: 3 });
          const start = async (host: LbHost): Promise<LoadBalancer> => {
            const tier = net.sharedMemory(`${host.host}-tier`);
            await host.run([...NFQLB.command, 'init', `--shm=${tier}`, `--ownfw=${host.fwmark}`]);
            await host.run([...NFQLB.command, 'activate', `--shm=${tier}`, ...net.lbs.map(({ fwmark }) => String(fwmark))]);
            const started = startedIn({ family, queues, fast });
            return await LoadBalancer.start(net, { host, ...started, options: [...LARGE_LIMITS, '--ft_ttl=5000', `--lbshm=${tier}`] });
          };
          await using first = await start(net.lbs[0]!);
          await using second = await start(net.lbs[1]!);
          await using third = await start(net.lbs[2]!);
          const whole = targetsOf(await send(net, { family, sourceAddresses: 1, sourcePorts: 900, length: 200 }));

          // Fragments on three paths overtake each other; by default a target drops a datagram overtaken by 64 others from the same source.
          for (const target of net.targets) await target.run(['sh', '-c', 'echo 0 >/proc/sys/net/ipv4/ipfrag_max_dist']);
          await using receiver = await Receiver.start(net, { eachFlow: true });
          const random = randomNumbers(7);
          const sprayed = net.lbs.map((): Uint8Array[] => []);
          for (const part of trains(family, 900, 4).flat()) sprayed[random() % 3]!.push(part);
          await Promise.all(net.lbs.map((lb, i) => inject(net, { lb, packets: hex(sprayed[i]!), rate: 3000 })));
          const received = await receiver.finish();
          expect(received).toMatchObject({ distinct: 900, duplicates: 0, foreign: 0, splitFlows: 0 });
          expect(targetsOf(received).slice(0, 900)).toEqual(whole.slice(0, 900));
          // The addresses select one load balancer of the tier for all of these: the others forwarded every fragment to it, once.
          const lookups = await Promise.all([first, second, third].map(async (lb) => (await statistics(lb)).lookups!));
          expect(lookups.filter((count) => count > 0)).toHaveLength(1);
          for (const lb of net.lbs) expect(await lb.astray()).toBe(0);
        },
      );
    });

    test('without a tun device are dropped if they precede the first, and balanced if in order', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using lb = await LoadBalancer.start(net, { options: ['--ft_size=997', '--ft_buckets=997'] });
      await send(net, { length: 200, fragmentOctets: 64 });
      await using receiver = await Receiver.start(net);
      await using sender = await Sender.start(net, {
        rate: 1000,
        count: 300,
        firstSequence: 100_000,
        length: 120,
        fragmentOctets: 56,
        order: 'reversed',
      });
      await sender.finish();
      expect((await receiver.finish()).received).toBe(0);
      expect(await statistics(lb)).toMatchObject({ fragsMax: 0, fragsAllocated: 0 });
      await lb.process.stop('SIGTERM');
      expect(lb.process.stderr).toMatch(/dropped: fragment-no-room 300, fragment-poisoned 300;/);
    });

    test('a tun device problem is reported in one line, with exit status 1', async () => {
      await using net = await Topology.create();
      await using lb = await LoadBalancer.start(net);
      await net.lb.ip('tuntap add mode tun name small0');
      await net.lb.ip('link set small0 mtu 1280 up');
      await net.lb.ip('tuntap add mode tun name down0');
      await net.lb.ip('tuntap add mode tap name tap0');
      const failure = (command: readonly string[], ...options: readonly string[]): Promise<string> =>
        net.lb.run([...command, ...NFQLB.command, 'lb', `--tshm=${lb.table}`, '--queue=9', ...options]).then(
          () => 'none',
          (error: Error) => error.message,
        );
      const reasons = [
        [await failure([], '--tun=small0'), 'tun device small0: its MTU is 1280, less than --mtu=1500: ip link set small0 mtu 1500'],
        [await failure([], '--tun=down0'), 'tun device down0: it is down: ip link set down0 up'],
        [await failure([], '--tun=tap0'), 'tun device tap0: a device of that name is there and is no tun device'],
        [await failure([], '--tun=lo'), 'tun device lo: a device of that name is there and is no tun device'],
        // Queues are bound before anything else.
        [await failure(['setpriv', '--bounding-set=-net_admin'], '--tun=new0'), 'NFQUEUE 9: needs CAP_NET_ADMIN'],
      ];
      for (const [said, reason] of reasons) expect(said).toContain(`nfqlb lb: ${reason}`);
    });

    test.each([4, 6] as const)('over IPv%i that are bogus, overlapping or truncated do no harm', async (family) => {
      await using net = await Topology.create({ targets: 2 });
      await using lb = await LoadBalancer.start(net, { options: [...LARGE_LIMITS, '--reassembler=1000'] });
      const ip = family === 4 ? packet().ipv4('10.2.0.1', '10.0.0.1') : packet().ipv6('fd00:2::1', '1000::1');
      const part = (id: number, offset: number, more: boolean) => ip.fragment({ id, offset, more });
      const bogus = [
        part(1, 0, true).protocol(17).payload(2),
        part(2, 0, true).protocol(6).payload(0),
        part(3, 65528, false).protocol(17).payload(64),
        part(4, 65528, true).protocol(17).payload(1200),
        ...[0, 8, 16, 0, 8].map((offset) => part(5, offset, true).udp(4711, 5999).payload(40)),
        part(6, 0, true).icmpError(3, 4, ip.udp(1, 2).build()),
        ...[8, 8, 8].map((offset) => part(7, offset, false).protocol(17).payload(16)),
        part(8, 8, false).protocol(17).payload(0),
      ];
      await inject(net, { packets: hex(Array.from({ length: 50 }, () => bogus.map((builder) => builder.build())).flat()), rate: 5000 });
      const received = await send(net, { family, length: 200, fragmentOctets: 64, firstSequence: 1000, firstFlow: 0 });
      expect(received.flows).toBe(400);
      expect(await net.lb.astray()).toBe(0);
      await lb.stop();
    });

    test('that never complete, at full rate in a separate queue: memory stays bounded, other traffic continues, fragments recover', async () => {
      await using net = await Topology.create({ targets: 4 });
      await using lb = await LoadBalancer.start(net, { queue: '2:3', fragmentQueue: 3, options: ['--tun=nfqlb0', '--qlength=8192'] });
      const memory = async (): Promise<number> => {
        const status = await readFile(`/proc/${lb.process.pid}/status`, 'utf8');
        return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]);
      };
      // The default table can handle this rate. Uses the other family, since targets keep incomplete datagrams for 30 s and then accept no more.
      const fragmented = { family: 6, rate: 1000, count: 500, length: 200, fragmentOctets: 64 } as const;
      await send(net, fragmented);
      const before = await memory();

      const attack = { sourceAddresses: 60_000, sourcePorts: 1, length: 120, fragmentOctets: 56, port: 5999 } as const;
      await using first = await Sender.start(net, { ...attack, order: 'first-alone' });
      await using later = await Sender.start(net, { ...attack, order: 'without-first' });
      await new Promise((resolve) => setTimeout(resolve, 1000));
      await using receiver = await Receiver.start(net, { period: 200 });
      await using sender = await Sender.start(net, { rate: 10_000, seconds: 28, sourcePorts: 1000 });
      const sent = await sender.finish();
      const received = await receiver.finish();
      const during = await memory();
      const attacked = (await Promise.all([first.stop(), later.stop()])).reduce((sum, each) => sum + each.sent, 0);
      expect(attacked).toBeGreaterThan(100_000);
      expect(during).toBeLessThan(before * 1.1 + 8192);
      expect(received.distinct / sent.sent).toBeGreaterThan(0.9);

      await new Promise((resolve) => setTimeout(resolve, 250));
      await send(net, { ...fragmented, order: 'reversed' });
      console.log(
        `attack: ${Math.round(attacked / 30)} datagrams/s; ${((100 * received.distinct) / sent.sent).toFixed(2)}% of other packets arrived; ` +
          `memory ${before} kB before, ${during} kB after`,
      );
    }, 90_000);
  },
  NFQLB,
);
