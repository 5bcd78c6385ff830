// Builds captures for tests, octet by octet as in the formats' drafts.

/** A record to write: octets from the link header on. */
export interface Record {
  readonly bytes: Uint8Array;
  /** Octets on the wire, if more than captured. */
  readonly original?: number;
  readonly seconds?: number;
  readonly nanoseconds?: number;
}

export interface PcapOptions {
  readonly linkType?: number;
  readonly bigEndian?: boolean;
  readonly nanoseconds?: boolean;
}

/** A classic pcap capture. */
export function pcap(records: readonly Record[], { linkType = 101, bigEndian = false, nanoseconds = false }: PcapOptions = {}): Buffer {
  const u32 = writer(!bigEndian);
  const parts = [u32(nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4), writer16(!bigEndian)(2, 4), u32(0, 0, 262144, linkType)];
  for (const { bytes, original = bytes.length, seconds = 0, nanoseconds: fraction = 0 } of records) {
    parts.push(u32(seconds, nanoseconds ? fraction : Math.floor(fraction / 1000), bytes.length, original), Buffer.from(bytes));
  }
  return Buffer.concat(parts);
}

export interface PcapngOptions {
  readonly bigEndian?: boolean;
  /** Link types of the interfaces. */
  readonly linkTypes?: readonly number[];
  /** if_tsresol of all interfaces. */
  readonly resolution?: number;
  /** if_tsoffset of all interfaces, in seconds. */
  readonly offset?: number;
  /** Which block holds the packets: enhanced, simple, or the obsolete one. */
  readonly block?: 6 | 3 | 2;
}

/** One section. Record i belongs to interface i modulo the number of interfaces. */
export function pcapng(records: readonly Record[], options: PcapngOptions = {}): Buffer {
  const { bigEndian = false, linkTypes = [101], resolution, offset, block = 6 } = options;
  const u32 = writer(!bigEndian);
  const u16 = writer16(!bigEndian);
  const wrap = (type: number, ...body: Buffer[]): Buffer => {
    const inner = padded(Buffer.concat(body));
    return Buffer.concat([u32(type, inner.length + 12), inner, u32(inner.length + 12)]);
  };
  const options64: Buffer[] = [];
  if (resolution !== undefined) options64.push(u16(9, 1), Buffer.from([resolution, 0, 0, 0]));
  if (offset !== undefined)
    options64.push(u16(14, 8), bigEndian ? u32(offset < 0 ? 0xffffffff : 0, offset) : u32(offset, offset < 0 ? 0xffffffff : 0));
  if (options64.length > 0) options64.push(u16(0, 0));
  const parts = [
    wrap(0x0a0d0d0a, u32(0x1a2b3c4d), u16(1, 0), u32(0xffffffff, 0xffffffff)),
    // An unknown block, to be skipped.
    wrap(0x0bad, Buffer.from('skip me')),
    ...linkTypes.map((linkType) => wrap(1, u16(linkType, 0), u32(0), ...options64)),
  ];
  const perSecond = resolution === undefined ? 10n ** 6n : resolution & 0x80 ? 2n ** BigInt(resolution & 0x7f) : 10n ** BigInt(resolution);
  records.forEach(({ bytes, original = bytes.length, seconds = 0, nanoseconds = 0 }, i) => {
    const units = BigInt(seconds) * perSecond + (BigInt(nanoseconds) * perSecond) / 10n ** 9n;
    const time = u32(Number(units >> 32n), Number(units & 0xffffffffn));
    const id = i % linkTypes.length;
    if (block === 3) parts.push(wrap(3, u32(original), Buffer.from(bytes)));
    else parts.push(wrap(block, block === 6 ? u32(id) : u16(id, 0), time, u32(bytes.length, original), Buffer.from(bytes)));
  });
  return Buffer.concat(parts);
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}

function writer(littleEndian: boolean): (...values: number[]) => Buffer {
  return (...values) => {
    const view = new DataView(new ArrayBuffer(4 * values.length));
    for (const [i, value] of values.entries()) view.setUint32(4 * i, value, littleEndian);
    return Buffer.from(view.buffer);
  };
}

function writer16(littleEndian: boolean): (...values: number[]) => Buffer {
  return (...values) => {
    const view = new DataView(new ArrayBuffer(2 * values.length));
    for (const [i, value] of values.entries()) view.setUint16(2 * i, value, littleEndian);
    return Buffer.from(view.buffer);
  };
}
