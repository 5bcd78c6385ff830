import { extractKey, Kind, PacketKey, Reason } from '@nfqlb/core';
import { packet } from '@nfqlb/core/testing';
import { expect, test } from 'vitest';
import { decisionIn, describePacket } from './packet-line.js';
import { PacketNote, type TracedPacket } from './packet-ring.js';

function traced(octets: Uint8Array, changed: Partial<TracedPacket> = {}): TracedPacket {
  const key = new PacketKey();
  const etherType = octets[0]! >> 4 === 6 ? 0x86dd : 0x0800;
  const kind = extractKey(key, octets, 0, octets.length, etherType, 0);
  const time = new Date(2026, 0, 2, 3, 4, 5).getTime() + 6.789;
  const decided = { fwmark: 101, reason: Reason.Balanced, hash: 0xabcdef01, bucket: 12, buckets: 997, flow: 0, traceFlow: -1 };
  return { ...new PacketNote(), ...decided, time, kind, key, octets, etherType, wireLength: octets.length, ...changed };
}

const udp = packet().ipv4('10.0.0.2', '10.0.0.1').udp(4711, 5001).payload(2).build();

test('a packet: time, queue, headers, and the reason for the decision', () => {
  const one = traced(udp);
  const decision = decisionIn(one, 1, { flow: 'web', table: 'w' });
  expect(describePacket(one, decision, 3, {})).toBe(
    '03:04:05.006789 queue 3: udp 10.0.0.2:4711 -> 10.0.0.1:5001 kind=normal len=30; balanced: flow web, table w, hash 0xabcdef01 mod 997 = bucket 12 -> fwmark 101',
  );
  expect(describePacket(one, decision, 3, { traceFlow: 'all' })).toContain('queue 3: trace-flow all: udp 10');
});

test('an ICMP error: its sender, its type, and the connection that it is about', () => {
  const quoted = packet().ipv6('1000::1', '1000::2').tcp(80, 4711).build();
  const error = packet().ipv6('1000::9', '1000::1').icmpError(2, 0, quoted).build();
  new DataView(error.buffer).setUint32(44, 1400);
  const line = describePacket(traced(error), decisionIn(traced(error), 1, {}), 2, {});
  expect(line).toContain(
    'queue 2: icmp error from 1000::9, packet too big mtu=1400, about tcp [1000::2]:4711 -> [1000::1]:80 kind=icmp-inner len=',
  );
});

test('SCTP is hashed over its ports, unless the hash mode is 0', () => {
  const sctp = traced(packet().ipv4('10.0.0.2', '10.0.0.1').sctp(1, 2).build());
  expect(decisionIn(sctp, 1, {}).choice!.over).toBe('ports');
  expect(decisionIn(sctp, 0, {}).choice!.over).toBe('key');
});

test('malformed packets are not parsed further', () => {
  const cut = traced(packet().ipv4('10.0.0.2', '10.0.0.1').icmpError(3, 4, udp).build().slice(0, 30), {
    bucket: -1,
    reason: Reason.Malformed,
    fwmark: -1,
  });
  expect(cut.kind).toBe(Kind.Malformed);
  expect(describePacket(cut, decisionIn(cut, 1, {}), 2, {})).toMatch(/queue 2: kind=malformed len=30; dropped: malformed: its headers/);
});
