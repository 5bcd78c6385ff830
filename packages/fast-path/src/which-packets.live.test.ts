// Which packets the program decides, and which it leaves to the queue: run in the kernel, and written down in docs/fast-path.md.

import { readFileSync } from 'node:fs';
import { Balancer, ConnectionSet, DROP, FwmarkLookup } from '@nfqlb/core';
import { type Cidr, parseCidr } from '@nfqlb/core/address';
import { defineFlow, FlowSet } from '@nfqlb/core/flows';
import { type NaiveFlow, type PacketBuilder, packet } from '@nfqlb/core/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compileFlows, compileTable } from './decision/index.js';
import { DECIDED, FAST_REASON_NAMES } from './fast-reason.js';
import { describeKernel } from './testing/describe-kernel.js';
import { ETH_P_8021AD, ETH_P_8021Q, type FrameOptions, Kernel } from './testing/kernel.js';
import { tableOf } from './testing/table.js';

const VIPS: readonly Cidr[] = ['10.0.0.1/32', '1000::1/128'].map((text) => parseCidr(text)!);
const UDP_ENCAP_PORT = 9899;

const four = packet().ipv4('10.0.0.2', '10.0.0.1');
const six = packet().ipv6('1000::2', '1000::1');
const quoted = (family: 4 | 6): Uint8Array =>
  (family === 4 ? packet().ipv4('10.0.0.1', '10.0.0.2') : packet().ipv6('1000::1', '1000::2')).tcp(80, 4711).build();
const extensions = (count: number): PacketBuilder =>
  Array.from({ length: count }).reduce<PacketBuilder>((built) => built.destinationOptions(), six);

/** Sets octets of a packet. */
const changed = (built: PacketBuilder, at: number, ...octets: readonly number[]): Uint8Array => {
  const bytes = built.build();
  bytes.set(octets, at);
  return bytes;
};

interface Row {
  readonly what: string;
  readonly four?: PacketBuilder | Uint8Array;
  readonly six?: PacketBuilder | Uint8Array;
  readonly frame?: FrameOptions;
  /** Which of the kernels below; default `plain`. */
  readonly with?: keyof typeof KERNELS;
}

const flowsOf = (...flows: readonly NaiveFlow[]): FlowSet => new FlowSet(flows.map((flow) => defineFlow({ target: 'table', ...flow })));
const lookup = (fwmarks: readonly number[]): FwmarkLookup => new FwmarkLookup(tableOf(fwmarks));

/** A table that has just got another target, with a drain. */
function inTransition(): FwmarkLookup {
  const table = tableOf([101]);
  table.setTargets([{ fwmark: 102 }], { now: 0, seconds: 60 });
  return new FwmarkLookup(table, new ConnectionSet(ConnectionSet.createMemory({}, [0, 0])));
}

const KERNELS = {
  plain: () => new Kernel(compileTable(VIPS), [lookup([101, 102])], { udpEncapPort: UDP_ENCAP_PORT }),
  'no target': () => new Kernel(compileTable(VIPS), [lookup([])]),
  'no target, fwmark': () => new Kernel(compileTable(VIPS), [lookup([])], { noTargetsFwmark: 9 }),
  transition: () => new Kernel(compileTable(VIPS), [inTransition()]),
  'fwmark 0': () => new Kernel(compileTable(VIPS), [lookup([0])]),
  flows: () =>
    new Kernel(
      compileFlows(
        flowsOf(
          { name: 'syn', match: ['tcp[13:1] & 0x02 = 2'], dports: ['80'] },
          { name: 'sig', protocols: ['sctp'], udpencap: 9900 },
          { name: 'web', dports: ['443'] },
        ),
        { vips: VIPS, promiscuousPing: true },
      ),
      [lookup([101])],
    ),
  'no flow, fwmark': () => new Kernel(compileFlows(flowsOf(), { vips: VIPS }), [], { noFlowFwmark: 8 }),
  unfit: () => new Kernel(compileFlows(flowsOf({ name: 'web', dports: ['443'] }), { vips: VIPS, maxBranches: 0 }), [lookup([101])]),
};

const sctpInUdp = (ip: PacketBuilder, port: number): PacketBuilder => ip.udp(port, port).payload(four.sctp(1, 2).build().subarray(20));

