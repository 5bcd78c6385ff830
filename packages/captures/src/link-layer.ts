// Finds the IP packet in a frame. Link types are numbered as in the tcpdump.org registry (LINKTYPE_…).

import { ETH_P_IP, ETH_P_IPV6 } from '@nfqlb/core';

const LINKTYPE_NULL = 0;
const LINKTYPE_ETHERNET = 1;
const LINKTYPE_RAW = 101;
const LINKTYPE_LOOP = 108;
const LINKTYPE_LINUX_SLL = 113;
const LINKTYPE_IPV4 = 228;
const LINKTYPE_IPV6 = 229;
const LINKTYPE_LINUX_SLL2 = 276;

/** The supported link types, for messages. */
export const LINK_TYPES =
  '0 (BSD loopback), 1 (Ethernet), 101 (raw IP), 108 (OpenBSD loopback), 113 (Linux cooked), 228 (IPv4), 229 (IPv6), 276 (Linux cooked v2)';

/** EtherTypes of VLAN tags: 802.1Q, 802.1ad, and the older Q-in-Q value. */
const VLAN_TAGS = [0x8100, 0x88a8, 0x9100] as const;
const MAX_VLAN_TAGS = 2;

/** EtherTypes of PPPoE sessions, and of MPLS, unicast and multicast. */
const ETH_P_PPP_SES = 0x8864;
const ETH_P_MPLS_UC = 0x8847;
const ETH_P_MPLS_MC = 0x8848;

/** RFC 2516 §4: version 1, type 1; code of session data. */
const PPPOE_VERSION_TYPE = 0x11;
const PPPOE_SESSION_DATA = 0;
/** PPP protocols: RFC 1332 §2, RFC 5072 §2. */
const PPP_IP = 0x0021;
const PPP_IPV6 = 0x0057;

/** Position of the packet in a frame. Reused for every frame. */
export interface PacketPlace {
  /** Octets of the frame before the IP header. */
  at: number;
  /** EtherType, host byte order: IPv4 or IPv6, or anything else for a frame that carries no IP. */
  etherType: number;
}

/** Finds the packet in the frame `bytes[begin .. end)`. A frame too short for its link header carries none (etherType 0). */
export type FrameReader = (bytes: Uint8Array, begin: number, end: number, place: PacketPlace) => void;

/** The reader for a link type; `undefined` when there is none. */
export function frameReader(linkType: number): FrameReader | undefined {
  return READERS.get(linkType);
}

//  0       6       12          14
// +-------+-------+-----------+---
// | dest. | source| EtherType | data, after up to two tags of four octets: EtherType 0x8100…, TCI, EtherType
// +-------+-------+-----------+---
export const ethernet: FrameReader = (bytes, begin, end, place) => {
  let at = begin + 14;
  let tags = 0;
  while (at <= end && tags < MAX_VLAN_TAGS && isVlanTag(u16(bytes, at - 2))) {
    at += 4;
    tags++;
  }
  carried(bytes, begin, at, end, at <= end ? u16(bytes, at - 2) : 0, place);
};

// Octets 0-1 packet type, 2-3 ARPHRD, 4-5 address length, 6-13 address, 14-15 protocol.
const linuxCooked: FrameReader = (bytes, begin, end, place) => {
  carried(bytes, begin, begin + 16, end, begin + 16 <= end ? u16(bytes, begin + 14) : 0, place);
};

// Octets 0-1 protocol, 2-3 reserved, 4-7 interface, 8-9 ARPHRD, 10 packet type, 11 address length, 12-19 address.
const linuxCooked2: FrameReader = (bytes, begin, end, place) => {
  carried(bytes, begin, begin + 20, end, begin + 20 <= end ? u16(bytes, begin) : 0, place);
};

/** Finds the packet in what an EtherType announces at `at`: itself, or inside of PPPoE or MPLS. */
export function carried(bytes: Uint8Array, begin: number, at: number, end: number, etherType: number, place: PacketPlace): void {
  if (etherType === ETH_P_PPP_SES) pppoe(bytes, begin, at, end, place);
  else if (etherType === ETH_P_MPLS_UC || etherType === ETH_P_MPLS_MC) mpls(bytes, begin, at, end, place);
  else {
    place.at = at - begin;
    place.etherType = etherType;
  }
}

//  0             1      2            4        6              8            PPPoE, RFC 2516 §4
// +-------------+------+------------+--------+--------------+---
// | version,type| code | session id | length | PPP protocol | data
// +-------------+------+------------+--------+--------------+---
function pppoe(bytes: Uint8Array, begin: number, at: number, end: number, place: PacketPlace): void {
  place.at = at + 8 - begin;
  const protocol = at + 8 <= end && bytes[at] === PPPOE_VERSION_TYPE && bytes[at + 1] === PPPOE_SESSION_DATA ? u16(bytes, at + 6) : 0;
  place.etherType = protocol === PPP_IP ? ETH_P_IP : protocol === PPP_IPV6 ? ETH_P_IPV6 : 0;
}

//  0                     20    23  24    32                              A label, RFC 3032 §2.1
// +---------------------+-----+---+-----+
// | label               | TC  | S | TTL |  S is set in the last one
// +---------------------+-----+---+-----+
//
// What follows is not announced; as routers do, its first four bits are taken for an IP version (RFC 4928 §3).
function mpls(bytes: Uint8Array, begin: number, at: number, end: number, place: PacketPlace): void {
  let next = at + 4;
  while (next <= end && (bytes[next - 2]! & 1) === 0) next += 4;
  rawAt(bytes, begin, end, place, next - begin);
}

// Four octets of address family, in host (0) or network (108) byte order. AF_INET6 differs between systems, so the IP version in the packet
// is more reliable.
const loopback: FrameReader = (bytes, begin, end, place) => rawAt(bytes, begin, end, place, 4);

const raw: FrameReader = (bytes, begin, end, place) => rawAt(bytes, begin, end, place, 0);

function rawAt(bytes: Uint8Array, begin: number, end: number, place: PacketPlace, header: number): void {
  place.at = header;
  const version = begin + header < end ? bytes[begin + header]! >> 4 : 0;
  place.etherType = version === 4 ? ETH_P_IP : version === 6 ? ETH_P_IPV6 : 0;
}

const READERS: ReadonlyMap<number, FrameReader> = new Map([
  [LINKTYPE_NULL, loopback],
  [LINKTYPE_ETHERNET, ethernet],
  [LINKTYPE_RAW, raw],
  [LINKTYPE_LOOP, loopback],
  [LINKTYPE_LINUX_SLL, linuxCooked],
  [LINKTYPE_IPV4, raw],
  [LINKTYPE_IPV6, raw],
  [LINKTYPE_LINUX_SLL2, linuxCooked2],
]);

function isVlanTag(etherType: number): boolean {
  return etherType === VLAN_TAGS[0] || etherType === VLAN_TAGS[1] || etherType === VLAN_TAGS[2];
}

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}
