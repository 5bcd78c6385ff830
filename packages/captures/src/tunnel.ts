// Goes into tunnels: IP in IP (RFC 2003, RFC 2473, RFC 4213), GRE (RFC 2784, RFC 2890), VXLAN (RFC 7348) and Geneve (RFC 8926).

import { ETH_P_IP, ETH_P_IPV6 } from '@nfqlb/core';
import { carried, ethernet, type PacketPlace } from './link-layer.js';

const IPPROTO_HOPOPTS = 0;
const IPPROTO_IPIP = 4;
const IPPROTO_UDP = 17;
const IPPROTO_IPV6 = 41;
const IPPROTO_ROUTING = 43;
const IPPROTO_GRE = 47;
const IPPROTO_DSTOPTS = 60;

const PORT_VXLAN = 4789;
const PORT_GENEVE = 6081;

/** Transparent Ethernet bridging: GRE and Geneve carry a frame. */
const ETH_P_TEB = 0x6558;

/** Tunnels inside of each other that are followed. */
const MAX_TUNNELS = 8;

const inside: PacketPlace = { at: 0, etherType: 0 };

/**
 * Moves `place` from a packet in the frame `bytes[begin .. end)` to the IP packet that its tunnel carries, and so on. A packet that carries no whole
 * IP header, or is a fragment, stays.
 */
export function decapsulate(bytes: Uint8Array, begin: number, end: number, place: PacketPlace): void {
  for (let tunnels = 0; tunnels < MAX_TUNNELS; tunnels++) {
    inside.etherType = 0;
    const at = begin + place.at;
    if (place.etherType === ETH_P_IP) ipv4(bytes, at, end);
    else if (place.etherType === ETH_P_IPV6) ipv6(bytes, at, end);
    const header = inside.etherType === ETH_P_IP ? 20 : 40;
    if ((inside.etherType !== ETH_P_IP && inside.etherType !== ETH_P_IPV6) || at + inside.at + header > end) return;
    // The readers count from the packet around it.
    place.at += inside.at;
    place.etherType = inside.etherType;
  }
}

function ipv4(bytes: Uint8Array, at: number, end: number): void {
  if (at + 20 > end) return;
  const header = (bytes[at]! & 15) * 4;
  // RFC 791 §3.1: more fragments, or an offset.
  if (header < 20 || (u16(bytes, at + 6) & 0x3fff) !== 0) return;
  payload(bytes, at, at + header, end, bytes[at + 9]!);
}

function ipv6(bytes: Uint8Array, at: number, end: number): void {
  if (at + 40 > end) return;
  let next = bytes[at + 6]!;
  let header = at + 40;
  // RFC 2473 §4.1.1: Linux puts a tunnel encapsulation limit into destination options.
  while ((next === IPPROTO_HOPOPTS || next === IPPROTO_ROUTING || next === IPPROTO_DSTOPTS) && header + 8 <= end) {
    next = bytes[header]!;
    header += 8 * (bytes[header + 1]! + 1);
  }
  payload(bytes, at, header, end, next);
}

/** @param outer where the packet begins; @param at where its payload does */
function payload(bytes: Uint8Array, outer: number, at: number, end: number, protocol: number): void {
  if (protocol === IPPROTO_IPIP) carried(bytes, outer, at, end, ETH_P_IP, inside);
  else if (protocol === IPPROTO_IPV6) carried(bytes, outer, at, end, ETH_P_IPV6, inside);
  else if (protocol === IPPROTO_GRE) gre(bytes, outer, at, end);
  else if (protocol === IPPROTO_UDP && at + 16 <= end) {
    const port = u16(bytes, at + 2);
    if (port === PORT_VXLAN) vxlan(bytes, outer, at + 8, end);
    else if (port === PORT_GENEVE) geneve(bytes, outer, at + 8, end);
  }
}

//  0                  13        16           32
// +-+-+-+-+----------+---------+------------+---   each of C, K and S: four octets more
// |C|R|K|S| reserved | version | EtherType  |
// +-+-+-+-+----------+---------+------------+---
function gre(bytes: Uint8Array, outer: number, at: number, end: number): void {
  if (at + 4 > end) return;
  const flags = u16(bytes, at);
  // RFC 1701 routing, and version 1 (PPTP), carry something else.
  if ((flags & 0x4007) !== 0) return;
  const more = ((flags & 0x8000) >> 15) + ((flags & 0x2000) >> 13) + ((flags & 0x1000) >> 12);
  announced(bytes, outer, at + 4 + 4 * more, end, u16(bytes, at + 2));
}

// Octet 0: flags, of which I says that there is a network identifier; 4-6 the identifier; from 8 on a frame.
function vxlan(bytes: Uint8Array, outer: number, at: number, end: number): void {
  if ((bytes[at]! & 0x08) !== 0) announced(bytes, outer, at + 8, end, ETH_P_TEB);
}

// Octet 0: version (2 bits), length of the options in 4 octets; 2-3 EtherType; 4-6 network identifier; from 8 on the options.
function geneve(bytes: Uint8Array, outer: number, at: number, end: number): void {
  if (bytes[at]! >> 6 === 0) announced(bytes, outer, at + 8 + 4 * (bytes[at]! & 63), end, u16(bytes, at + 2));
}

function announced(bytes: Uint8Array, outer: number, at: number, end: number, etherType: number): void {
  if (etherType !== ETH_P_TEB) {
    carried(bytes, outer, at, end, etherType, inside);
    return;
  }
  ethernet(bytes, at, end, inside);
  inside.at += at - outer;
}

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}