const ROWS: readonly Row[] = [
  { what: 'TCP', four: four.tcp(4711, 80), six: six.tcp(4711, 80) },
  { what: 'UDP', four: four.udp(4711, 53), six: six.udp(4711, 53) },
  { what: 'SCTP', four: four.sctp(4711, 36412), six: six.sctp(4711, 36412) },
  { what: 'ICMP echo request', four: four.icmpEcho(7), six: six.icmpEcho(7) },
  { what: 'other ICMP that is no error', four: four.icmpEchoReply(7), six: six.icmpEchoReply(7) },
  { what: 'other protocols, such as GRE, ESP and AH', four: four.protocol(47).payload(20), six: six.protocol(50).payload(20) },
  { what: 'with IPv4 options', four: packet().ipv4('10.0.0.2', '10.0.0.1', { options: 40 }).tcp(4711, 80) },
  { what: 'with up to 8 IPv6 extension headers', six: extensions(8).tcp(4711, 80) },
  { what: 'with one VLAN tag in the frame', four: four.tcp(4711, 80), six: six.tcp(4711, 80), frame: { tags: [ETH_P_8021Q] } },
  { what: 'with two', four: four.tcp(4711, 80), six: six.tcp(4711, 80), frame: { tags: [ETH_P_8021AD, ETH_P_8021Q] } },
  { what: 'padded to the shortest frame', four: four.udp(4711, 53), frame: { padding: 18 } },
  {
    what: 'joined by GRO: many segments in one',
    four: four.tcp(4711, 80).payload(2900),
    six: six.tcp(4711, 80).payload(2900),
    frame: { gsoSize: 1448 },
  },
  {
    what: 'joined by GRO above 64 kB (BIG TCP)',
    four: changed(four.tcp(4711, 80).payload(2900), 2, 0, 0),
    six: changed(six.tcp(4711, 80).payload(2900), 4, 0, 0),
    frame: { gsoSize: 1448 },
  },
  { what: 'with a mark of another program', four: four.tcp(4711, 80), six: six.tcp(4711, 80), frame: { mark: 7 } },
  {
    what: 'without an active target, with `--notargets_fwmark`',
    four: four.tcp(4711, 80),
    six: six.tcp(4711, 80),
    with: 'no target, fwmark',
  },
  { what: 'without an active target', four: four.tcp(4711, 80), six: six.tcp(4711, 80), with: 'no target' },
  { what: 'to a target with fwmark 0', four: four.tcp(4711, 80), six: six.tcp(4711, 80), with: 'fwmark 0' },
  { what: 'in buckets in transition ([drain.md](drain.md))', four: four.tcp(4711, 80), six: six.tcp(4711, 80), with: 'transition' },
  { what: 'without a flow, with `--nolb_fwmark`', four: four.tcp(4711, 80), six: six.tcp(4711, 80), with: 'no flow, fwmark' },
  { what: 'without a flow', four: four.tcp(4711, 81), six: six.tcp(4711, 81), with: 'flows' },
  { what: 'that a flow with a byte match may match', four: four.tcp(4711, 80), six: six.tcp(4711, 80), with: 'flows' },
  { what: 'of flows that do not fit into the maps', four: four.tcp(4711, 443), six: six.tcp(4711, 443), with: 'unfit' },
  { what: 'ICMP echo request, with promiscuous ping', four: four.icmpEcho(7), six: six.icmpEcho(7), with: 'flows' },
  {
    what: 'first fragment',
    four: four.fragment({ id: 7, offset: 0, more: true }).udp(4711, 53).payload(8),
    six: six.fragment({ id: 7, offset: 0, more: true }).udp(4711, 53).payload(8),
  },
  {
    what: 'later fragment',
    four: four.fragment({ id: 7, offset: 16, more: false }).protocol(17).payload(8),
    six: six.fragment({ id: 7, offset: 16, more: false }).protocol(17).payload(8),
  },
  { what: 'atomic fragment (RFC 6946)', six: six.fragment({ id: 7, offset: 0, more: false }).udp(4711, 53) },
  { what: 'ICMP error', four: four.icmpError(3, 4, quoted(4)), six: six.icmpError(2, 0, quoted(6)) },
  { what: 'SCTP in UDP to the port of `--sctp_encap`', four: sctpInUdp(four, UDP_ENCAP_PORT), six: sctpInUdp(six, UDP_ENCAP_PORT) },
  { what: 'SCTP in UDP to the port of a flow', four: sctpInUdp(four, 9900), six: sctpInUdp(six, 9900), with: 'flows' },
  { what: 'with more than 8 extension headers', six: extensions(9).tcp(4711, 80) },
  { what: 'with extension headers of more than 256 octets', six: six.destinationOptions(264).tcp(4711, 80) },
  { what: 'truncated before the ports end', four: four.tcp(4711, 80).cut(23), six: six.tcp(4711, 80).cut(43) },
  { what: 'whose length is less than that', four: changed(four.tcp(4711, 80), 2, 0, 23), six: changed(six.tcp(4711, 80), 4, 0, 3) },
  { what: 'truncated before the ICMP header ends', four: four.icmpEcho(7).cut(27), six: six.icmpEcho(7).cut(47) },
  { what: 'with an IPv4 header shorter than 20 octets', four: changed(four.tcp(4711, 80), 0, 0x44) },
  { what: 'of a wrong IP version', four: changed(four.tcp(4711, 80), 0, 0x55), six: changed(six.tcp(4711, 80), 0, 0x50) },
  { what: 'jumbogram (RFC 2675)', six: changed(six.hopByHop(8).tcp(4711, 80), 4, 0, 0) },
  {
    what: 'to an address that is no VIP',
    four: packet().ipv4('10.0.0.2', '10.0.0.3').tcp(4711, 80),
    six: packet().ipv6('1000::2', '1000::3').tcp(4711, 80),
  },
];

