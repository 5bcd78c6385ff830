// The block-based capture format, draft-ietf-opsawg-pcapng.
//
// Every block (§3.1):           Section header (§4.1), body:       Enhanced packet (§4.3), body:
// +-----------------------+     +-----------------------+          +-----------------------+
// | type                  |     | byte-order magic      |          | interface             |
// | total length          |     | major u16 | minor u16 |          | timestamp, upper half |
// | body, padded to 4     |     | section length, 64 bit|          | timestamp, lower half |
// | total length, again   |     +-----------------------+          | captured length       |
// +-----------------------+     Interface (§4.2), body:            | original length       |
//                               +-----------------------+          | captured octets …     |
// Simple packet (§4.4), body:   | link type u16 | 0     |          +-----------------------+
// +-----------------------+     | snap length           |          Obsolete packet (A): as enhanced, but for
// | original length       |     | options …             |          interface u16, drops u16 in the first word
// | captured octets …     |     +-----------------------+
// +-----------------------+

import { frameReader, LINK_TYPES } from './link-layer.js';
import { type Frame, RecordFault, type RecordReader, type U32, u32BigEndian, u32LittleEndian } from './record-reader.js';

const BLOCK_SECTION = 0x0a0d0d0a;
const BLOCK_INTERFACE = 1;
const BLOCK_PACKET = 2;
const BLOCK_SIMPLE_PACKET = 3;
const BLOCK_ENHANCED_PACKET = 6;

const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

/** Octets of a block's head (type and length), and of the shortest block. */
const BLOCK_HEAD = 8;
const BLOCK_MIN = 12;

/** Longest block that libpcap reads (MAX_BLOCKSIZE), in octets. */
const MAX_BLOCK = 16 << 20;

// Options of an interface (§4.2).
const OPTION_END = 0;
const OPTION_TSRESOL = 9;
const OPTION_TSOFFSET = 14;

interface Interface {
  readonly linkType: number;
  /** Octets kept of each frame; 0 for all. */
  readonly snapLength: number;
  /** Timestamp units per second. */
  readonly perSecond: number;
  /** Seconds to add to every timestamp. */
  readonly offset: number;
}

export class PcapngReader implements RecordReader {
  /** Byte order and interfaces of the current section. */
  #u32: U32 = u32LittleEndian;
  #interfaces: Interface[] = [];

  /** Whether a file that begins with these four octets has this format. */
  static recognises(magic: Uint8Array): boolean {
    return u32LittleEndian(magic, 0) === BLOCK_SECTION;
  }

  read(bytes: Uint8Array, at: number, end: number, frame: Frame): number {
    if (at + BLOCK_MIN > end) return BLOCK_MIN;
    // A section block's type is the same in both byte orders; its magic tells which one the section uses.
    const isSection = u32LittleEndian(bytes, at) === BLOCK_SECTION;
    if (isSection) this.#u32 = byteOrder(bytes, at + BLOCK_HEAD);
    const u32 = this.#u32;
    const length = u32(bytes, at + 4);
    if (length < BLOCK_MIN || length % 4 !== 0 || length > MAX_BLOCK) {
      throw new RecordFault('corrupt', `a block of ${length} octets; must be a multiple of 4 from ${BLOCK_MIN} to ${MAX_BLOCK}`);
    }
    if (at + length > end) return length;
    if (u32(bytes, at + length - 4) !== length) throw new RecordFault('corrupt', `a block whose two lengths differ`);

    const body = at + BLOCK_HEAD;
    const bodyEnd = at + length - 4;
    frame.reader = undefined;
    switch (u32(bytes, at)) {
      case BLOCK_SECTION:
        this.#interfaces = [];
        break;
      case BLOCK_INTERFACE:
        this.#interfaces.push(this.#readInterface(bytes, body, bodyEnd));
        break;
      case BLOCK_ENHANCED_PACKET:
        this.#readPacket(bytes, body, bodyEnd, frame, need(bytes, body, bodyEnd, 20, u32));
        break;
      case BLOCK_PACKET:
        need(bytes, body, bodyEnd, 20, u32);
        this.#readPacket(bytes, body, bodyEnd, frame, this.#u16(bytes, body));
        break;
      case BLOCK_SIMPLE_PACKET:
        this.#readSimplePacket(bytes, body, bodyEnd, frame);
        break;
    }
    return length;
  }

