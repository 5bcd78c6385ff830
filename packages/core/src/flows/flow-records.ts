// All conditions of each flow, for checking the few flows that the tree search leaves.
//
// In each section a flow's members are contiguous, destinations before sources; its record holds the indexes.

import { type Cidr, isIpv4 } from '../address/index.js';
import type { Flow } from './flow.js';
import { isEncapsulation } from './flow.js';
import type { FlowProtocol } from './flow-protocol.js';
import { CLASSES_AT, Field, ProtocolClass } from './layout.js';
import type { PortRange } from './port-range.js';
import { addressWords, maskWords } from './prefix-table.js';

/** Words of a record: one cache line. */
export const FLOW_WORDS = 16;
/** Three words each: index of the first destination, of the first source, and the end. */
export const FLOW_NETWORKS4 = 0;
export const FLOW_NETWORKS6 = 3;
export const FLOW_RANGES = 6;
/** Two words: index of the first byte match, and the end. */
export const FLOW_MATCHES = 9;
/** For an encapsulation flow, the UDP port that carries SCTP; otherwise 0. */
export const FLOW_ENCAP_PORT = 11;
/** Index of the target table's name. */
export const FLOW_TARGET = 12;

export const NETWORK4_WORDS = 2;
export const NETWORK6_WORDS = 8;
export const MATCH_WORDS = 4;

const CLASSES: Readonly<Record<FlowProtocol, ProtocolClass>> = {
  tcp: ProtocolClass.Tcp,
  udp: ProtocolClass.Udp,
  sctp: ProtocolClass.Sctp,
};

/** The protocol classes that a flow matches. */
export function classesOf({ protocols }: Flow): number[] {
  return protocols.map((protocol) => CLASSES[protocol]);
}

/** The flow's conditions as a bit mask of {@link Field} and protocol classes (see layout.ts). */
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

/** The sections of a compiled flow set with the flows' records, and the target names that the records index. */
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
