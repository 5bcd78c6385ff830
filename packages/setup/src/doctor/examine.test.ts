import type { Counts, QueueStatus } from '@nfqlb/protocol/status';
import { describe, expect, test } from 'vitest';
import { examine, report } from './examine.js';
import type { Facts, LoadBalancerFacts, TableFacts } from './facts.js';
import type { Finding } from './finding.js';

const OPTIONS = [
  ...['NETFILTER_NETLINK_QUEUE', 'NETFILTER_XT_TARGET_NFQUEUE', 'NETFILTER_XT_MARK', 'NFT_COMPAT', 'IP_MULTIPLE_TABLES'],
  ...['IPV6_MULTIPLE_TABLES', 'NF_NAT', 'NETFILTER_XT_NAT', 'NETFILTER_XT_TARGET_MASQUERADE', 'TUN'],
];

const IPTABLES = `\
*mangle
:PREROUTING ACCEPT [0:0]
:NFQLB - [0:0]
-A PREROUTING -j NFQLB
-A NFQLB -d 10.0.0.1/32 -j NFQUEUE --queue-balance 0:1
COMMIT
*filter
:FORWARD ACCEPT [0:0]
:NFQLB - [0:0]
-A FORWARD -j NFQLB
-A INPUT -j NFQLB
-A NFQLB -d 10.0.0.1/32 -m mark --mark 0x0 -j DROP
COMMIT
`;

const WITH_FRAGMENT_QUEUE = IPTABLES.replace(
  '-A NFQLB -d 10.0.0.1/32 -j NFQUEUE',
  '-A NFQLB -d 10.0.0.1/32 -m u32 --u32 "0x4&0x3fff=0x1:0x3fff" -j NFQUEUE --queue-num 2\n-A NFQLB -d 10.0.0.1/32 -j NFQUEUE',
);

const queue = (number: number): NonNullable<Facts['queues']>[number] => ({
  queue: number,
  portId: 4711,
  waiting: 0,
  queueDropped: 0,
  socketDropped: 0,
});

/** A table whose targets have equal shares of the buckets. */
const table = (name: string, active: readonly number[], usedBy: TableFacts['usedBy'], ownFwmark = 0): TableFacts => ({
  ...{ name, M: 997, N: 32, ownFwmark, active, usedBy },
  buckets: new Map(active.map((fwmark) => [fwmark, 997 / active.length])),
});

const COUNTS: Counts = {
  ...{ packets: 0, batches: 0, reinjected: 0, notReinjected: 0, verdictErrors: 0, turns: 0 },
  ...{ accepted: [], dropped: [], acceptedOctets: [], droppedOctets: [] },
  ...{ batchSizes: { buckets: [], sum: 0 }, turnTimes: { buckets: [], sum: 0 } },
};

/** A healthy load balancer of one queue, 1 unless another is given. */
function running(queueStatus: Partial<QueueStatus>, tun?: string): LoadBalancerFacts {
  const status: QueueStatus = {
    ...{ queue: 1, length: 1024, bound: true, waiting: 0, queueDropped: 0, socketDropped: 0, stalled: 0, counts: COUNTS },
    ...queueStatus,
  };
  const options = {
    ...{ hashMode: 1, noTargetsFwmark: -1, noFlowFwmark: -1, promiscuousPing: false, udpEncapPort: 0, mtu: 1500 },
    ...(tun !== undefined && { tun }),
  };
  return { queue: status.queue, status: { command: 'lb', problems: [], queues: [status], tables: [], options } };
}

/** A healthy machine, as `nfqlb up --mode=dsr` leaves it. */
const HEALTHY: Facts = {
  kernelRelease: '6.1.0',
  kernelOptions: new Set(OPTIONS),
  trials: new Map(),
  capabilities: 1n << 12n,
  iptablesVersion: 'iptables v1.8.9 (nf_tables)',
  ipVersion: 'ip utility, iproute2-6.1.0',
  sysctls: { ipv4Forwarding: true, ipv6Forwarding: true, strictDevices: [], looseDevices: [] },
  offloads: [{ device: 'eth0', gro: false, lro: false }],
  savedRules: { 4: IPTABLES, 6: '' },
  legacyRules: { 4: '', 6: '' },
  nftRules: '',
  tracking: { count: 0, goesOn: undefined },
  queues: [queue(0), queue(1)],
  drops: { queues: new Map(), reversePath: 0 },
  policyRules: { 4: [101, 102].map((fwmark) => ({ fwmark, table: 1_420_000_000 + fwmark, own: true, leads: true })), 6: [] },
  ownTables: { 4: [1_420_000_101, 1_420_000_102], 6: [] },
  ownRoutes: { 4: [101, 102].map((fwmark) => ({ fwmark, address: `192.168.1.${fwmark}` })), 6: [] },
  silentNeighbours: [],
  unroutedVips: [],
  localVips: [],
  strayRoutes: [],
  tunDevices: [],
  fastPath: { hasBpfFileSystem: true, programs: [] },
  loadBalancers: [],
  tables: [table('nfqlb', [101, 102], 'here')],
};
const HEALTHY_TABLES = HEALTHY.tables ?? [];

