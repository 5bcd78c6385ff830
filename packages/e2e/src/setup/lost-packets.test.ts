// Every cause of packet loss that can be created in a network namespace: traffic shows the loss, and `nfqlb doctor` must report a problem.

import { openSync, readFileSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { TargetTable } from '@nfqlb/core';
import { describe, expect, test } from 'vitest';
import { LoadBalancer } from '../load-balancer/load-balancer.js';
import { NFQLB } from '../load-balancer/program.js';
import { describeLive } from '../testing/describe-live.js';
import type { Mode } from '../topology/plan.js';
import { Topology } from '../topology/topology.js';
import { EchoServers } from '../traffic/echo.js';
import { type Answers, ask, Questions } from '../traffic/questions.js';
import { lost, Receiver } from '../traffic/receiver.js';
import { Sender } from '../traffic/sender.js';
import { doctor, type Examination } from './examination.js';
import { makeBare, nfqlb, setUpOf } from './router.js';

/** A healthy tier of one load balancer and two targets. */
interface Site {
  readonly net: Topology;
  readonly lb: LoadBalancer;
}

interface Fault {
  readonly name: string;
  readonly mode?: Mode;
  readonly introduce: (site: Site) => Promise<unknown>;
  /** Which packets are lost. `none`: not yet. */
  readonly loses: 'all' | 'some' | 'none';
  readonly check: string;
  /** What doctor says for the check, up to the remedy. */
  readonly says: string | RegExp;
}

const VIP = '10.0.0.1/32';

const targetOnly = (net: Topology, number: number): string[] => {
  const others = net.targets.filter((target) => target.number !== number).map(({ fwmark }) => `${fwmark}=`);
  return setUpOf(net).filter((word) => !others.some((other) => word.startsWith(other)));
};

const nft = ({ net }: Site, ruleset: string): Promise<string> => net.lb.run(['nft', '-f', '-'], { input: ruleset });

const FAULTS: readonly Fault[] = [
  {
    name: 'all targets are deactivated',
    introduce: ({ net, lb }) => lb.deactivate(...net.targets),
    loses: 'all',
    check: 'tables',
    // Tables of other tests, in other network namespaces, may be named as those where targets are active.
    says: /^problem: no target is active in [^ ,]+: packets are dropped(?:; .*)?$/,
  },
  {
    name: 'the load balancer does not use the table with the targets',
    introduce: async ({ net, lb }) => {
      await lb.deactivate(...net.targets);
      const other = net.sharedMemory('other');
      await lb.run('init', `--shm=${other}`);
      await lb.run('activate', `--shm=${other}`, '101', '102');
    },
    loses: 'all',
    check: 'tables',
    says: /^problem: no target is active in \S+: packets are dropped; targets are active in .*-other\b.*, which no load balancer here uses$/,
  },
  {
    name: 'fwmark 0 is active, which only C nfqlb allows',
    introduce: async ({ lb }) => activateZero(lb.table),
    loses: 'some',
    check: 'tables',
    says: /^problem: fwmark 0 is active, but .* is dropped \(.*: 0, 33\.\d% of connections\)$/,
  },
  {
    name: 'a fwmark without a rule is active',
    introduce: ({ lb }) => lb.run('activate', `--shm=${lb.table}`, '999'),
    loses: 'some',
    check: 'tables',
    says: /^problem: active fwmarks that no rule or route leads to a target: .*: 999, 33\.\d% of connections\)$/,
  },
  {
    name: 'up is run again with fewer targets',
    introduce: ({ net }) => nfqlb(net.lb, 'up', ...targetOnly(net, 1)),
    loses: 'some',
    check: 'tables',
    says: /^problem: active fwmarks that no rule or route leads to a target: .*: 102, (?:49|50)\.\d% of connections\)$/,
  },
  {
    name: 'a next hop does not answer',
    introduce: async ({ net }) => {
      // The target's end does not answer ARP.
      await net.lb.ip('link set t1 arp on');
      await net.lb.ip('neigh flush dev t1');
    },
    loses: 'some',
    check: 'targets',
    says: /^problem: nobody answers at 101=10\.100\.\d+\.2.*, to which packets go$/,
  },
  {
    name: 'a next hop does not answer, with nat',
    mode: 'nat',
    introduce: async ({ net }) => {
      await net.lb.ip('link set t1 arp on');
      await net.lb.ip('neigh flush dev t1');
    },
    loses: 'some',
    check: 'targets',
    says: /^problem: nobody answers at 101=10\.100\.\d+\.2.*, to which packets go$/,
  },
  {
    name: 'the device to a target is down',
    introduce: ({ net }) => net.lb.ip('link set t1 down'),
    loses: 'some',
    check: 'set-up',
    says: 'problem: fwmark 101: the route to the target has gone, as it does when its device goes down',
  },
  {
    name: 'a policy rule is removed',
    introduce: ({ net }) => net.lb.ip('rule del priority 14200 fwmark 102'),
    loses: 'some',
    check: 'set-up',
    says: 'problem: IPv4: no policy rule for fwmark 102',
  },
  {
    name: 'a policy rule of another program comes first',
    introduce: ({ net }) => net.lb.ip('rule add priority 100 lookup main'),
    loses: 'all',
    check: 'VIPs',
    says: /^problem: packets to 10\.0\.0\.1\/32 with fwmark 101 go .*, not to their target, and \d more: another policy rule comes first$/,
  },
  {
    name: 'the VIP is an address of the load balancer itself',
    introduce: ({ net }) => net.lb.ip(`address add ${VIP} dev lo`),
    loses: 'all',
    check: 'VIPs',
    says: `problem: ${VIP}: an address of this machine, so that packets to it are delivered here, whatever their fwmark`,
  },
  {
    name: 'forwarding is off',
    introduce: ({ net }) => net.lb.run(['sh', '-ec', 'echo 0 >/proc/sys/net/ipv4/ip_forward']),
    loses: 'all',
    check: 'forwarding IPv4',
    says: 'problem: off: packets get a fwmark, but are not passed on to targets',
  },
  {
    name: 'the policy of FORWARD is DROP',
    introduce: ({ net }) => net.lb.iptables(4, '-P FORWARD DROP'),
    loses: 'all',
    check: 'forwarding IPv4',
    says: 'problem: on, but the policy of the chain FORWARD is DROP: no packets to targets are passed on',
  },
  {
    name: 'a rule in FORWARD rejects packets to targets, with nat',
    mode: 'nat',
    introduce: ({ net }) => net.lb.iptables(4, '-I FORWARD -d 10.100.0.0/16 -j REJECT'),
    loses: 'all',
    check: 'forwarding IPv4',
    says: /^problem: on, but -A FORWARD -d 10\.100\.0\.0\/16 -j REJECT --reject-with \S+: no packets to targets are passed on$/,
  },
  {
    name: 'an nftables firewall forwards nothing',
    introduce: (site) => nft(site, 'table inet fw { chain forward { type filter hook forward priority 0; policy drop; }; }'),
    loses: 'all',
    check: 'forwarding IPv4',
    says: /^problem: on, but the policy of a chain of nftables at the hook forward is drop: no packets to targets are passed on$/,
  },
  {
    name: 'iptables-legacy drops packets beside nf_tables',
    introduce: ({ net }) => net.lb.run(['iptables-legacy', '-P', 'FORWARD', 'DROP']),
    loses: 'all',
    check: 'legacy rules',
    says: 'problem: iptables-legacy drops packets to VIPs, which iptables does not show (the policy of the chain FORWARD)',
  },
  {
    name: 'the queue rule of a VIP is removed',
    introduce: ({ net }) => net.lb.iptables(4, `-t mangle -D NFQLB -d ${VIP} -j NFQUEUE --queue-num 2`),
    loses: 'all',
    check: 'set-up',
    says: `problem: iptables -t mangle: the chain NFQLB is empty`,
  },
  {
    name: 'the jump to the queue rules is removed',
    introduce: ({ net }) => net.lb.iptables(4, '-t mangle -D PREROUTING -j NFQLB'),
    loses: 'all',
    check: 'set-up',
    says: 'problem: iptables -t mangle: no rule leads to the chain NFQLB',
  },
  {
    name: 'the queue rules are for another queue',
    introduce: ({ net }) => nfqlb(net.lb, 'up', ...setUpOf(net), '--queue=5'),
    loses: 'all',
    check: 'listeners',
    says: 'problem: nobody listens to queue 5: packets are dropped',
  },
  {
    name: 'an earlier rule accepts packets to the VIP',
    introduce: ({ net }) => net.lb.iptables(4, `-t mangle -I PREROUTING -d ${VIP} -j ACCEPT`),
    loses: 'all',
    check: 'queue rules',
    says: `problem: packets to ${VIP} do not reach the queue (-A PREROUTING -d ${VIP} -j ACCEPT)`,
  },
  {
    name: 'an earlier rule accepts some packets to the VIP',
    introduce: ({ net }) => net.lb.iptables(4, '-t mangle -I PREROUTING -p udp -j ACCEPT'),
    loses: 'all',
    check: 'queue rules',
    says: `warning: some packets to ${VIP} do not reach the queue (-A PREROUTING -p udp -j ACCEPT)`,
  },
  {
    name: 'a rule in the table raw drops packets to the VIP',
    introduce: ({ net }) => net.lb.iptables(4, `-t raw -A PREROUTING -d ${VIP} -j DROP`),
    loses: 'all',
    check: 'queue rules',
    says: `problem: packets to ${VIP} do not reach the queue (-A PREROUTING -d ${VIP} -j DROP)`,
  },
  {
    name: 'another program marks packets after the queue',
    introduce: (site) => nft(site, 'table inet vpn { chain pre { type filter hook prerouting priority -140; meta mark set 5; }; }'),
    loses: 'all',
    check: 'fwmarks',
    says: 'problem: overwritten behind the queue, so that packets go astray (meta mark set 0x00000005)',
  },
  {
    name: 'another program restores connection marks, and accepts marked packets',
    introduce: async ({ net }) => {
      await net.lb.iptables(4, '-t mangle -I PREROUTING -m mark ! --mark 0 -j ACCEPT');
      await net.lb.iptables(4, '-t mangle -I PREROUTING -j CONNMARK --restore-mark');
      await net.lb.iptables(4, '-t mangle -I PREROUTING -j CONNMARK --set-mark 77');
    },
    loses: 'all',
    check: 'queue rules',
    says: `problem: packets to ${VIP} that already have a mark do not reach the queue (-A PREROUTING -m mark ! --mark 0x0 -j ACCEPT)`,
  },
  {
    name: 'the load balancer is killed',
    introduce: ({ lb }) => lb.kill(),
    loses: 'all',
    check: 'listeners',
    says: 'problem: nobody listens to queue 2: packets are dropped',
  },
  {
    name: 'the load balancer is killed, and the queue rule has --queue-bypass',
    introduce: async ({ net, lb }) => {
      await lb.kill();
      await net.lb.iptables(4, `-t mangle -I NFQLB -d ${VIP} -j NFQUEUE --queue-num 2 --queue-bypass`);
    },
    loses: 'all',
    check: 'listeners',
    says: 'problem: nobody listens to queue 2: packets are dropped',
  },
  {
    name: 'a queue rule has --queue-bypass',
    introduce: ({ net }) => net.lb.iptables(4, `-t mangle -I NFQLB -d ${VIP} -j NFQUEUE --queue-num 2 --queue-bypass`),
    loses: 'none',
    check: 'queue rules',
    says: /^warning: while nobody listens, packets pass without a fwmark .*--queue-bypass\)$/,
  },
  {
    name: 'the load balancer hangs',
    introduce: async ({ lb }) => lb.process.signal('SIGSTOP'),
    loses: 'all',
    check: 'load balancers',
    says: /^problem: the load balancer of queue 2 does not answer: /,
  },
];

