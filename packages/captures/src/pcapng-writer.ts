// Writes captures as pcapng (draft-ietf-opsawg-pcapng), block by block: the output so far is always a complete file.
//
// Section header (§4.1)          Interface (§4.2)               Enhanced packet (§4.3)
// +-----------------------+      +-----------------------+      +-----------------------+
// | 0x0a0d0d0a            |      | 1                     |      | 6                     |
// | total length          |      | total length          |      | total length          |
// | byte-order magic      |      | link type u16 | 0     |      | interface             |
// | major u16 | minor u16 |      | snap length           |      | timestamp, upper half |
// | section length, 64 bit|      | options …             |      | timestamp, lower half |
// | options …             |      | total length          |      | captured length       |
// | total length          |      +-----------------------+      | original length       |
// +-----------------------+                                     | octets, padded to 4   |
//                                                               | options …             |
// Option (§3.5): code u16, length u16, value padded to 4        | total length          |
//                                                               +-----------------------+

const BLOCK_SECTION = 0x0a0d0d0a;
const BLOCK_INTERFACE = 1;
const BLOCK_ENHANCED_PACKET = 6;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

/** LINKTYPE_RAW: the packet begins with its IP header, of either version. */
const LINKTYPE_RAW = 101;

const OPTION_END = 0;
const OPTION_COMMENT = 1;
const SHB_USERAPPL = 4;
const IF_NAME = 2;
const IF_TSRESOL = 9;
const EPB_FLAGS = 2;

/** epb_flags: the packet was received. */
const INBOUND = 1;

/** Timestamps count nanoseconds: if_tsresol. */
const NANOSECONDS = 9;

/** Maximum octets of an option's value: its length has 16 bits. */
const MAX_OPTION = 0xffff;

export interface CapturedPacket {
  /** Arrival time, seconds since 1970 and nanoseconds. */
  readonly seconds: number;
  readonly nanoseconds: number;
  /** The captured octets, from the IP header on. */
  readonly octets: Uint8Array;
  /** Octets on the wire. */
  readonly wireLength: number;
  /** Shown by Wireshark as the packet's comment. */
  readonly comment?: string;
}

/**
 * The start of a capture: one section, and one interface for IP packets.
 *
 * @param application name and version of the writing program
 * @param interfaceName shown by Wireshark for every packet
 */
export function pcapngHeader(application: string, interfaceName: string): Uint8Array {
  const section = new Block(BLOCK_SECTION);
  section.u32(BYTE_ORDER_MAGIC);
  section.u16(1, 0);
  // The section's length is unknown.
  section.u32(0xffffffff, 0xffffffff);
  section.option(SHB_USERAPPL, utf8(application));
  section.option(OPTION_END, EMPTY);

  const interfaceBlock = new Block(BLOCK_INTERFACE);
  interfaceBlock.u16(LINKTYPE_RAW, 0);
  // No limit.
  interfaceBlock.u32(0);
  interfaceBlock.option(IF_NAME, utf8(interfaceName));
  interfaceBlock.option(IF_TSRESOL, Uint8Array.of(NANOSECONDS));
  interfaceBlock.option(OPTION_END, EMPTY);
  return joined([section.finish(), interfaceBlock.finish()]);
}

/** A packet of a capture that begins with {@link pcapngHeader}. */
export function pcapngPacket({ seconds, nanoseconds, octets, wireLength, comment }: CapturedPacket): Uint8Array {
  const time = BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds);
  const block = new Block(BLOCK_ENHANCED_PACKET);
  block.u32(0, Number(time >> 32n), Number(time & 0xffffffffn), octets.length, wireLength);
  block.octets(octets);
  if (comment !== undefined) block.option(OPTION_COMMENT, utf8(comment));
  block.option(EPB_FLAGS, Uint8Array.of(INBOUND, 0, 0, 0));
  block.option(OPTION_END, EMPTY);
  return block.finish();
}

const EMPTY = new Uint8Array(0);

/** Builds a block, little-endian. */
class Block {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  constructor(type: number) {
    this.u32(type, 0);
  }

  u32(...values: readonly number[]): void {
    const view = new DataView(new ArrayBuffer(4 * values.length));
    values.forEach((value, i) => {
      view.setUint32(4 * i, value, true);
    });
    this.#add(new Uint8Array(view.buffer));
  }

  u16(first: number, second: number): void {
    this.u32(first | (second << 16));
  }

  /** Padded to a multiple of 4. */
  octets(octets: Uint8Array): void {
    this.#add(octets);
    this.#add(new Uint8Array(-octets.length & 3));
  }

  option(code: number, value: Uint8Array): void {
    const kept = value.length > MAX_OPTION ? value.subarray(0, MAX_OPTION) : value;
    this.u16(code, kept.length);
    this.octets(kept);
  }

  /** Returns the block with both lengths filled in. */
  finish(): Uint8Array {
    this.u32(this.#length + 4);
    const block = joined(this.#parts);
    new DataView(block.buffer).setUint32(4, block.length, true);
    return block;
  }

  #add(octets: Uint8Array): void {
    this.#parts.push(octets);
    this.#length += octets.length;
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** This package cannot rely on TextEncoder. */
function utf8(text: string): Uint8Array {
  const octets: number[] = [];
  for (const character of text) {
    const code = character.codePointAt(0)!;
    if (code < 0x80) octets.push(code);
    else if (code < 0x800) octets.push(0xc0 | (code >> 6), 0x80 | (code & 0x3f));
    else if (code < 0x10000) octets.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f));
    else octets.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 0x3f), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f));
  }
  return Uint8Array.from(octets);
}
