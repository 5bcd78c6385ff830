// What each flow asks for, member by member: what a search tries once the tree has left a few flows.
//
// A flow's members stand together in each section, destinations before sources; its record says where.

import { type Cidr, isIpv4 } from '../address/index.js';
import type { Flow } from './flow.js';
import { isEncapsulation } from './flow.js';
import type { FlowProtocol } from './flow-protocol.js';
import { CLASSES_AT, Field, ProtocolClass } from './layout.js';
import type { PortRange } from './port-range.js';
import { addressWords, maskWords } from './prefix-table.js';

/** Words of a flow: one cache line. */
export const FLOW_WORDS = 16;
/** In each section: the first destination, the first source, and what is behind the last. */
export const FLOW_NETWORKS4 = 0;
export const FLOW_NETWORKS6 = 3;
export const FLOW_RANGES = 6;
/** The first byte match, and what is behind the last. */
export const FLOW_MATCHES = 9;
/** The port at which packets are to be looked up again as SCTP in UDP; 0 for a flow that is an answer. */
export const FLOW_ENCAP_PORT = 11;
/** Which of the targets' names is its own. */
export const FLOW_TARGET = 12;

export const NETWORK4_WORDS = 2;
export const NETWORK6_WORDS = 8;
export const MATCH_WORDS = 4;

const CLASSES: Readonly<Record<FlowProtocol, ProtocolClass>> = {
  tcp: ProtocolClass.Tcp,
  udp: ProtocolClass.Udp,
  sctp: ProtocolClass.Sctp,
};

/** The classes of protocols that a flow asks for. */
export function classesOf({ protocols }: Flow): number[] {
  return protocols.map((protocol) => CLASSES[protocol]);
}

/** What a flow asks for: bits by {@link Field}, and those of its protocols (see layout.ts). */
export function asksOf(flow: Flow): number {
  const { dsts, srcs, dports, sports, protocols, match } = flow;
  const classes = classesOf(flow).reduce((bits, protocol) => bits | (1 << (CLASSES_AT + protocol)), 0);
  const asked: [Field, { readonly length: number }][] = [
    [Field.Destination, dsts],
    [Field.Source, srcs],
    [Field.DestinationPort, dports],
    [Field.SourcePort, sports],
    [Field.Protocol, protocols],
    [Field.Match, match],
  ];
  return asked.reduce((bits, [field, { length }]) => (length > 0 ? bits | (1 << field) : bits), classes);
}

/** The sections of a compiled flow set that have the flows, and the names that their targets are numbered by. */
export function buildFlowRecords(flows: readonly Flow[]): {
  readonly records: Int32Array;
  readonly networks4: Int32Array;
  readonly networks6: Int32Array;
  readonly ranges: Int32Array;
  readonly matches: Int32Array;
  readonly targets: readonly string[];
} {
  const records = new Int32Array(FLOW_WORDS * flows.length);
  const networks4: number[] = [];
  const networks6: number[] = [];
  const ranges: number[] = [];
  const matches: number[] = [];
  const targets = new Map<string, number>();

  const addNetworks = (cidrs: readonly Cidr[]): void => {
    for (const { network, prefixLength } of cidrs) {
      const address = addressWords(network);
      const mask = maskWords(prefixLength);
      if (isIpv4(network)) networks4.push(address[3]!, mask[3]!);
      else networks6.push(...address, ...mask);
    }
  };
  const addRanges = (list: readonly PortRange[]): void => {
    for (const { first, last } of list) ranges.push(first | (last << 16));
  };

  flows.forEach((flow, i) => {
    const record = records.subarray(FLOW_WORDS * i, FLOW_WORDS * (i + 1));
    const mark = (word: number): void => {
      record[FLOW_NETWORKS4 + word] = networks4.length;
      record[FLOW_NETWORKS6 + word] = networks6.length;
      record[FLOW_RANGES + word] = ranges.length;
    };
    mark(0);
    addNetworks(flow.dsts);
    addRanges(flow.dports);
    mark(1);
    addNetworks(flow.srcs);
    addRanges(flow.sports);
    mark(2);
    record[FLOW_MATCHES] = matches.length;
    matches.push(
      ...flow.match.flatMap(({ protocol, offset, length, mask, value }) => [CLASSES[protocol], offset | (length << 8), mask, value]),
    );
    record[FLOW_MATCHES + 1] = matches.length;
    record[FLOW_ENCAP_PORT] = isEncapsulation(flow) ? flow.udpencap : 0;
    const target = targets.get(flow.target) ?? targets.size;
    targets.set(flow.target, target);
    record[FLOW_TARGET] = target;
  });

  return {
    records,
    networks4: Int32Array.from(networks4),
    networks6: Int32Array.from(networks6),
    ranges: Int32Array.from(ranges),
    matches: Int32Array.from(matches),
    targets: [...targets.keys()],
  };
}
