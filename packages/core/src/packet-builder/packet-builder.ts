// Builds packets with a fluent interface, for tests and for nfqlb explain:
//
//     packet().ipv4('10.0.0.2', '10.0.0.1').udp(4711, 5001).payload(20).build()
//     packet().ipv6('1000::2', '1000::1').hopByHop(16).fragment({ id: 7, offset: 0, more: true }).udp(4711, 5001).build()
//
// Headers are added from the outermost to the innermost; lengths, next headers and checksums are filled in. Builders are immutable: each step
// returns a new one, so that several packets can share their beginning.

import { parseIpAddress } from '../address/index.js';
import {
  IPPROTO_DSTOPTS,
  IPPROTO_FRAGMENT,
  IPPROTO_HOPOPTS,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_ROUTING,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
} from '../wire/protocol.js';
import { crc32c, internetChecksum } from './checksum.js';
import { setU16, setU32 } from './octets.js';

/** "No next header" (RFC 8200 §4.7): the default for the last header. */
const IPPROTO_NONE = 59;

/** Starts a packet. */
export function packet(): PacketBuilder {
  return new PacketBuilder(EMPTY);
}

/** A header under construction: its octets, and how to complete it when everything after it is known. */
interface Layer {
  /** Protocol number of this header, for the header before it. */
  readonly protocol: number;
  readonly bytes: Uint8Array;
  /** Offset of its next-header field; −1 if it has none. */
  readonly nextAt: number;
  /** Fills in lengths and checksums; `whole` is this header and everything after it. */
  readonly finish?: (whole: Uint8Array, pseudoHeader: Uint8Array) => void;
}

interface Parts {
  readonly family: 4 | 6;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly layers: readonly Layer[];
  readonly payload: Uint8Array;
  /** Protocol number in the last header if no other header follows. */
  readonly lastProtocol: number;
  /** Length to which the packet is truncated. */
  readonly length: number;
}

const NOTHING = new Uint8Array(0);
const EMPTY: Parts = {
  family: 4,
  source: NOTHING,
  destination: NOTHING,
  layers: [],
  payload: NOTHING,
  lastProtocol: IPPROTO_NONE,
  length: Number.POSITIVE_INFINITY,
};

class PacketBuilder {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * An IPv4 header. `options` is the length of its options in octets, a multiple of 4 up to 40; `hops` the time to live; `whole` sets DF: routers must
   * not fragment the packet.
   */
  ipv4(
    source: string,
    destination: string,
    { options = 0, id = 0, hops = 64, whole = false }: { options?: number; id?: number; hops?: number; whole?: boolean } = {},
  ): PacketBuilder {
    const addresses = { source: parseIpAddress(source)!.subarray(12), destination: parseIpAddress(destination)!.subarray(12) };
    const header = new Uint8Array(20 + options);
    header[0] = 0x40 | (header.length / 4);
    setU16(header, 4, id);
    if (whole) header[6] = 0x40;
    header[8] = hops;
    header.set(addresses.source, 12);
    header.set(addresses.destination, 16);
    header.fill(1, 20); // no-operation
    const finish: Layer['finish'] = (packet) => {
      setU16(packet, 2, packet.length);
      setU16(packet, 10, internetChecksum(packet.subarray(0, header.length)));
    };
    return this.#with({ family: 4, ...addresses }).#add({ protocol: 4, bytes: header, nextAt: 9, finish });
  }

  /** An IPv6 header. `hops` is the hop limit. */
  ipv6(source: string, destination: string, { hops = 64 }: { hops?: number } = {}): PacketBuilder {
    const addresses = { source: parseIpAddress(source)!, destination: parseIpAddress(destination)! };
    const header = new Uint8Array(40);
    header[0] = 0x60;
    header[7] = hops;
    header.set(addresses.source, 8);
    header.set(addresses.destination, 24);
    const finish: Layer['finish'] = (whole) => setU16(whole, 4, whole.length - header.length);
    return this.#with({ family: 6, ...addresses }).#add({ protocol: 41, bytes: header, nextAt: 6, finish });
  }

  /** @param length of the header in octets, a multiple of 8 from 8 to 2048 */
  hopByHop(length = 8): PacketBuilder {
    return this.#addOptions(IPPROTO_HOPOPTS, length);
  }

  /** @param length as {@link hopByHop} */
  destinationOptions(length = 8): PacketBuilder {
    return this.#addOptions(IPPROTO_DSTOPTS, length);
  }

  /** A segment routing header (RFC 8754) with no segments left. @param length as {@link hopByHop} */
  routing(length = 8): PacketBuilder {
    const header = extension(length);
    header[2] = 4;
    return this.#add({ protocol: IPPROTO_ROUTING, bytes: header, nextAt: 0 });
  }

  /** Makes the packet a fragment. `offset` is in octets, a multiple of 8. To fragment whole packets, use `fragments` (fragments.ts). */
  fragment({ id, offset, more }: { id: number; offset: number; more: boolean }): PacketBuilder {
    if (this.#parts.family === 6) {
      const header = new Uint8Array(8);
      setU16(header, 2, offset | (more ? 1 : 0));
      setU32(header, 4, id);
      return this.#add({ protocol: IPPROTO_FRAGMENT, bytes: header, nextAt: 0 });
    }
    const [ip, ...rest] = this.#parts.layers;
    const bytes = ip!.bytes.slice();
    setU16(bytes, 4, id);
    setU16(bytes, 6, (offset >> 3) | (more ? 0x2000 : 0));
    return this.#with({ layers: [{ ...ip!, bytes }, ...rest] });
  }

