// Compares the output of `nfqlb explain` with the fwmarks that packets get from a running load balancer.

import { type PacketBuilder, packet } from '@nfqlb/core/packet-builder';
import { randomNumbers } from '@nfqlb/core/testing';
import { describe, expect, test } from 'vitest';
import { makeBare, nfqlb, setUpOf } from '../setup/router.js';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { marksGivenTo, type Numbered } from '../traffic/given-marks.js';
import { inject } from '../traffic/injection.js';
import { LoadBalancer } from './load-balancer.js';
import { NFQLB } from './program.js';

/** Each is followed to its next hop, which takes several programs: some 0.1 s. */
const PACKETS = 200;
const UDP_ENCAP = 9899;

interface Explained {
  readonly fwmark: number | null;
  readonly kind: string;
  readonly flow?: string;
  readonly reason: string;
  readonly src: string;
  readonly dst: string;
  readonly proto: number;
  readonly sport?: number;
  readonly dport?: number;
}

/** Packets of all kinds that the load balancer distinguishes, except later fragments, which depend on earlier packets. */
function randomPackets(net: Topology, seed: number): Numbered[] {
  const random = randomNumbers(seed);
  const below = (limit: number): number => random() % limit;
  const oneOf = <T>(...all: readonly T[]): T => all[below(all.length)]!;
  const port = (): number => oneOf(53, 80, 443, 6000, 8000 + below(100), 1 + below(65_535));
  const transport = (ip: PacketBuilder): PacketBuilder => {
    switch (below(6)) {
      case 0:
      case 1:
        return ip.tcp(port(), port(), { flags: oneOf(2, 16, 18) });
      case 2:
        return ip.sctp(port(), port());
      case 3:
        return ip.udp(port(), UDP_ENCAP).payload(packet().sctp(port(), port()).build());
      default:
        return ip.udp(port(), port()).payload(below(40));
    }
  };
  return Array.from({ length: PACKETS }, (_, i) => {
    const family = oneOf(4, 6);
    const vip = net.vip(family);
    const source = family === 4 ? `10.2.${below(4)}.${1 + below(250)}` : `fd00:2::${(1 + below(999)).toString(16)}`;
    const number = i + 1;
    const ip = family === 4 ? packet().ipv4(source, vip, { id: number }) : packet().ipv6(source, vip);
    const make = (): PacketBuilder => {
      switch (below(8)) {
        case 0:
          return ip.icmpEcho(below(65_536));
        case 1: {
          const back = family === 4 ? packet().ipv4(vip, source) : packet().ipv6(vip, source);
          const router = family === 4 ? packet().ipv4('10.2.9.9', vip, { id: number }) : packet().ipv6('fd00:2::9999', vip);
          const quoted = transport(back).build();
          return router.icmpError(family === 4 ? oneOf(3, 11) : oneOf(1, 2, 3), 0, quoted);
        }
        case 2:
          return transport(ip.fragment({ id: number, offset: 0, more: true })).payload(32);
        case 3:
          return ip.protocol(oneOf(47, 89)).payload(20);
        default:
          return transport(ip);
      }
    };
    const bytes = make().build();
    if (family === 6) bytes[7] = number;
    return { family, number, bytes };
  });
}

async function explained(lb: LoadBalancer, packets: readonly Numbered[], ...options: readonly string[]): Promise<Explained[]> {
  const given = packets.map(({ bytes }) => `--packet=${Buffer.from(bytes).toString('hex')}`);
  const lines = await lb.run('explain', '--json', ...options, ...given);
  return lines
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Explained);
}

/** As options of `explain`; `undefined` if they cannot express the packet. */
function inWords({ kind, src, dst, proto, sport, dport }: Explained): string[] | undefined {
  if (kind !== 'normal' && kind !== 'addresses-only') return undefined;
  const ports = sport === undefined ? [] : [`--sport=${sport}`, `--dport=${dport}`];
  return [`--src=${src}`, `--dst=${dst}`, `--proto=${proto}`, ...ports];
}

