import { ETH_P_IP } from '@nfqlb/core';
import { type Cidr, formatIpAddress, parseCidr } from '@nfqlb/core/address';
import type { KnownPacket } from '@nfqlb/setup/path';
import type { GivenPacket } from './given-packet.js';

/** A packet's outer header: packet rules match it, even for an ICMP error. */
export interface OuterHeader {
  readonly source: string;
  readonly destination: string;
  readonly known: Omit<KnownPacket, 'isForwarded'>;
}

const IPV4_HEADER = 20;
const IPV6_HEADER = 40;
const FRAGMENT_HEADER = 44;
const WITH_PORTS = [6, 17, 132];

export function outerHeader({ bytes, etherType }: GivenPacket): OuterHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isIpv4 = etherType === ETH_P_IP;
  const [from, to, end] = isIpv4 ? [12, 16, IPV4_HEADER] : [8, 24, IPV6_HEADER];
  const source = addressText(bytes.subarray(from, to));
  const destination = addressText(bytes.subarray(to, end));
  const protocol = bytes[isIpv4 ? 9 : 6]!;
  // RFC 791 §3.1: more fragments follow, or this is not the first. RFC 8200 §4.5.
  const isFragment = isIpv4 ? (view.getUint16(6) & 0x3fff) !== 0 : protocol === FRAGMENT_HEADER;
  const at = isIpv4 ? 4 * (bytes[0]! & 15) : IPV6_HEADER;
  const hasPorts = !isFragment && WITH_PORTS.includes(protocol) && bytes.length >= at + 4;
  return {
    source,
    destination,
    known: {
      source: network(source),
      destination: network(destination),
      // May be an extension header: the protocol is unknown.
      ...((isIpv4 || WITH_PORTS.includes(protocol) || protocol === 58) && { protocol }),
      ...(hasPorts && { sourcePort: view.getUint16(at), destinationPort: view.getUint16(at + 2) }),
      mark: 0,
      isFragment,
    },
  };
}

/** @param octets 4 or 16 */
function addressText(octets: Uint8Array): string {
  if (octets.length === 16) return formatIpAddress(octets);
  return octets.join('.');
}

function network(address: string): Cidr {
  return parseCidr(`${address}/${address.includes(':') ? 128 : 32}`)!;
}
