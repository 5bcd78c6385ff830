import { ETH_P_IP, ETH_P_IPV6, extractKey, Kind, PacketKey } from '@nfqlb/core';
import { FastReason } from '../fast-reason.js';
import {
  BRANCH_NEXT,
  BRANCH_PLACE,
  BRANCH_VALUE,
  BRANCH_WORDS,
  FINAL,
  FINAL_REASON,
  Field,
  LENGTH_TAG,
  LENGTH_WORDS,
  MAX_LENGTHS,
  MAX_REFERENCE,
  PLACE_WORDS,
  PORT_WORDS,
  PREFIX_NEXT,
  PREFIX_TAG,
  PREFIX_WORDS,
  PrefixKind,
} from '../layout.js';
import type { Decision } from './decision.js';
import { mix, type Slots } from './slots.js';

const SECOND = 0x85ebca6b;

/** Where a packet ends: at a flow, or with the reason why it goes to the queue. */
export type WalkEnd = { readonly flow: string } | { readonly reason: FastReason };

/**
 * What a decision says of a packet, without a kernel; `undefined` for packets of kinds that go to the queue whatever flows say. Finds its way as the
 * program does; it gets the key from core.
 */
export function walk(decision: Decision, packet: Uint8Array): WalkEnd | undefined {
  const key = new PacketKey();
  const kind = extractKey(key, packet, 0, packet.length, packet[0]! >> 4 === 6 ? ETH_P_IPV6 : ETH_P_IP, 0);
  const words = new Uint32Array(key.bytes.buffer);
  const ipv4 = key.family === 4;
  const begin = findPrefix(decision, ipv4 ? PrefixKind.Destination4 : PrefixKind.Destination6, words.subarray(4, 8));
  if (begin === 0) return { reason: FastReason.Other };
  if (kind !== Kind.Normal && kind !== Kind.Icmp && kind !== Kind.AddressesOnly) return undefined;
  if (key.echoRequest && decision.queuePings) return { reason: FastReason.Ping };

  const source = findPrefix(decision, ipv4 ? PrefixKind.Source4 : PrefixKind.Source6, words.subarray(0, 4));
  const classes = { destination: 0, source: 0 };
  if (decision.ports.length > 0) {
    classes.destination = decision.ports[PORT_WORDS * key.destinationPort]! & 0xffff;
    classes.source = decision.ports[PORT_WORDS * key.sourcePort]! >>> 16;
  }
  let at = begin;
  while (at < FINAL) {
    const [field, otherwise] = decision.places.subarray(PLACE_WORDS * at, PLACE_WORDS * (at + 1)) as unknown as [Field, number];
    const protocol = [6, 17, 132].indexOf(key.protocol);
    const value = {
      [Field.Protocol]: protocol < 0 ? 3 : protocol,
      [Field.DestinationPort]: classes.destination,
      [Field.SourcePort]: classes.source,
      [Field.Source]: source,
    }[field];
    const { branches } = decision;
    const slot = slotOf(branches, BRANCH_WORDS, mix(mix(branches.seed, at), value), (branch) => {
      return branch[BRANCH_PLACE] === at && branch[BRANCH_VALUE] === value;
    });
    at = slot?.[BRANCH_NEXT] ?? otherwise;
  }
  const end = at & MAX_REFERENCE;
  return (at & FINAL_REASON) !== 0 ? { reason: end as FastReason } : { flow: decision.names[end]! };
}

function findPrefix({ prefixes, lengths }: Decision, kind: PrefixKind, address: Uint32Array): number {
  for (let i = 0; i < MAX_LENGTHS; i++) {
    const length = lengths.subarray((kind * MAX_LENGTHS + i) * LENGTH_WORDS);
    const tag = length[LENGTH_TAG]!;
    if (tag === 0) return 0;
    const masked = address.map((word, j) => word & length[j]!);
    const hash = masked.reduce((before, word) => mix(before, word), mix(prefixes.seed, tag));
    const slot = slotOf(prefixes, PREFIX_WORDS, hash, (prefix) => {
      return prefix[PREFIX_TAG] === tag && masked.every((word, j) => prefix[j] === word);
    });
    if (slot !== undefined) return slot[PREFIX_NEXT]!;
  }
  return 0;
}

function slotOf({ words }: Slots, length: number, hash: number, matches: (entry: Uint32Array) => boolean): Uint32Array | undefined {
  const mask = words.length / length - 1;
  for (const slot of [hash & mask, mix(hash, SECOND) & mask]) {
    const entry = words.subarray(slot * length, (slot + 1) * length);
    if (entry.length > 0 && matches(entry)) return entry;
  }
  return undefined;
}
