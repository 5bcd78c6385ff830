// A linear walk, as the reference for compiled flows: down the list in order, checking each flow's fields one by one. As fast as possible:
// flows are prepared as words, whole words are compared, nothing is allocated.

import type { PacketKey } from '@nfqlb/core';
import { type Cidr, isIpv4, maskAddress } from '@nfqlb/core/address';
import type { Flow, FlowProtocol, PortRange } from '@nfqlb/core/flows';

const NUMBERS: Readonly<Record<FlowProtocol, number>> = { tcp: 6, udp: 17, sctp: 132 };

interface Network {
  readonly family: number;
  readonly words: Int32Array;
  readonly mask: Int32Array;
}

interface Prepared {
  readonly protocols: readonly number[];
  readonly dsts: readonly Network[];
  readonly srcs: readonly Network[];
  readonly dports: readonly PortRange[];
  readonly sports: readonly PortRange[];
  readonly match: Flow['match'];
}

/** Flows in order of precedence. */
export class FlowWalk {
  readonly #flows: readonly Prepared[];

  constructor(flows: readonly Flow[]) {
    this.#flows = flows.map(({ protocols, dsts, srcs, dports, sports, match }) => ({
      protocols: protocols.map((protocol) => NUMBERS[protocol]),
      dsts: dsts.map(networkOf),
      srcs: srcs.map(networkOf),
      dports,
      sports,
      match,
    }));
  }

  /** The first flow that matches, or −1. */
  find(key: PacketKey, bytes: Uint8Array): number {
    const flows = this.#flows;
    for (let i = 0; i < flows.length; i++) if (matches(flows[i]!, key, bytes)) return i;
    return -1;
  }
}

function networkOf({ network, prefixLength }: Cidr): Network {
  return {
    family: isIpv4(network) ? 4 : 6,
    words: new Int32Array(network.slice().buffer),
    mask: new Int32Array(maskAddress(new Uint8Array(16).fill(255), prefixLength).buffer),
  };
}

function matches(flow: Prepared, key: PacketKey, bytes: Uint8Array): boolean {
  if (flow.dsts.length > 0 && !inNetworks(flow.dsts, key, 4)) return false;
  if (flow.srcs.length > 0 && !inNetworks(flow.srcs, key, 0)) return false;
  if (flow.protocols.length > 0 && !flow.protocols.includes(key.protocol)) return false;
  if (flow.dports.length > 0 && !inRanges(flow.dports, key.destinationPort)) return false;
  if (flow.sports.length > 0 && !inRanges(flow.sports, key.sourcePort)) return false;
  for (let i = 0; i < flow.match.length; i++) {
    const { protocol, offset, length, mask, value } = flow.match[i]!;
    if (NUMBERS[protocol] !== key.protocol) continue;
    let field = 0;
    for (let octet = 0; octet < length; octet++) field = (field << 8) | bytes[key.transportAt + offset + octet]!;
    if ((field & mask) !== (value | 0)) return false;
  }
  return true;
}

function inNetworks(networks: readonly Network[], key: PacketKey, at: number): boolean {
  const { words } = key;
  for (let i = 0; i < networks.length; i++) {
    const network = networks[i]!;
    if (
      network.family === key.family &&
      (words[at + 3]! & network.mask[3]!) === network.words[3] &&
      (words[at]! & network.mask[0]!) === network.words[0] &&
      (words[at + 1]! & network.mask[1]!) === network.words[1] &&
      (words[at + 2]! & network.mask[2]!) === network.words[2]
    ) {
      return true;
    }
  }
  return false;
}

function inRanges(ranges: readonly PortRange[], port: number): boolean {
  for (let i = 0; i < ranges.length; i++) {
    const { first, last } = ranges[i]!;
    if (port >= first && port <= last) return true;
  }
  return false;
}