const bad = (facts: Partial<Facts>): Finding[] => examine({ ...HEALTHY, ...facts }).filter(({ status }) => status !== 'ok');

test('a healthy machine has only ok findings', () => {
  expect(bad({})).toEqual([]);
  expect(report(examine(HEALTHY))).toMatchInlineSnapshot(`
    "ok       kernel queue     NFQUEUE and the mark match are there (6.1.0)
    ok       kernel routing   policy routing is there, for IPv4 and IPv6 (6.1.0)
    ok       kernel nat       address translation is there (6.1.0)
    ok       kernel tun       tun devices are there (6.1.0)
    ok       capabilities     CAP_NET_ADMIN is there
    ok       programs         iptables v1.8.9 (nf_tables); ip utility, iproute2-6.1.0
    ok       forwarding IPv4  on
    ok       forwarding IPv6  on
    ok       rp_filter        off
    ok       offload          LRO and GRO are off
    ok       defragmentation  no connections are tracked: fragments come as they are
    ok       set-up           what nfqlb up has set up is whole
    ok       queue rules      packets are led to queue 0:1
    ok       fwmarks          no rule behind the queue changes them
    ok       listeners        every queue has one (0, 1)
    ok       queue drops      none
    ok       tables           nfqlb (M=997, N=32, 2 active)
    0 problems, 0 warnings
    "
  `);
});

/** What differs from a healthy machine, and the finding. */
interface Case {
  readonly name: string;
  readonly facts: Partial<Facts>;
  readonly status: Finding['status'];
  readonly check: string;
  readonly text: string | RegExp;
  readonly remedy?: string;
}

const without = (...options: string[]): Partial<Facts> => ({
  kernelOptions: new Set(OPTIONS.filter((option) => !options.includes(option))),
});
const saved = (four: string): Partial<Facts> => ({ savedRules: { 4: four, 6: '' } });

const ROUTE_GONE = HEALTHY.policyRules[4].map((rule) => ({ ...rule, leads: rule.fwmark !== 102 }));

const TRANSLATED = '*nat\n-A NFQLB -d 10.0.0.1/32 -m mark --mark 0x66 -j DNAT --to-destination 192.168.7.2\nCOMMIT\n';

