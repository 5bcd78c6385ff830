// Writes classic captures of IP packets (draft-ietf-opsawg-pcap; pcap.ts has a diagram), with nanoseconds, little-endian.

const MAGIC_NANOSECONDS = 0xa1b23c4d;
const LINKTYPE_RAW = 101;
const FILE_HEADER = 24;
const RECORD_HEADER = 16;
/** Of a file without a smaller limit, in octets: MAXIMUM_SNAPLEN of libpcap. */
const SNAP_LENGTH = 262_144;

/** Octets collected before they are written. */
const CHUNK = 1 << 18;

/** Collects records, and hands them on in large pieces. A packet costs no allocation. */
export class PcapWriter {
  readonly #write: (bytes: Uint8Array) => void;
  readonly #chunk = new Uint8Array(CHUNK);
  readonly #view = new DataView(this.#chunk.buffer);
  #length = FILE_HEADER;

  /** @param write gets each piece, which is valid until it returns */
  constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write;
    this.#view.setUint32(0, MAGIC_NANOSECONDS, true);
    // Version 2.4.
    this.#view.setUint16(4, 2, true);
    this.#view.setUint16(6, 4, true);
    this.#view.setUint32(16, SNAP_LENGTH, true);
    this.#view.setUint32(20, LINKTYPE_RAW, true);
  }

  /** @param packet from its IP header on, at most 65,575 octets; @param seconds since 1970 */
  packet(packet: Uint8Array, seconds: number, nanoseconds: number): void {
    const { length } = packet;
    if (this.#length + RECORD_HEADER + length > CHUNK) this.flush();
    const at = this.#length;
    const view = this.#view;
    view.setUint32(at, seconds, true);
    view.setUint32(at + 4, nanoseconds, true);
    view.setUint32(at + 8, length, true);
    view.setUint32(at + 12, length, true);
    this.#chunk.set(packet, at + RECORD_HEADER);
    this.#length = at + RECORD_HEADER + length;
  }

  /** Hands on what has been collected. */
  flush(): void {
    this.#write(this.#chunk.subarray(0, this.#length));
    this.#length = 0;
  }
}