/** Activates fwmark 0 in a table, as C nfqlb does. */
function activateZero(name: string): void {
  const path = `/dev/shm/${name}`;
  const memory = new Uint8Array(readFileSync(path)).buffer;
  TargetTable.open(memory).activate([{ fwmark: 0 }]);
  writeSync(openSync(path, 'r+'), new Uint8Array(memory));
}

/** Enough connections to hit each target, and the third that some faults lose. */
const CONNECTIONS = { all: 8, some: 24, none: 24 } as const;

const askTargets = (net: Topology, loses: Fault['loses']): Promise<Answers> =>
  // Each question that is lost waits this long, one that is only late on a busy machine need not be taken for lost.
  ask(net, { protocol: 'udp', connections: CONNECTIONS[loses], timeout: loses === 'none' ? 2000 : 200 });

/** What doctor finds once the load balancer answers it: the status socket opens shortly after the queue. */
async function untilAnswering(net: Topology): Promise<Examination> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const found = await doctor(net.lb);
    const says = found.says.get('load balancers');
    if (says === 'ok: 1 running, healthy') return found;
    if (Date.now() > deadline) throw new Error(`the load balancer does not answer doctor: ${says}`);
  }
}

function expectLoss({ asked, answered }: Answers, loses: Fault['loses']): void {
  if (loses === 'none') expect(answered).toBe(asked);
  else if (loses === 'all') expect(answered).toBe(0);
  else {
    expect(answered).toBeGreaterThan(0);
    expect(answered).toBeLessThan(asked);
  }
}