const CASES: readonly Case[] = [
  {
    name: 'a target with dsr that does not answer',
    facts: { silentNeighbours: ['192.168.1.102', '192.168.1.9'] },
    status: 'problem',
    check: 'targets',
    text: 'nobody answers at 102=192.168.1.102, to which packets go',
  },
  {
    name: 'a target with nat that does not answer',
    facts: { silentNeighbours: ['192.168.7.2'], ...saved(`${IPTABLES}${TRANSLATED}`) },
    status: 'problem',
    check: 'targets',
    text: 'nobody answers at 102=192.168.7.2, to which packets go',
  },
  {
    name: 'a kernel without NFQUEUE',
    facts: without('NETFILTER_NETLINK_QUEUE', 'NETFILTER_XT_TARGET_NFQUEUE'),
    status: 'problem',
    check: 'kernel queue',
    text: 'the kernel 6.1.0 lacks CONFIG_NETFILTER_NETLINK_QUEUE, CONFIG_NETFILTER_XT_TARGET_NFQUEUE: packets cannot be queued',
  },
  {
    name: 'a kernel without the mark match, under either name',
    facts: without('NETFILTER_XT_MARK'),
    status: 'problem',
    check: 'kernel queue',
    text: /lacks CONFIG_NETFILTER_XT_MATCH_MARK or CONFIG_NETFILTER_XT_MARK: /,
  },
  {
    name: 'a kernel without policy routing for IPv6',
    facts: without('IPV6_MULTIPLE_TABLES'),
    status: 'warning',
    check: 'kernel routing',
    text: 'the kernel 6.1.0 lacks CONFIG_IPV6_MULTIPLE_TABLES: --mode=dsr does not work',
  },
  {
    name: 'a kernel without address translation',
    facts: without('NETFILTER_XT_NAT'),
    status: 'warning',
    check: 'kernel nat',
    text: /--mode=nat does not work/,
  },
  { name: 'a kernel without tun', facts: without('TUN'), status: 'warning', check: 'kernel tun', text: /lacks CONFIG_TUN/ },
  {
    name: 'a kernel with unknown options, where queueing fails',
    facts: {
      kernelOptions: undefined,
      trials: new Map([['queue', false] as const, ['routing', true] as const, ['nat', true] as const, ['tun', true] as const]),
    },
    status: 'problem',
    check: 'kernel queue',
    text: 'a trial failed: packets cannot be queued',
  },
  {
    name: 'no capability',
    facts: { capabilities: ~(1n << 12n) },
    status: 'problem',
    check: 'capabilities',
    text: 'CAP_NET_ADMIN is missing: queues and rules are out of reach',
    remedy: 'run as root; a container with --cap-add=NET_ADMIN',
  },
  {
    name: 'no iptables',
    facts: { iptablesVersion: undefined },
    status: 'warning',
    check: 'programs',
    text: 'iptables cannot be run: nfqlb up and down need it',
    remedy: 'apt-get install iptables',
  },
  {
    name: 'no forwarding, although it is needed',
    facts: { sysctls: { ...HEALTHY.sysctls, ipv4Forwarding: false } },
    status: 'problem',
    check: 'forwarding IPv4',
    text: 'off: packets get a fwmark, but are not passed on to targets',
    remedy: 'sysctl -w net.ipv4.ip_forward=1',
  },
  {
    name: 'no forwarding for a family without rules',
    facts: { sysctls: { ...HEALTHY.sysctls, ipv6Forwarding: false } },
    status: 'warning',
    check: 'forwarding IPv6',
    text: 'off: packets are not passed on to targets',
    remedy: 'sysctl -w net.ipv6.conf.all.forwarding=1',
  },
  {
    name: 'a firewall that lets nothing pass',
    facts: saved(IPTABLES.replace(':FORWARD ACCEPT', ':FORWARD DROP')),
    status: 'problem',
    check: 'forwarding IPv4',
    text: 'on, but the policy of the chain FORWARD is DROP: no packets to targets are passed on',
    remedy: 'iptables -I FORWARD -m mark ! --mark 0 -j ACCEPT, and one for the answers',
  },
  {
    name: 'a firewall that may let packets pass',
    facts: saved(
      IPTABLES.replace(':FORWARD ACCEPT', ':FORWARD DROP').replace('-A INPUT -j NFQLB', '-A FORWARD -i eth0 -j ACCEPT\n-A INPUT -j NFQLB'),
    ),
    status: 'warning',
    check: 'forwarding IPv4',
    text: 'on, but the policy of the chain FORWARD is DROP: only packets that a rule accepts are passed on',
  },
  {
    name: 'a rule that rejects packets to targets',
    facts: saved(IPTABLES.replace('-A INPUT -j NFQLB', '-A FORWARD -d 10.0.0.0/8 -j REJECT\n-A INPUT -j NFQLB')),
    status: 'problem',
    check: 'forwarding IPv4',
    text: 'on, but -A FORWARD -d 10.0.0.0/8 -j REJECT: no packets to targets are passed on',
  },
  {
    name: 'an nftables firewall that lets nothing pass',
    facts: {
      nftRules: 'table inet fw {\n\tchain forward {\n\t\ttype filter hook forward priority filter; policy drop;\n\t\tcounter\n\t}\n}\n',
    },
    status: 'problem',
    check: 'forwarding IPv4',
    text: /at the hook forward is drop: no packets to targets are passed on$/,
  },
  {
    name: 'a rule that accepts everything before the queue',
    facts: saved(IPTABLES.replace('-A PREROUTING -j NFQLB', '-A PREROUTING -j ACCEPT\n-A PREROUTING -j NFQLB')),
    status: 'problem',
    check: 'queue rules',
    text: 'packets to 10.0.0.1/32 do not reach the queue (-A PREROUTING -j ACCEPT)',
    remedy: 'remove that rule, or put it behind the one that leads to the queue',
  },
  {
    name: 'a rule for a network containing the VIP, in another chain',
    facts: saved(
      IPTABLES.replace(':NFQLB - [0:0]', ':NFQLB - [0:0]\n:FW - [0:0]').replace(
        '-A PREROUTING -j NFQLB',
        '-A FW -d 10.0.0.0/24 -j DROP\n-A PREROUTING -j FW\n-A PREROUTING -j NFQLB',
      ),
    ),
    status: 'problem',
    check: 'queue rules',
    text: 'packets to 10.0.0.1/32 do not reach the queue (-A FW -d 10.0.0.0/24 -j DROP)',
  },
  {
    name: 'a rule in an earlier table that drops packets',
    facts: saved(`*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -d 10.0.0.1/32 -j DROP\nCOMMIT\n${IPTABLES}`),
    status: 'problem',
    check: 'queue rules',
    text: 'packets to 10.0.0.1/32 do not reach the queue (-A PREROUTING -d 10.0.0.1/32 -j DROP)',
  },
  {
    name: 'a rule that takes some packets before the queue',
    facts: saved(IPTABLES.replace('-A PREROUTING -j NFQLB', '-A PREROUTING -p tcp -m tcp --dport 22 -j ACCEPT\n-A PREROUTING -j NFQLB')),
    status: 'warning',
    check: 'queue rules',
    text: 'some packets to 10.0.0.1/32 do not reach the queue (-A PREROUTING -p tcp -m tcp --dport 22 -j ACCEPT)',
  },
  {
    name: 'another program’s mark after the queue',
    facts: saved(`${IPTABLES}*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -d 10.0.0.0/8 -j MARK --set-xmark 0x5/0xffffffff\nCOMMIT\n`),
    status: 'problem',
    check: 'fwmarks',
    text: 'overwritten behind the queue, so that packets go astray (-A PREROUTING -d 10.0.0.0/8 -j MARK --set-xmark 0x5/0xffffffff)',
  },
  {
    name: 'another program’s nftables mark after the queue',
    facts: {
      nftRules:
        'table inet vpn {\n\tchain pre {\n\t\ttype filter hook prerouting priority mangle + 10; policy accept;\n\t\tmeta mark set 0x00000005\n\t}\n}\n',
    },
    status: 'problem',
    check: 'fwmarks',
    text: 'overwritten behind the queue, so that packets go astray (meta mark set 0x00000005)',
  },
  {
    name: 'an nftables mark on some packets after the queue',
    facts: {
      nftRules:
        'table inet vpn {\n\tchain pre {\n\t\ttype filter hook prerouting priority 0; policy accept;\n\t\tiifname "tun0" meta mark set 0x00000005\n\t}\n}\n',
    },
    status: 'warning',
    check: 'fwmarks',
    text: 'of some packets may be overwritten behind the queue (iifname "tun0" meta mark set 0x00000005)',
  },
  {
    name: 'a VIP that is an address of this machine',
    facts: { localVips: ['10.0.0.1/32'] },
    status: 'problem',
    check: 'VIPs',
    text: '10.0.0.1/32: an address of this machine, so that packets to it are delivered here, whatever their fwmark',
  },
  {
    name: 'another policy rule that comes first',
    facts: { strayRoutes: [101, 102].map((fwmark) => ({ vip: '10.0.0.1/32', fwmark, goes: 'via 10.9.9.9 dev eth1' })) },
    status: 'problem',
    check: 'VIPs',
    text: 'packets to 10.0.0.1/32 with fwmark 101 go via 10.9.9.9 dev eth1, not to their target, and 1 more: another policy rule comes first',
  },
  {
    name: 'queue rules of iptables-legacy and nf_tables',
    facts: { legacyRules: { 4: IPTABLES, 6: '' } },
    status: 'problem',
    check: 'legacy rules',
    text: 'iptables-legacy and nf_tables both send packets to a queue: each packet is queued twice',
  },
  {
    name: 'an iptables-legacy firewall',
    facts: { legacyRules: { 4: '*filter\n:FORWARD DROP [0:0]\n-A FORWARD -s 10.1.0.0/16 -j ACCEPT\nCOMMIT\n', 6: '' } },
    status: 'problem',
    check: 'legacy rules',
    text: 'iptables-legacy drops packets to VIPs, which iptables does not show (the policy of the chain FORWARD)',
  },
  {
    name: 'other iptables-legacy rules',
    facts: { legacyRules: { 4: '*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -s 10.1.0.0/16 -j ACCEPT\nCOMMIT\n', 6: '' } },
    status: 'warning',
    check: 'legacy rules',
    text: '1 rules of iptables-legacy are in force beside those of nf_tables; iptables does not show them',
  },
  {
    name: 'a reverse path filter that drops packets',
    facts: { sysctls: { ...HEALTHY.sysctls, strictDevices: ['eth0'] }, drops: { queues: new Map(), reversePath: 7 } },
    status: 'problem',
    check: 'rp_filter',
    text: '7 packets dropped by the reverse path filter within a second (on for eth0)',
  },
  {
    name: 'a queue that overflows now',
    facts: { queues: [queue(0), { ...queue(1), queueDropped: 70 }], drops: { queues: new Map([[1, 3]]), reversePath: 0 } },
    status: 'problem',
    check: 'queue drops',
    text: /70 packets dropped because it was full, 0 .*; 0 wait; it goes on$/,
  },
  {
    name: 'a queue that overflowed recently',
    facts: { queues: [queue(0), { ...queue(1), queueDropped: 70 }], loadBalancers: [running({ sinceDrop: 12.3 })] },
    status: 'problem',
    check: 'queue drops',
    text: /; 0 wait; the last 12 s ago$/,
  },
  {
    name: 'a queue that overflowed long ago',
    facts: { queues: [queue(0), { ...queue(1), queueDropped: 70 }], loadBalancers: [running({ sinceDrop: 61 })] },
    status: 'warning',
    check: 'queue drops',
    text: /; 0 wait; the last 61 s ago$/,
  },
  {
    name: 'a load balancer without a queue rule',
    facts: { queues: [0, 1, 7].map(queue), loadBalancers: [running({ queue: 7 })] },
    status: 'problem',
    check: 'listeners',
    text: 'no rule leads packets to the load balancer of queue 7 (lb)',
    remedy: 'nfqlb up --queue=7 --vip=ADDRESS/BITS TARGET…',
  },
  {
    name: 'a tun device with too small an MTU',
    facts: { tunDevices: [{ device: 'tun7', up: true, mtu: 1000 }], loadBalancers: [running({}, 'tun7')] },
    status: 'problem',
    check: 'tun device',
    text: 'tun7: its MTU is 1000, less than the load balancer’s --mtu=1500: stored fragments may be lost',
    remedy: 'ip link set tun7 mtu 1500',
  },
  {
    name: 'a load balancer’s tun device that is down',
    facts: { tunDevices: [{ device: 'tun7', up: false, mtu: 1500 }], loadBalancers: [running({}, 'tun7')] },
    status: 'problem',
    check: 'tun device',
    text: 'tun7: down: stored fragments are lost',
  },
  {
    name: 'a load balancer’s tun device that is gone',
    facts: { loadBalancers: [running({}, 'tun7')] },
    status: 'problem',
    check: 'tun device',
    text: 'tun7: no such device, though a load balancer sends stored fragments through it',
  },
  {
    name: 'a table without targets, beside one that nobody uses',
    facts: { tables: [table('nfqlb', [], 'here'), table('web', [101], 'nobody')] },
    status: 'problem',
    check: 'tables',
    text: 'no target is active in nfqlb: packets are dropped; targets are active in web, which no load balancer here uses',
  },
  {
    name: 'a strict reverse path filter',
    facts: { sysctls: { ...HEALTHY.sysctls, strictDevices: ['eth0', 'eth1'] } },
    status: 'warning',
    check: 'rp_filter',
    text: /^strict on eth0, eth1: /,
    remedy: 'sysctl -w net.ipv4.conf.all.rp_filter=2',
  },
  {
    name: 'LRO',
    facts: { offloads: [{ device: 'eth0', gro: true, lro: true }] },
    status: 'warning',
    check: 'offload',
    text: /^LRO is on for eth0: /,
    remedy: 'ethtool -K eth0 lro off',
  },
  {
    name: 'a rule that tracks connections',
    facts: saved(`${IPTABLES}*filter\n-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\nCOMMIT\n`),
    status: 'warning',
    check: 'defragmentation',
    text: /^connections are tracked \(-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\), so fragments are put together/,
  },
  {
    name: 'an nftables rule that tracks connections',
    facts: { nftRules: 'table inet firewall {\n\tchain input {\n\t\tct state established accept\n\t}\n}\n' },
    status: 'warning',
    check: 'defragmentation',
    text: /^connections are tracked \(ct state established accept\)/,
  },
  {
    name: 'connections tracked for no known reason',
    facts: { tracking: { count: 3, goesOn: true } },
    status: 'warning',
    check: 'defragmentation',
    text: /^3 connections are tracked, though no rule asks for it/,
  },
  {
    name: 'a chain of ours without a jump to it',
    facts: saved(IPTABLES.replace('-A FORWARD -j NFQLB\n-A INPUT -j NFQLB\n', '')),
    status: 'problem',
    check: 'set-up',
    text: 'iptables -t filter: no rule leads to the chain NFQLB',
    remedy: 'nfqlb up again, as before',
  },
  {
    name: 'a route that is gone with its device',
    facts: { policyRules: { 4: ROUTE_GONE, 6: [] }, tables: [table('nfqlb', [101], 'here')] },
    status: 'problem',
    check: 'set-up',
    text: 'fwmark 102: the route to the target has gone, as it does when its device goes down',
  },
  {
    name: 'a queue for fragments that nobody listens to',
    facts: saved(WITH_FRAGMENT_QUEUE),
    status: 'problem',
    check: 'listeners',
    text: 'nobody listens to queue 2: fragments are dropped',
    remedy: 'nfqlb lb --queue=0:2',
  },
  {
    name: 'non-consecutive queues that nobody listens to',
    facts: { ...saved(WITH_FRAGMENT_QUEUE.replace('--queue-num 2', '--queue-num 7')), queues: [] },
    status: 'problem',
    check: 'listeners',
    text: 'nobody listens to queues 0, 1, 7: packets are dropped',
    remedy: 'nfqlb lb --queue=0:1; nfqlb lb --queue=7',
  },
  {
    name: 'a rule that tracks connections, in an nftables chain in an iptables table',
    facts: {
      nftRules:
        'table ip filter {\n\tchain NFQLB {\n\t\tct state new accept\n\t}\n\n\tchain input {\n\t\tct state established accept\n\t}\n}\n',
    },
    status: 'warning',
    check: 'defragmentation',
    text: /^connections are tracked \(ct state established accept\)/,
  },
  {
    name: 'a rule that tracks connections, in an nftables table with the name of an iptables table',
    facts: {
      nftRules: 'table ip nat {\n\tchain input {\n\t\tct state established accept\n\t}\n}\n',
    },
    status: 'warning',
    check: 'defragmentation',
    text: /^connections are tracked \(ct state established accept\)/,
  },
  {
    name: 'such an nftables table, with iptables-legacy',
    facts: {
      iptablesVersion: 'iptables v1.8.9 (legacy)',
      nftRules: 'table ip mangle {\n\tchain NFQLB {\n\t\tct state established accept\n\t}\n}\n',
    },
    status: 'warning',
    check: 'defragmentation',
    text: /^connections are tracked \(ct state established accept\)/,
  },
  {
    name: 'a loose reverse path filter without a route to the VIP',
    facts: { sysctls: { ...HEALTHY.sysctls, looseDevices: ['eth0'] }, unroutedVips: ['10.0.0.1/32'] },
    status: 'warning',
    check: 'rp_filter',
    text: 'loose on eth0, and no route leads to 10.0.0.1/32: targets’ answers that come through this machine are dropped',
  },
  {
    name: 'a tun device that is down',
    facts: {
      tunDevices: [
        { device: 'nfqlb0', up: true, mtu: 1500 },
        { device: 'nfqlb1', up: false, mtu: 1500 },
      ],
    },
    status: 'warning',
    check: 'tun device',
    text: 'nfqlb1: down: stored fragments that are sent through it are lost',
    remedy: 'ip link set nfqlb1 up',
  },
  {
    name: '--queue-bypass',
    facts: saved(IPTABLES.replace('--queue-balance 0:1', '--queue-balance 0:1 --queue-bypass')),
    status: 'warning',
    check: 'queue rules',
    text: 'while nobody listens, packets pass without a fwmark and are delivered by chance (-A NFQLB -d 10.0.0.1/32 -j NFQUEUE --queue-balance 0:1 --queue-bypass)',
    remedy: 'take --queue-bypass out of the rule',
  },
  {
    name: 'bypass in nftables',
    facts: {
      nftRules: 'table inet lb {\n\tchain vip {\n\t\tip daddr 10.0.0.1 counter packets 0 bytes 0 queue flags bypass to 1\n\t}\n}\n',
    },
    status: 'warning',
    check: 'queue rules',
    text: /queue flags bypass to 1\)$/,
  },
  {
    name: 'a queue that nobody listens to',
    facts: { queues: [queue(0)] },
    status: 'problem',
    check: 'listeners',
    text: 'nobody listens to queue 1: packets are dropped',
    remedy: 'nfqlb lb --queue=1',
  },
  {
    name: 'queues that nobody listens to',
    facts: { queues: [] },
    status: 'problem',
    check: 'listeners',
    text: 'nobody listens to queues 0, 1: packets are dropped',
    remedy: 'nfqlb lb --queue=0:1',
  },
  {
    name: 'an nftables queue that nobody listens to',
    facts: { nftRules: 'table ip6 lb {\n\tchain vip {\n\t\tip6 daddr 1000::1 queue num 7-8\n\t}\n}\n', queues: [0, 1, 8].map(queue) },
    status: 'problem',
    check: 'listeners',
    text: 'nobody listens to queue 7: packets are dropped',
  },
  {
    name: 'a listener without a rule',
    facts: { queues: [0, 1, 2].map(queue) },
    status: 'warning',
    check: 'listeners',
    text: 'no rule leads packets to queue 2, to which a program listens',
  },
  {
    name: 'a kernel without queues',
    facts: { queues: undefined },
    status: 'warning',
    check: 'listeners',
    text: 'not known: /proc/net/netfilter/nfnetlink_queue cannot be read',
  },
  {
    name: 'dropped packets',
    facts: { queues: [queue(0), { queue: 1, portId: 1, waiting: 5, queueDropped: 70, socketDropped: 3 }] },
    status: 'warning',
    check: 'queue drops',
    text: 'queue 1: 70 packets dropped because it was full, 3 because the listener’s socket was; 5 wait',
  },
  {
    name: 'no table',
    facts: { tables: [] },
    status: 'warning',
    check: 'tables',
    text: 'no target table is in /dev/shm, or only those of other network namespaces',
    remedy: 'nfqlb init',
  },
  {
    name: 'only tables of other network namespaces',
    facts: { tables: [table('web', [], 'elsewhere')] },
    status: 'warning',
    check: 'tables',
    text: 'no target table is in /dev/shm, or only those of other network namespaces',
  },
  {
    name: 'a table without targets that nobody uses yet',
    facts: { tables: [table('web', [], 'nobody')] },
    status: 'warning',
    check: 'tables',
    text: 'no target is active in web: packets are dropped',
  },
  {
    name: 'a table without targets',
    facts: { tables: [...HEALTHY_TABLES, table('web', [], 'here')] },
    status: 'problem',
    check: 'tables',
    text: 'no target is active in web: packets are dropped',
    remedy: 'nfqlb activate --shm=web FWMARK…',
  },
  {
    name: 'a fwmark that leads nowhere',
    facts: { tables: [table('web', [101, 1, 10], 'here')] },
    status: 'problem',
    check: 'tables',
    text: /^active fwmarks that no rule or route leads to a target: .* \(web: 1, 10, 66\.7% of connections\)$/,
  },
  {
    name: 'a fwmark that leads nowhere, in a table that nobody uses yet',
    facts: { tables: [table('web', [101, 1], 'nobody')] },
    status: 'warning',
    check: 'tables',
    text: /\(web: 1, 50\.0% of connections\)$/,
  },
  {
    name: 'another program’s rule for a fwmark, with a routing table without a route',
    facts: {
      policyRules: { 4: [...HEALTHY.policyRules[4], { fwmark: 103, table: 7, own: false, leads: false }], 6: [] },
      tables: [table('nfqlb', [101, 102, 103], 'here')],
    },
    status: 'problem',
    check: 'tables',
    text: /\(nfqlb: 103, 33\.3% of connections\)$/,
  },
  {
    name: 'fwmark 0, although the guard mentions it',
    facts: { tables: [table('web', [0, 101, 102], 'here')] },
    status: 'problem',
    check: 'tables',
    text: 'fwmark 0 is active, but a packet with mark 0 counts as not balanced and is dropped (web: 0, 33.3% of connections)',
    remedy: 'nfqlb deactivate --shm=web 0',
  },
];

