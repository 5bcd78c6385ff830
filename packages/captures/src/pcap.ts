// The classic capture file, draft-ietf-opsawg-pcap §3 and §4. All numbers are in the byte order that the magic number indicates.
//
// File header, 24 octets:                        Record header, 16 octets, then the captured octets:
// +---------------------------+                  +---------------------------+
// | magic                     |                  | seconds                   |
// | major u16   | minor u16   |                  | micro- or nanoseconds     |
// | (reserved, 2 words)       |                  | captured length           |
// | snap length               |                  | original length           |
// | FCS, link type            |                  +---------------------------+
// +---------------------------+

import { type FrameReader, frameReader, LINK_TYPES } from './link-layer.js';
import { type Frame, RecordFault, type RecordReader, type U32, u32BigEndian, u32LittleEndian } from './record-reader.js';

const MAGIC_MICROSECONDS = 0xa1b2c3d4;
const MAGIC_NANOSECONDS = 0xa1b23c4d;

export const PCAP_HEADER_LENGTH = 24;
const RECORD_HEADER_LENGTH = 16;

/** Longest record that libpcap reads (MAXIMUM_SNAPLEN), in octets: a longer one means a damaged file. */
const MAX_CAPTURED = 262144;

export class PcapReader implements RecordReader {
  readonly #u32: U32;
  /** Nanoseconds per unit of a record's second word. */
  readonly #unit: number;
  readonly #link: FrameReader;

  private constructor(u32: U32, unit: number, header: Uint8Array) {
    this.#u32 = u32;
    this.#unit = unit;
    // The upper half holds the length of the frame check sequence, if any (draft-ietf-opsawg-pcap §4).
    const linkType = u32(header, 20) & 0xffff;
    const link = frameReader(linkType);
    if (!link) throw new RecordFault('link-type', `link type ${linkType}; supported are ${LINK_TYPES}`);
    this.#link = link;
  }

  /** Whether a file that begins with these four octets has this format. */
  static recognises(magic: Uint8Array): boolean {
    return format(magic) !== undefined;
  }

  /** @param header the first {@link PCAP_HEADER_LENGTH} octets of a file that is {@link recognises recognised} */
  static open(header: Uint8Array): PcapReader {
    const { u32, unit } = format(header)!;
    return new PcapReader(u32, unit, header);
  }

  read(bytes: Uint8Array, at: number, end: number, frame: Frame): number {
    if (at + RECORD_HEADER_LENGTH > end) return RECORD_HEADER_LENGTH;
    const u32 = this.#u32;
    const captured = u32(bytes, at + 8);
    if (captured > MAX_CAPTURED) throw new RecordFault('corrupt', `a record of ${captured} octets; the maximum is ${MAX_CAPTURED}`);
    const length = RECORD_HEADER_LENGTH + captured;
    if (at + length > end) return length;
    frame.at = at + RECORD_HEADER_LENGTH;
    frame.captured = captured;
    frame.original = u32(bytes, at + 12);
    frame.seconds = u32(bytes, at);
    frame.nanoseconds = u32(bytes, at + 4) * this.#unit;
    // Some programs write fractions of more than a second.
    if (frame.nanoseconds >= 1e9) {
      frame.seconds += Math.floor(frame.nanoseconds / 1e9);
      frame.nanoseconds %= 1e9;
    }
    frame.reader = this.#link;
    return length;
  }
}

function format(magic: Uint8Array): { u32: U32; unit: number } | undefined {
  for (const u32 of [u32LittleEndian, u32BigEndian]) {
    if (u32(magic, 0) === MAGIC_MICROSECONDS) return { u32, unit: 1000 };
    if (u32(magic, 0) === MAGIC_NANOSECONDS) return { u32, unit: 1 };
  }
  return undefined;
}
