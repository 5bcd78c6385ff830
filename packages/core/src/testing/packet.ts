// Packets for tests that read as sentences:
//
//     packet().ipv4('10.0.0.2', '10.0.0.1').udp(4711, 5001).payload(20).build()
//     packet().ipv6('1000::2', '1000::1').hopByHop(16).fragment({ id: 7, offset: 0, more: true }).udp(4711, 5001).build()
//
// Headers are put down from the outermost to the innermost; lengths, next headers and checksums follow from that.

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

const IPPROTO_NONE = 59;

/** Begins a packet. */
export function packet(): PacketBuilder {
  return new PacketBuilder();
}

/** A header in the making: its octets, and what is filled in when all that follows is known. */
interface Layer {
  /** Number by which the header before names it. */
  readonly protocol: number;
  readonly bytes: Uint8Array;
  /** Where it names the header that follows; −1 when it does not. */
  readonly nextAt: number;
  /** Fills in lengths and checksums; `whole` is this header and all that follows. */
  readonly finish?: (whole: Uint8Array, pseudoHeader: Uint8Array) => void;
}

class PacketBuilder {
  readonly #layers: Layer[] = [];
  #family: 4 | 6 = 4;
  #source: Uint8Array = new Uint8Array(4);
  #destination: Uint8Array = new Uint8Array(4);
  #payload: Uint8Array = new Uint8Array(0);
  /** Protocol that the last header names when nothing follows it. */
  #lastProtocol: number | undefined;

  /** @param options octets of options, a multiple of 4 up to 40 */
  ipv4(source: string, destination: string, { options = 0, id = 0 }: { options?: number; id?: number } = {}): this {
    this.#setAddresses(4, source, destination);
    const header = new Uint8Array(20 + options);
    header[0] = 0x40 | (header.length / 4);
    setU16(header, 4, id);
    header[8] = 64;
    header.set(this.#source, 12);
    header.set(this.#destination, 16);
    header.fill(1, 20); // no-operation
    return this.#add({
      protocol: 4,
      bytes: header,
      nextAt: 9,
      finish: (whole) => {
        setU16(whole, 2, whole.length);
        setU16(whole, 10, internetChecksum(whole.subarray(0, header.length)));
      },
    });
  }

  ipv6(source: string, destination: string): this {
    this.#setAddresses(6, source, destination);
    const header = new Uint8Array(40);
    header[0] = 0x60;
    header[7] = 64;
    header.set(this.#source, 8);
    header.set(this.#destination, 24);
    return this.#add({ protocol: 41, bytes: header, nextAt: 6, finish: (whole) => setU16(whole, 4, whole.length - 40) });
  }

  /** @param length octets of the header, a multiple of 8 from 8 to 2048 */
  hopByHop(length = 8): this {
    return this.#addExtension(IPPROTO_HOPOPTS, length);
  }

  routing(length = 8): this {
    return this.#addExtension(IPPROTO_ROUTING, length);
  }

  destinationOptions(length = 8): this {
    return this.#addExtension(IPPROTO_DSTOPTS, length);
  }

  /** Makes the packet a fragment. `offset` in octets, a multiple of 8. */
  fragment({ id, offset, more }: { id: number; offset: number; more: boolean }): this {
    if (this.#family === 6) {
      const header = new Uint8Array(8);
      setU16(header, 2, offset | (more ? 1 : 0));
      setU32(header, 4, id);
      return this.#add({ protocol: IPPROTO_FRAGMENT, bytes: header, nextAt: 0 });
    }
    const ip = this.#layers[0]!.bytes;
    setU16(ip, 4, id);
    setU16(ip, 6, (offset >> 3) | (more ? 0x2000 : 0));
    return this;
  }

  udp(sourcePort: number, destinationPort: number): this {
    const header = ports(8, sourcePort, destinationPort);
    return this.#add({
      protocol: IPPROTO_UDP,
      bytes: header,
      nextAt: -1,
      finish: (whole, pseudoHeader) => {
        setU16(whole, 4, whole.length);
        // RFC 768: a checksum of 0 is sent as all ones.
        setU16(whole, 6, internetChecksum(pseudoHeader, whole) || 0xffff);
      },
    });
  }

  /** @param flags as on the wire: SYN 2, ACK 16 */
  tcp(sourcePort: number, destinationPort: number, { flags = 0x10 }: { flags?: number } = {}): this {
    const header = ports(20, sourcePort, destinationPort);
    header[12] = 5 << 4;
    header[13] = flags;
    setU16(header, 14, 65535);
    const finish: Layer['finish'] = (whole, pseudoHeader) => setU16(whole, 16, internetChecksum(pseudoHeader, whole));
    return this.#add({ protocol: IPPROTO_TCP, bytes: header, nextAt: -1, finish });
  }