describe('one finding about', () => {
  test.each(CASES)('$name', ({ facts, status, check, text, remedy }) => {
    const findings = bad(facts);
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({ status, check, ...(remedy === undefined ? {} : { remedy }) });
    expect(findings[0]!.remedy).toBeTruthy();
    expect(findings[0]!.text).toMatch(text);
  });
});

describe('no finding about', () => {
  test.each<[string, Partial<Facts>]>([
    [
      'working kernel parts, with unknown kernel options',
      {
        kernelOptions: undefined,
        trials: new Map((['queue', 'routing', 'nat', 'tun'] as const).map((part) => [part, true])),
      },
    ],
    ['missing IPv6', { sysctls: { ...HEALTHY.sysctls, ipv6Forwarding: undefined } }],
    [
      'no forwarding, with only local packets',
      {
        ...saved(IPTABLES.replace('-A PREROUTING', '-A OUTPUT').replace('-A FORWARD -j NFQLB\n-A INPUT', '-A OUTPUT')),
        sysctls: { ...HEALTHY.sysctls, ipv4Forwarding: false },
      },
    ],
    [
      'unused tables beside one in use',
      {
        tables: [...HEALTHY_TABLES, table('web', [], 'elsewhere'), table('old', [], 'nobody')],
      },
    ],
    ['the load balancer’s own fwmark in its tier’s table', { tables: [table('tier', [101, 7], 'here', 7)] }],
    ['GRO', { offloads: [{ device: 'eth0', gro: true, lro: false }] }],
    ['offload, without ethtool', { offloads: undefined }],
    [
      'connection tracking that nat needs',
      {
        ...saved(
          `${IPTABLES}*nat\n:NFQLB - [0:0]\n-A PREROUTING -j NFQLB\n-A NFQLB -d 10.0.0.1/32 -m mark --mark 0x65 -j DNAT --to-destination 1.2.3.4\nCOMMIT\n`,
        ),
        policyRules: { 4: [], 6: [] },
        ownTables: { 4: [], 6: [] },
        tables: [table('nfqlb', [101], 'here')],
        tracking: { count: 7, goesOn: undefined },
      },
    ],
    [
      'iptables rules as nft shows them',
      {
        nftRules: 'table ip mangle {\n\tchain NFQLB {\n\t\tqueue flags bypass to 9\n\t\tct state new accept\n\t}\n}\n',
      },
    ],
    [
      'a fwmark handled by iptables',
      {
        ...saved(`${IPTABLES}-A NFQLB -m mark --mark 0x2f -j ACCEPT\n`),
        tables: [table('web', [0x2f], 'here')],
      },
    ],
    [
      'a fwmark handled by nftables',
      {
        nftRules: 'table ip lb {\n\tchain nat {\n\t\tmeta mark 0x0000002f accept\n\t}\n}\n',
        tables: [table('web', [0x2f], 'here')],
      },
    ],
  ])('%s', (_, facts) => {
    expect(bad(facts)).toEqual([]);
  });
});

