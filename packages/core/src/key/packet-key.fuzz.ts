// Any octets as a packet: the key is that of a naive reader, and depends on nothing outside of the packet.

import { packet } from '../packet-builder/index.js';
import type { FuzzInput } from '../testing/fuzz-input.js';
import type { FuzzTarget } from '../testing/fuzz-target.js';
import { isTrue, same } from '../testing/invariant.js';
import { type NaiveKey, naiveKey } from '../testing/naive-key.js';
import { ETH_P_IP, ETH_P_IPV6 } from '../wire/ethertype.js';
import { extractKey } from './extract.js';
import { KIND_NAMES, Kind } from './kind.js';
import { PacketKey } from './packet-key.js';

const key = new PacketKey();
const BEFORE = 5;

const v4 = packet().ipv4('10.0.0.2', '10.0.0.1');
const v6 = packet().ipv6('2001:db8::2', '2001:db8::1');
const inUdp = packet().ipv4('1.1.1.1', '1.1.1.1').sctp(7, 8).build().slice(20);

/** What comes before a packet: family and SCTP-in-UDP port. */
const seeds = [
  ...[v4.tcp(1, 2), v4.udp(1, 9899).payload(inUdp), v4.icmpError(3, 4, v4.sctp(3, 4).build()), v4.icmpEcho(7)].map(
    (each) => [0, each] as const,
  ),
  ...[v4.fragment({ id: 7, offset: 0, more: true }).udp(1, 2), v4.fragment({ id: 7, offset: 8, more: false }).payload(8)].map(
    (each) => [0, each] as const,
  ),
  ...[v6.hopByHop(16).routing(24).destinationOptions(8).tcp(1, 2), v6.icmpError(1, 0, v6.udp(9899, 3).payload(inUdp).build())].map(
    (each) => [1, each] as const,
  ),
  ...[v6.fragment({ id: 7, offset: 0, more: true }).sctp(1, 2), v6.fragment({ id: 7, offset: 8, more: true }).payload(8)].map(
    (each) => [1, each] as const,
  ),
].map(([family, builder]) => Uint8Array.from([family, 1, ...builder.build()]));

function read(octets: Uint8Array, ipv6: boolean, encap: number, around: number): NaiveKey & { readonly more: readonly unknown[] } {
  const region = new Uint8Array(BEFORE + octets.length + 64).fill(around);
  region.set(octets, BEFORE);
  const kind = extractKey(key, region, BEFORE, octets.length, ipv6 ? ETH_P_IPV6 : ETH_P_IP, encap);
  const { transportAt, transportLength, echoRequest } = key;
  isTrue('the transport header is in the packet', transportLength === 0 || transportAt + transportLength <= BEFORE + octets.length);
  const isPart = kind === Kind.FirstFragment || kind === Kind.Fragment;
  const hex = (bytes: Uint8Array): string => Array.from(bytes, (octet) => octet.toString(16).padStart(2, '0')).join('');
  const id = hex(new Uint8Array(Int32Array.of(key.fragmentId).buffer)).slice(0, ipv6 ? 8 : 4);
  return {
    kind: KIND_NAMES[kind]!,
    ...(kind !== Kind.Malformed && { key: hex(key.bytes) }),
    ...(isPart && { id, part: [key.fragmentBegin, key.fragmentEnd, key.moreFragments] as const }),
    more: [transportLength, transportLength > 0 ? transportAt : 0, echoRequest, key.hashAll()],
  };
}

const target: FuzzTarget = {
  seeds,
  run(input: FuzzInput) {
    const ipv6 = input.flag();
    const encap = input.pick([0, 9899, 80]);
    const octets = input.rest();
    const { more, ...found } = read(octets, ipv6, encap, 0);
    same('key', found, naiveKey(octets, ipv6, encap));
    same('with other octets around it', read(octets, ipv6, encap, 0xff), { ...found, more });
    input.note([0, 1, 6, 17, 58, 132].indexOf(key.protocol) * 16 + KIND_NAMES.indexOf(found.kind));
  },
};
export default target;