  #readPacket(bytes: Uint8Array, body: number, bodyEnd: number, frame: Frame, id: number): void {
    const u32 = this.#u32;
    const from = this.#interface(id);
    const captured = u32(bytes, body + 12);
    if (captured > bodyEnd - body - 20)
      throw new RecordFault('corrupt', `a packet of ${captured} octets in a block with room for ${bodyEnd - body - 20}`);
    frame.at = body + 20;
    frame.captured = captured;
    frame.original = u32(bytes, body + 16);
    setTime(frame, u32(bytes, body + 4), u32(bytes, body + 8), from);
    frame.reader = readerOf(from);
  }

  /** Has no timestamp: uses the time of the packet before it. */
  #readSimplePacket(bytes: Uint8Array, body: number, bodyEnd: number, frame: Frame): void {
    const original = need(bytes, body, bodyEnd, 4, this.#u32);
    const from = this.#interface(0);
    frame.at = body + 4;
    frame.captured = Math.min(original, from.snapLength || original, bodyEnd - body - 4);
    frame.original = original;
    frame.reader = readerOf(from);
  }

  #readInterface(bytes: Uint8Array, body: number, bodyEnd: number): Interface {
    const snapLength = need(bytes, body + 4, bodyEnd, 4, this.#u32);
    let perSecond = 1e6;
    let offset = 0;
    for (let at = body + 8; at + 4 <= bodyEnd; ) {
      const code = this.#u16(bytes, at);
      const length = this.#u16(bytes, at + 2);
      if (code === OPTION_END || at + 4 + length > bodyEnd) break;
      if (code === OPTION_TSRESOL && length >= 1) perSecond = unitsPerSecond(bytes[at + 4]!);
      if (code === OPTION_TSOFFSET && length >= 8) offset = this.#i64(bytes, at + 4);
      at += 4 + Math.ceil(length / 4) * 4;
    }
    return { linkType: this.#u16(bytes, body), snapLength, perSecond, offset };
  }

  #interface(id: number): Interface {
    const found = this.#interfaces[id];
    if (!found) throw new RecordFault('corrupt', `a packet of interface ${id}; the section describes only ${this.#interfaces.length}`);
    return found;
  }

  #u16(bytes: Uint8Array, at: number): number {
    return this.#u32 === u32LittleEndian ? bytes[at]! | (bytes[at + 1]! << 8) : (bytes[at]! << 8) | bytes[at + 1]!;
  }

  #i64(bytes: Uint8Array, at: number): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset + at, 8);
    return Number(view.getBigInt64(0, this.#u32 === u32LittleEndian));
  }
}

function byteOrder(bytes: Uint8Array, at: number): U32 {
  for (const u32 of [u32LittleEndian, u32BigEndian]) if (u32(bytes, at) === BYTE_ORDER_MAGIC) return u32;
  throw new RecordFault('corrupt', 'a section without a byte-order magic');
}

/** Returns the first word of a body, which must have `length` octets. */
function need(bytes: Uint8Array, body: number, bodyEnd: number, length: number, u32: U32): number {
  if (body + length > bodyEnd) throw new RecordFault('corrupt', `a block with ${bodyEnd - body} octets where ${length} are needed`);
  return u32(bytes, body);
}

function readerOf({ linkType }: Interface): NonNullable<Frame['reader']> {
  const reader = frameReader(linkType);
  if (!reader) throw new RecordFault('link-type', `link type ${linkType}; supported are ${LINK_TYPES}`);
  return reader;
}

/** if_tsresol (§4.2): the negative power of 10, or of 2 if the upper bit is set. */
function unitsPerSecond(resolution: number): number {
  const power = (resolution & 0x80) !== 0 ? 2 ** (resolution & 0x7f) : 10 ** resolution;
  if (power > 2 ** 63) throw new RecordFault('corrupt', `a timestamp resolution of ${resolution}`);
  return power;
}

/** Splits a 64-bit count of units into seconds and nanoseconds. */
function setTime(frame: Frame, upper: number, lower: number, { perSecond, offset }: Interface): void {
  let seconds: number;
  if (perSecond <= 1e9) {
    // Long division, 16 bits per step: every product stays below 2⁵³.
    let step = (upper % perSecond) * 65536 + (lower >>> 16);
    seconds = Math.floor(upper / perSecond) * 65536 + Math.floor(step / perSecond);
    step = (step % perSecond) * 65536 + (lower & 0xffff);
    seconds = seconds * 65536 + Math.floor(step / perSecond);
    frame.nanoseconds = Math.floor((step % perSecond) * (1e9 / perSecond));
  } else {
    const units = (BigInt(upper) << 32n) | BigInt(lower);
    seconds = Number(units / BigInt(perSecond));
    frame.nanoseconds = Number(((units % BigInt(perSecond)) * 1_000_000_000n) / BigInt(perSecond));
  }
  frame.seconds = seconds + offset;
}