test('a missing route loses its target’s share of the connections', () => {
  const findings = bad({ policyRules: { 4: ROUTE_GONE, 6: [] } });
  expect(findings.map(({ status, check }) => [status, check])).toEqual([
    ['problem', 'set-up'],
    ['problem', 'tables'],
  ]);
  expect(findings[1]!.text).toMatch(/\(nfqlb: 102, 50\.0% of connections\)$/);
});

test('earlier tracked connections time out', () => {
  const text =
    'ok       defragmentation  3 connections that were tracked before time out; no rule asks for it any more: fragments come as they are';
  expect(report(examine({ ...HEALTHY, tracking: { count: 3, goesOn: false } })).split('\n')).toContain(text);
});

test('a fragment queue and a tun device', () => {
  const facts = { ...saved(WITH_FRAGMENT_QUEUE), queues: [0, 1, 2].map(queue), tunDevices: [{ device: 'nfqlb0', up: true, mtu: 1500 }] };
  expect(bad(facts)).toEqual([]);
  const texts = examine({ ...HEALTHY, ...facts }).map(({ check, text }) => `${check}: ${text}`);
  expect(texts).toContain('queue rules: packets are led to queue 0:1, fragments are led to queue 2');
  expect(texts).toContain('tun device: nfqlb0: up');
});