describeKernel('which packets', () => {
  const kernels = new Map<string, Kernel>();
  beforeAll(() => {
    for (const [name, make] of Object.entries(KERNELS)) kernels.set(name, make());
  });
  afterAll(() => {
    for (const kernel of kernels.values()) kernel.close();
  });

  const build = (built: PacketBuilder | Uint8Array): Uint8Array => (built instanceof Uint8Array ? built : built.build());

  /** Where a packet goes, and whether its mark agrees. */
  function cell({ frame, with: kernel = 'plain' }: Row, built: PacketBuilder | Uint8Array | undefined, etherType: number): string {
    if (built === undefined) return '';
    const { mark, reason } = kernels.get(kernel)!.decide(build(built), { etherType, ...frame });
    const number = FAST_REASON_NAMES.indexOf(reason);
    expect([reason, mark !== 0]).toEqual([reason, number < DECIDED]);
    if (number < DECIDED) return 'kernel';
    return reason === 'other' ? 'left alone' : `queue: ${reason}`;
  }

  test('are decided in the kernel, as docs/fast-path.md says', () => {
    const lines = ROWS.map((row) =>
      `| ${row.what} | ${cell(row, row.four, 0x0800)} | ${cell(row, row.six, 0x86dd)} |`.replaceAll(/ +/g, ' '),
    );
    const page = readFileSync(new URL('../../../docs/fast-path.md', import.meta.url), 'utf8');
    const table = page.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| --'));
    const written = table.slice(table.findIndex((line) => line.startsWith('| packets')) + 1).map((line) => line.replaceAll(/ +/g, ' '));
    expect(written.slice(0, lines.length), lines.join('\n')).toEqual(lines);
  });

  test('a mark that a packet to a VIP comes with is replaced, or cleared for the queue; other packets keep theirs', () => {
    const kernel = kernels.get('plain')!;
    const marks = [
      four.tcp(1, 2),
      four.icmpError(3, 4, quoted(4)),
      four.tcp(1, 2).cut(23),
      packet().ipv4('10.0.0.2', '10.0.0.3').tcp(1, 2),
    ].map((built) => kernel.decide(built.build(), { mark: 7 }).mark);
    expect(marks).toEqual([expect.toSatisfy((mark) => mark === 101 || mark === 102), 0, 0, 7]);
  });

  test('the transport header may begin 256 octets after the IP header’s beginning, and no later', () => {
    const reasons = [216, 224].map((length) => kernels.get('plain')!.decide(six.destinationOptions(length).tcp(1, 2).build()).reason);
    expect(reasons).toEqual(['balanced', 'long-headers']);
  });

  test('padding is not read as part of a packet', () => {
    // A UDP header of 2 octets, and 40 octets of padding.
    const short = changed(four.udp(4711, 53).cut(22), 2, 0, 22);
    expect(kernels.get('plain')!.decide(short, { padding: 40 })).toEqual({ mark: 0, reason: 'malformed' });
  });

  test('nor is what follows the end of a packet read as an ICMP header, or an extension header', () => {
    const kernel = kernels.get('plain')!;
    const cut = [
      [changed(four.icmpEcho(7), 2, 0, 27), 0x0800, 27],
      [changed(six.icmpEcho(7), 4, 0, 7), 0x86dd, 47],
      [changed(six.destinationOptions().protocol(50).payload(20), 4, 0, 7), 0x86dd, 47],
    ] as const;
    const balancer = new Balancer(lookup([101]));
    for (const [octets, etherType, end] of cut) {
      // For the queue, the kernel has removed the rest.
      expect(balancer.decide(octets, 0, end, etherType)).toBe(DROP);
      expect(kernel.decide(octets, { etherType })).toEqual({ mark: 0, reason: 'malformed' });
    }
  });

  test('neither IPv4 nor IPv6: left alone', () => {
    expect(kernels.get('plain')!.decide(four.tcp(1, 2).build(), { etherType: 0x0806, mark: 7 })).toEqual({ mark: 7, reason: 'other' });
  });

  test('octets are those of the packet: without link layer and padding', () => {
    const kernel = new Kernel(compileTable(VIPS), [lookup([101])]);
    try {
      kernel.decide(four.udp(1, 2).payload(3).build(), { tags: [ETH_P_8021Q], padding: 15 });
      kernel.decide(six.udp(1, 2).payload(5).build());
      expect(kernel.generation.reasons()[0]).toEqual({ packets: 2, octets: 31 + 53 });
      expect(kernel.generation.targets()[0]).toEqual([101, { packets: 2, octets: 31 + 53 }]);
    } finally {
      kernel.close();
    }
  });
});
