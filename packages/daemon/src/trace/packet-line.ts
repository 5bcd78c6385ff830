// A traced packet as a line:
//
//     20:08:41.123456 queue 2: trace-flow web: udp 10.0.0.2:4711 -> 10.0.0.1:5001 kind=normal len=60; balanced: table nfqlb, hash 0x… -> fwmark 101

import { ETH_P_IP, ETH_P_IPV6, KIND_NAMES, Kind } from '@nfqlb/core';
import { formatIpv6 } from '@nfqlb/core/address';
import { type Decision, type DecisionNames, describeDecision, describeIcmp, describeKey, overOf } from '@nfqlb/core/explanation';
import type { TracedPacket } from './packet-ring.js';

export interface PacketNames extends DecisionNames {
  /** Name of the matching trace flow. */
  readonly traceFlow?: string | undefined;
}

export function decisionIn(packet: TracedPacket, hashMode: 0 | 1, { flow, table }: DecisionNames): Decision {
  const { fwmark, reason, kind, hash, bucket, buckets, key } = packet;
  const choice = bucket < 0 ? undefined : { hash, over: overOf(key, hashMode), buckets, bucket };
  return { fwmark, reason, kind, flow, table, choice };
}

export function describePacket(packet: TracedPacket, decision: Decision, queue: number, { traceFlow }: PacketNames): string {
  const matched = traceFlow === undefined ? '' : ` trace-flow ${traceFlow}:`;
  return `${clock(packet.time)} queue ${queue}:${matched} ${describeArrival(packet)}; ${describeDecision(decision)}`;
}

/** Describes the packet; for an ICMP error also its sender, its type, and the connection that it is about. */
export function describeArrival({
  kind,
  key,
  octets,
  etherType,
  wireLength,
}: Pick<TracedPacket, 'kind' | 'key' | 'octets' | 'etherType' | 'wireLength'>): string {
  const icmp = describeIcmp(octets, 0, octets.length, etherType);
  const about = `${kind === Kind.Malformed ? '' : `${describeKey(kind, key)} `}kind=${KIND_NAMES[kind]} len=${wireLength}`;
  if (icmp === undefined || kind === Kind.Malformed) return about;
  if (kind !== Kind.IcmpInner) return `${about} ${icmp}`;
  return `icmp error from ${sourceOf(octets, etherType)}, ${icmp}, about ${about}`;
}

/** Source address of a packet with a complete IP header. */
function sourceOf(octets: Uint8Array, etherType: number): string {
  if (etherType === ETH_P_IPV6) return formatIpv6(octets.slice(8, 24));
  if (etherType === ETH_P_IP) return [...octets.subarray(12, 16)].join('.');
  return '?';
}

/** Local time of day with microseconds, as in packet lists of captures. */
function clock(milliseconds: number): string {
  const date = new Date(milliseconds);
  const two = (value: number): string => String(value).padStart(2, '0');
  const micros = Math.floor((milliseconds % 1000) * 1000);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(micros).padStart(6, '0')}`;
}