// Several at a time, each in namespaces of its own: nearly all of their time, doctor and the client wait.
describeLive(
  'packets are lost, and doctor says why, when',
  () => {
    test.concurrent.each(FAULTS)('$name', async ({ mode = 'dsr', introduce, loses, check, says }) => {
      await using net = await Topology.create({ targets: 2, mode });
      await using _echo = await EchoServers.start(net);
      await using lb = await LoadBalancer.start(net);
      await makeBare(net);
      await nfqlb(net.lb, 'up', ...setUpOf(net));
      expectLoss(await askTargets(net, 'none'), 'none');
      expect((await untilAnswering(net)).status).toBe(0);

      await introduce({ net, lb });
      expectLoss(await askTargets(net, loses), loses);
      const found = await doctor(net.lb);
      if (check === 'load balancers') lb.process.signal('SIGCONT');
      expect(found.says.get(check)?.replace(/ → .*$/, '')).toMatch(says instanceof RegExp ? says : new RegExp(`^${escapeRegExp(says)}$`));
      expect(found.status).toBe(String(says).includes('problem') ? 1 : 0);
    });

    test.concurrent.each<[string, 4 | 6, string, string | RegExp]>([
      ['is down', 4, 'link set nfqlb0 down', 'problem: nfqlb0: down: stored fragments are lost'],
      [
        // The kernel turns IPv6 off if the MTU is less than 1280 (RFC 8200 §5).
        'has a smaller MTU than the fragments',
        6,
        'link set nfqlb0 mtu 1000',
        'problem: nfqlb0: its MTU is 1000, less than the load balancer’s --mtu=1500: stored fragments may be lost',
      ],
    ])('the tun device for stored fragments %s', async (_, family, damage, says) => {
      await using net = await Topology.create({ targets: 2 });
      await using _lb = await LoadBalancer.start(net, { options: ['--tun=nfqlb0', '--ft_frag=1000'] });
      await makeBare(net);
      await nfqlb(net.lb, 'up', ...setUpOf(net));
      const countLost = async (): Promise<number> => {
        await using receiver = await Receiver.start(net);
        await using sender = await Sender.start(net, { family, count: 50, rate: 500, length: 200, fragmentOctets: 64, order: 'reversed' });
        const sent = await sender.finish();
        return lost(await receiver.finish(), sent);
      };
      expect(await countLost()).toBe(0);
      expect((await doctor(net.lb)).status).toBe(0);
      await net.lb.ip(damage);
      expect(await countLost()).toBe(50);
      const found = await doctor(net.lb);
      expect([found.status, found.says.get('tun device')?.replace(/ → .*$/, '')]).toEqual([1, says]);
    });

    describe('only while there is traffic', () => {
      test.concurrent('the reverse path filter drops packets', async () => {
        await using net = await Topology.create({ targets: 2 });
        await using _echo = await EchoServers.start(net);
        await using _lb = await LoadBalancer.start(net);
        await makeBare(net);
        await nfqlb(net.lb, 'up', ...setUpOf(net));
        // Answers would go through t1.
        await net.lb.ip(`route replace 10.2.0.0/16 via ${net.lb.wire('t1').peer.ipv4}`);
        await net.lb.run(['sh', '-ec', 'echo 1 >/proc/sys/net/ipv4/conf/client/rp_filter']);
        expect((await doctor(net.lb)).says.get('rp_filter')).toMatch(/^warning: strict on client: /);
        await using questions = await Questions.start(net, { protocol: 'udp', connections: 20, repeat: 0, interval: 50, from: '10.2.0.1' });
        const { status, says } = await doctor(net.lb);
        const { asked, answered } = await questions.stop();
        expect([asked > 0, answered, status]).toEqual([true, 0, 1]);
        expect(says.get('rp_filter')).toMatch(
          /^problem: \d+ packets dropped by the reverse path filter within a second \(on for client\) → /,
        );
      });

      test.concurrent('a queue overflows, and recently overflowed', async () => {
        await using net = await Topology.create({ targets: 2 });
        await using lb = await LoadBalancer.start(net, { options: ['--qlength=1'] });
        await makeBare(net);
        await nfqlb(net.lb, 'up', ...setUpOf(net));
        await untilAnswering(net);
        await using receiver = await Receiver.start(net);
        await using sender = await Sender.start(net, { rate: 500 });
        lb.process.signal('SIGSTOP');
        await sleep(300);
        const during = await doctor(net.lb);
        lb.process.signal('SIGCONT');
        const sent = await sender.stop();
        expect(lost(await receiver.finish(), sent)).toBeGreaterThan(100);
        expect(during.status).toBe(1);
        expect(during.says.get('queue drops')).toMatch(/^problem: queue 2: \d+ packets dropped because it was full, .*; it goes on → /);
        await sleep(1000);
        const after = await doctor(net.lb);
        expect(after.status).toBe(1);
        expect(after.says.get('queue drops')).toMatch(/^problem: queue 2: \d+ packets dropped .*; the last \d s ago → /);
      });
    });
  },
  NFQLB,
);

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