  sctp(sourcePort: number, destinationPort: number, { tag = 1 }: { tag?: number } = {}): this {
    const header = ports(12, sourcePort, destinationPort);
    setU32(header, 4, tag);
    // RFC 9260 §6.8: the checksum is sent least significant octet first.
    const finish: Layer['finish'] = (whole) => new DataView(whole.buffer, whole.byteOffset).setUint32(8, crc32c(whole), true);
    return this.#add({ protocol: IPPROTO_SCTP, bytes: header, nextAt: -1, finish });
  }

  /** An echo request of the packet's family. */
  icmpEcho(id: number, sequence = 1): this {
    return this.#addIcmp(this.#family === 4 ? 8 : 128, 0, id, sequence);
  }

  icmpEchoReply(id: number, sequence = 1): this {
    return this.#addIcmp(this.#family === 4 ? 0 : 129, 0, id, sequence);
  }

  /** An ICMP or ICMPv6 error that quotes `quoted`. */
  icmpError(type: number, code: number, quoted: Uint8Array): this {
    return this.#addIcmp(type, code, 0, 0).payload(quoted);
  }

  /** Any other protocol, of which nothing is known but its number. */
  protocol(number: number): this {
    this.#lastProtocol = number;
    return this;
  }

  /** What the last header carries: octets, or so many of them. */
  payload(payload: Uint8Array | number): this {
    this.#payload = typeof payload === 'number' ? Uint8Array.from({ length: payload }, (_, i) => i) : payload;
    return this;
  }

  build(): Uint8Array {
    const headers = this.#layers.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const whole = new Uint8Array(headers + this.#payload.length);
    whole.set(this.#payload, headers);
    let at = headers;
    let next = this.#lastProtocol ?? IPPROTO_NONE;
    for (const { protocol, bytes, nextAt, finish } of this.#layers.toReversed()) {
      at -= bytes.length;
      whole.set(bytes, at);
      if (nextAt >= 0) whole[at + nextAt] = next;
      const rest = whole.subarray(at);
      finish?.(rest, this.#pseudoHeader(protocol, rest.length));
      next = protocol;
    }
    return whole;
  }

  #setAddresses(family: 4 | 6, source: string, destination: string): void {
    this.#family = family;
    const from = family === 4 ? 12 : 0;
    this.#source = parseIpAddress(source)!.subarray(from);
    this.#destination = parseIpAddress(destination)!.subarray(from);
  }

  #addExtension(protocol: number, length: number): this {
    const header = new Uint8Array(length);
    header[1] = length / 8 - 1;
    // PadN over the whole body (RFC 8200 §4.2); a routing header of type 1 reads the same octets as it likes.
    header[2] = 1;
    header[3] = length - 4;
    return this.#add({ protocol, bytes: header, nextAt: 0 });
  }

  #addIcmp(type: number, code: number, id: number, sequence: number): this {
    const header = new Uint8Array(8);
    header[0] = type;
    header[1] = code;
    setU16(header, 4, id);
    setU16(header, 6, sequence);
    const v6 = this.#family === 6;
    return this.#add({
      protocol: v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
      bytes: header,
      nextAt: -1,
      finish: (whole, pseudoHeader) => setU16(whole, 2, v6 ? internetChecksum(pseudoHeader, whole) : internetChecksum(whole)),
    });
  }

  /** RFC 9293 §3.1 and RFC 8200 §8.1: what transport checksums cover beside the packet. */
  #pseudoHeader(protocol: number, length: number): Uint8Array {
    const width = this.#source.length;
    const header = new Uint8Array(2 * width + 8);
    header.set(this.#source);
    header.set(this.#destination, width);
    setU32(header, 2 * width, length);
    header[2 * width + 7] = protocol;
    return header;
  }

  #add(layer: Layer): this {
    this.#layers.push(layer);
    return this;
  }
}

export type { PacketBuilder };

function ports(length: number, source: number, destination: number): Uint8Array {
  const header = new Uint8Array(length);
  setU16(header, 0, source);
  setU16(header, 2, destination);
  return header;
}

function setU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value;
}

function setU32(bytes: Uint8Array, at: number, value: number): void {
  setU16(bytes, at, value >>> 16);
  setU16(bytes, at + 2, value & 0xffff);
}