  udp(sourcePort: number, destinationPort: number): PacketBuilder {
    const finish: Layer['finish'] = (whole, pseudoHeader) => {
      setU16(whole, 4, whole.length);
      // RFC 768: a checksum of 0 is sent as all ones.
      setU16(whole, 6, internetChecksum(pseudoHeader, whole) || 0xffff);
    };
    return this.#add({ protocol: IPPROTO_UDP, bytes: ports(8, sourcePort, destinationPort), nextAt: -1, finish });
  }

  /** A TCP header. `flags` are those on the wire: SYN 2, ACK 16. */
  tcp(sourcePort: number, destinationPort: number, { flags = 0x10 }: { flags?: number } = {}): PacketBuilder {
    const header = ports(20, sourcePort, destinationPort);
    header[12] = 5 << 4;
    header[13] = flags;
    setU16(header, 14, 65535);
    const finish: Layer['finish'] = (whole, pseudoHeader) => setU16(whole, 16, internetChecksum(pseudoHeader, whole));
    return this.#add({ protocol: IPPROTO_TCP, bytes: header, nextAt: -1, finish });
  }

  sctp(sourcePort: number, destinationPort: number, { tag = 1 }: { tag?: number } = {}): PacketBuilder {
    const header = ports(12, sourcePort, destinationPort);
    setU32(header, 4, tag);
    // RFC 9260 Appendix A: least significant octet first, unlike every other number.
    const finish: Layer['finish'] = (whole) => new DataView(whole.buffer, whole.byteOffset).setUint32(8, crc32c(whole), true);
    return this.#add({ protocol: IPPROTO_SCTP, bytes: header, nextAt: -1, finish });
  }

  /** An echo request of the packet's family. */
  icmpEcho(id: number, sequence = 1): PacketBuilder {
    return this.#addIcmp(this.#parts.family === 4 ? 8 : 128, 0, id, sequence);
  }

  icmpEchoReply(id: number, sequence = 1): PacketBuilder {
    return this.#addIcmp(this.#parts.family === 4 ? 0 : 129, 0, id, sequence);
  }

  /** Any ICMP or ICMPv6 message of 8 octets, zero except for type and code. */
  icmp(type: number, code = 0): PacketBuilder {
    return this.#addIcmp(type, code, 0, 0);
  }

  /** An ICMP or ICMPv6 error that quotes `quoted`. */
  icmpError(type: number, code: number, quoted: Uint8Array): PacketBuilder {
    return this.#addIcmp(type, code, 0, 0).payload(quoted);
  }

  /** Any other protocol, without a header. */
  protocol(number: number): PacketBuilder {
    return this.#with({ lastProtocol: number });
  }

  /** The payload: octets, or their number. */
  payload(payload: Uint8Array | number): PacketBuilder {
    return this.#with({ payload: typeof payload === 'number' ? Uint8Array.from({ length: payload }, (_, i) => i) : payload });
  }

  /** Truncates the packet to `length` octets; its headers are still those of the whole packet. */
  cut(length: number): PacketBuilder {
    return this.#with({ length });
  }

  build(): Uint8Array {
    const { layers, payload, lastProtocol, length } = this.#parts;
    const headers = layers.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const whole = new Uint8Array(headers + payload.length);
    whole.set(payload, headers);
    let at = headers;
    let next = lastProtocol;
    for (const { protocol, bytes, nextAt, finish } of layers.toReversed()) {
      at -= bytes.length;
      whole.set(bytes, at);
      if (nextAt >= 0) whole[at + nextAt] = next;
      const rest = whole.subarray(at);
      finish?.(rest, this.#pseudoHeader(protocol, rest.length));
      next = protocol;
    }
    return whole.slice(0, length);
  }

  #with(changed: Partial<Parts>): PacketBuilder {
    return new PacketBuilder({ ...this.#parts, ...changed });
  }

  #add(layer: Layer): PacketBuilder {
    return this.#with({ layers: [...this.#parts.layers, layer] });
  }

  #addOptions(protocol: number, length: number): PacketBuilder {
    const header = extension(length);
    // RFC 8200 §4.2: the longest possible PadN, then octets of Pad1 (zero).
    header[2] = 1;
    header[3] = Math.min(length - 4, 255);
    return this.#add({ protocol, bytes: header, nextAt: 0 });
  }

  #addIcmp(type: number, code: number, id: number, sequence: number): PacketBuilder {
    const header = new Uint8Array(8);
    header[0] = type;
    header[1] = code;
    setU16(header, 4, id);
    setU16(header, 6, sequence);
    const v6 = this.#parts.family === 6;
    // RFC 4443 §2.3: unlike ICMP's, ICMPv6's checksum covers a pseudo-header.
    const finish: Layer['finish'] = (whole, pseudoHeader) => setU16(whole, 2, internetChecksum(...(v6 ? [pseudoHeader, whole] : [whole])));
    return this.#add({ protocol: v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, bytes: header, nextAt: -1, finish });
  }

  /** RFC 9293 §3.1 and RFC 8200 §8.1: what transport checksums cover besides the packet. */
  #pseudoHeader(protocol: number, length: number): Uint8Array {
    const { source, destination } = this.#parts;
    const header = new Uint8Array(2 * source.length + 8);
    header.set(source);
    header.set(destination, source.length);
    setU32(header, header.length - 8, length);
    header[header.length - 1] = protocol;
    return header;
  }
}

export type { PacketBuilder };

function ports(length: number, source: number, destination: number): Uint8Array {
  const header = new Uint8Array(length);
  setU16(header, 0, source);
  setU16(header, 2, destination);
  return header;
}

/** An IPv6 extension header of this length, without its type-specific data. */
function extension(length: number): Uint8Array {
  const header = new Uint8Array(length);
  header[1] = length / 8 - 1;
  return header;
}