describe('without permission, doctor reports', () => {
  const blind = {
    savedRules: { 4: undefined, 6: undefined },
    nftRules: undefined,
    queues: undefined,
    tables: undefined,
    capabilities: 0n,
    sysctls: { ...HEALTHY.sysctls, looseDevices: ['eth0'] },
  };

  test('everything that it cannot read', () => {
    const findings = bad(blind).filter(({ check }) => check !== 'capabilities');
    expect(findings.map(({ check }) => check)).toEqual([
      ...[
        'forwarding IPv4',
        'forwarding IPv6',
        'rp_filter',
        'defragmentation',
        'set-up',
        'queue rules',
        'fwmarks',
        'listeners',
        'queue drops',
        'tables',
      ],
    ]);
    for (const finding of findings) expect(finding).toMatchObject({ status: 'warning', remedy: 'run nfqlb doctor as root' });
  });

  test('to root, that a program is missing', () => {
    const findings = bad({ ...blind, capabilities: HEALTHY.capabilities, queues: HEALTHY.queues, tables: HEALTHY.tables });
    expect(findings.map(({ check, remedy }) => [check, remedy])).toContainEqual(['set-up', 'see programs']);
  });

  test('tables with unknown users', () => {
    const tables = HEALTHY_TABLES.map((table) => ({ ...table, usedBy: 'unknown' as const }));
    const finding = { check: 'tables', text: 'not known: who uses the tables cannot be seen' };
    expect(bad({ tables })).toMatchObject([{ ...finding, remedy: expect.stringContaining('CAP_SYS_PTRACE') }]);
    expect(bad({ tables, capabilities: 0n }).filter(({ check }) => check === 'tables')).toMatchObject([
      { ...finding, remedy: 'run nfqlb doctor as root' },
    ]);
  });
});