describeLive(
  'explain',
  () => {
    test('agrees with the running flowlb on 200 packets over a dozen flows', { timeout: 240_000 }, async () => {
      await using net = await Topology.create({ targets: 1 });
      const options = ['--nolb_fwmark=77', '--promiscuous_ping'];
      await using lb = await LoadBalancer.start(net, { flows: true, targets: [], options });
      const tables = ['a', 'b', 'c'].map((name) => net.sharedMemory(name));
      for (const [i, table] of tables.entries()) {
        await lb.run('init', `--shm=${table}`, `--M=${[997, 101, 61][i]}`);
        if (i < 2) await lb.run('activate', `--shm=${table}`, ...[1, 2, 3].map((n) => `${100 * (i + 1) + n}`));
      }
      const vips = `${net.vip4}/32,${net.vip6}/128`;
      const flows = [
        ['web4', 0, 50, '--protocols=tcp', '--dports=80,443', `--dsts=${net.vip4}/32`],
        ['web6', 1, 50, '--protocols=tcp', '--dports=80,443', `--dsts=${net.vip6}/128`],
        ['syn', 1, 60, '--protocols=tcp', '--match=tcp[13:1] & 0x12 = 2'],
        ['odd', 0, 55, '--protocols=udp', '--match=udp[0:2] & 0x1 = 1', '--dports=8000-8049'],
        ['even', 1, 55, '--protocols=udp', '--match=udp[0:2] & 0x1 = 0', '--dports=8000-8049'],
        ['dns', 0, 40, '--protocols=udp,tcp', '--dports=53', `--dsts=${vips}`],
        ['near', 1, 45, '--srcs=10.2.0.0/24,fd00:2::/121'],
        ['empty', 2, 41, '--sports=443'],
        ['signalling', 0, 70, '--protocols=sctp', '--dports=6000-8099', `--udpencap=${UDP_ENCAP}`],
        ['sctp', 1, 10, '--protocols=sctp'],
        ['sources', 1, 9, '--srcs=10.2.1.0/24,10.2.2.0/24'],
        ['high', 0, 1, '--protocols=tcp,udp', '--dports=1024-65535'],
      ] as const;
      for (const [name, table, prio, ...more] of flows) {
        await lb.run('flow-set', `--name=${name}`, `--target=${tables[table]}`, `--prio=${prio}`, ...more);
      }
      const packets = randomPackets(net, 5);
      const live = await marksGivenTo(net, packets);
      // The options are those of the running load balancer.
      const said = await explained(lb, packets);
      expect(said.map(({ fwmark }) => fwmark)).toEqual(live);

      // The comparison is meaningful only if all of these occur.
      const occurring = (field: 'kind' | 'flow' | 'reason'): Set<unknown> => new Set(said.map((one) => one[field]).filter(Boolean));
      expect(occurring('flow')).toEqual(new Set(flows.map(([name]) => name)));
      expect(occurring('kind')).toEqual(new Set(['normal', 'first-fragment', 'udp-encap', 'icmp-inner', 'icmp', 'addresses-only']));
      expect(occurring('reason')).toEqual(new Set(['balanced', 'no-target', 'no-flow', 'malformed']));

      const words = said.flatMap((one) => (inWords(one) && one.flow !== 'syn' && one.flow !== 'odd' ? [one] : [])).slice(0, 8);
      expect(words).toHaveLength(8);
      for (const one of words) {
        const [again] = JSON.parse(`[${await lb.run('explain', '--json', ...inWords(one)!)}]`) as [Explained];
        expect(again).toMatchObject({ fwmark: one.fwmark, kind: one.kind, src: one.src });
      }
    });

    test('agrees with the running lb, before and after a change', { timeout: 240_000 }, async () => {
      await using net = await Topology.create({ targets: 4 });
      const options = [`--sctp_encap=${UDP_ENCAP}`, '--hash_mode=0'];
      await using lb = await LoadBalancer.start(net, { options });
      const packets = randomPackets(net, 6);
      const live = await marksGivenTo(net, packets);
      const said = await explained(lb, packets);
      expect(said.map(({ fwmark }) => fwmark)).toEqual(live);
      expect((await explained(lb, packets, `--tshm=${lb.table}`, ...options)).map(({ fwmark }) => fwmark)).toEqual(live);
      expect(new Set(live.filter((fwmark) => fwmark !== null)).size).toBe(4);

      const change = `--what-if=deactivate ${net.target(2).fwmark}`;
      const predicted = (await explained(lb, packets, change)) as unknown as { whatIf: Explained }[];
      await lb.deactivate(net.target(2));
      await net.lb.run(['nft', 'delete', 'table', 'inet', 'marks']);
      expect(predicted.map(({ whatIf }) => whatIf.fwmark)).toEqual(await marksGivenTo(net, packets));
    });

    describe('follows a packet', () => {
      const ports = ['--proto=tcp', '--sport=4711', '--dport=80'];
      const to = (net: Topology): string[] => [`--src=${net.client.wire('lb1').own.ipv4}`, `--dst=${net.vip4}`, ...ports];
      const explain = async (net: Topology, ...args: readonly string[]): Promise<string> => nfqlb(net.lb, 'explain', ...args);

      test.each(['dsr', 'nat'] as const)('to the target that gets it, with %s', async (mode) => {
        await using net = await Topology.create({ targets: 3, mode });
        await using _lb = await LoadBalancer.start(net);
        await makeBare(net);
        await nfqlb(net.lb, 'up', ...setUpOf(net));
        for (const sport of [4000, 4001, 4002, 4003, 4004, 4005]) {
          const words = ['--src=10.2.0.1', `--dst=${net.vip4}`, '--proto=udp', `--sport=${sport}`, '--dport=5000'];
          const [found] = JSON.parse(`[${await explain(net, '--json', ...words)}]`);
          const number = found.fwmark - 100;
          const { ipv4 } = net.lb.wire(`t${number}`).peer;
          expect(found).toMatchObject({ queue: 2, delivered: true, route: { device: `t${number}`, isLocal: false } });
          expect(mode === 'nat' ? found.translated : found.route.gateway).toBe(ipv4);
          const sent = (): Promise<number[]> => Promise.all(net.targets.map(async ({ host }) => (await net.lb.counts(host)).sent));
          const before = await sent();
          const bytes = packet().ipv4('10.2.0.1', net.vip4).udp(sport, 5000).payload(44).build();
          await inject(net, { packets: [Buffer.from(bytes).toString('hex')] });
          const expected = before.map((count, i) => (i === number - 1 ? count + 1 : count));
          await expect.poll(sent, { timeout: 5000 }).toEqual(expected);
        }
      });

      test('that no rule leads to a queue', async () => {
        await using net = await Topology.create({ targets: 1 });
        await using _lb = await LoadBalancer.start(net);
        await makeBare(net);
        await nfqlb(net.lb, 'up', ...setUpOf(net));
        const other = ['--src=10.2.0.1', '--dst=10.0.0.9', ...ports];
        expect(await explain(net, ...other)).toMatch(
          /^packet .*\nqueue {4}none\nanswer {3}not load-balanced: no rule of this network namespace leads it to a queue\n$/,
        );
        expect(JSON.parse(await explain(net, '--json', ...other))).toMatchObject({
          queue: null,
          fwmark: null,
          verdict: 'pass',
          reason: 'no-queue-rule',
        });
        await net.lb.iptables(4, '-t mangle -I PREROUTING -p tcp --dport 80 -j ACCEPT');
        expect(await explain(net, ...to(net))).toMatch(
          /\nanswer {3}not load-balanced: -A PREROUTING -p tcp -m tcp --dport 80 -j ACCEPT comes before any queue rule\n$/,
        );
        await net.lb.iptables(4, '-t raw -I PREROUTING -s 10.0.0.0/8 -j DROP');
        expect(await explain(net, ...to(net))).toMatch(
          /\nanswer {3}dropped before any queue, by -A PREROUTING -s 10\.0\.0\.0\/8 -j DROP\n$/,
        );
      });

      test('in a network namespace without a load balancer', async () => {
        await using net = await Topology.create({ targets: 1 });
        await makeBare(net);
        expect(await explain(net, ...to(net))).toMatch(
          /\nanswer {3}not load-balanced: no rule of this network namespace leads it to a queue; no load balancer runs in this network namespace\n$/,
        );
      });

      test('to a queue that nobody listens to', async () => {
        await using net = await Topology.create({ targets: 1 });
        await using _lb = await LoadBalancer.start(net);
        await makeBare(net);
        await nfqlb(net.lb, 'up', ...setUpOf(net), '--queue=7');
        expect(await explain(net, ...to(net))).toMatch(
          /\nqueue {4}7, by -A NFQLB -d 10\.0\.0\.1\/32 -j NFQUEUE --queue-num 7\nanswer {3}dropped: nobody listens to queue 7\n$/,
        );
      });

      test.each<[string, (net: Topology) => Promise<unknown>, RegExp, string?]>([
        [
          'without forwarding',
          (net) => net.lb.run(['sh', '-ec', 'echo 0 >/proc/sys/net/ipv4/ip_forward']),
          /no route, or forwarding is off/,
        ],
        ['whose target’s device is down', (net) => net.lb.ip('link set t1 down'), /no route, or forwarding is off/],
        [
          'to a VIP of this machine',
          (net) => net.lb.ip('address add 10.0.0.1/32 dev lo'),
          /10\.0\.0\.1 is an address of this machine: it is delivered here/,
        ],
        ['that a firewall drops', (net) => net.lb.iptables(4, '-P FORWARD DROP'), /dropped by the policy of the chain FORWARD/],
        [
          'from where no answer would go',
          async (net) => {
            await net.lb.run(['sh', '-ec', 'echo 1 >/proc/sys/net/ipv4/conf/client/rp_filter']);
            await net.lb.ip(`route replace 10.2.0.0/16 via ${net.lb.wire('t1').peer.ipv4}`);
          },
          /not accepted with this source: answers to it would leave through another device/,
          '--iif=client',
        ],
        [
          'to a target that does not answer',
          async (net) => {
            await net.lb.ip('link set t1 arp on');
            await net.lb.ip('neigh flush dev t1');
            await net.client.run(['ping', '-c', '1', '-W', '1', net.vip4]).catch(() => 'no answer');
          },
          /nobody answers at 10\.100\.\d+\.2/,
        ],
      ])('%s', async (_, introduce, problem, option) => {
        await using net = await Topology.create({ targets: 1 });
        await using _lb = await LoadBalancer.start(net);
        await makeBare(net);
        await nfqlb(net.lb, 'up', ...setUpOf(net));
        const given = ['--src=10.2.0.1', `--dst=${net.vip4}`, ...ports, ...(option === undefined ? [] : [option])];
        expect(await explain(net, ...given)).toMatch(/\nanswer {3}balanced: .* -> fwmark 101\n$/);
        await introduce(net);
        const answer = (await explain(net, ...given)).trimEnd().split('\n').at(-1);
        expect(answer).toMatch(/^answer {3}balanced: .* -> fwmark 101; lost after that: /);
        expect(answer).toMatch(problem);
      });

      test('as far as an unprivileged user can see', async () => {
        await using net = await Topology.create({ targets: 1 });
        await using lb = await LoadBalancer.start(net, { options: ['--read-group=all'] });
        await net.lb.run(['chmod', '644', `/dev/shm/${lb.table}`]);
        const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--bounding-set=-all'];
        const said = await net.lb.run([...nobody, ...NFQLB.command, 'explain', ...to(net)]);
        expect(said).toMatch(/^by {7}table \S+ of the load balancer of queue 2 \(lb, pid \d+\)\n/);
        expect(said).toMatch(/\nqueue {4}not known: the packet rules cannot be read \(needs root, or CAP_NET_ADMIN\); it is taken for /);
        expect(said).toMatch(/\nanswer {3}balanced: .* -> fwmark 101\n$/);
      });
    });
  },
  NFQLB,
);
