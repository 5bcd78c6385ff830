/**
 * A batch of packets in one region of memory, with their verdicts.
 *
 * Arrays of equal length instead of an object per packet, so that a source can fill them and a balancer can write verdicts without allocating
 * anything. Only the first `count` entries are valid, `count` being the result of {@link PacketSource.receive}.
 */
export interface PacketBatch {
  /** The region. The IP header of packet i is at `bytes[offset[i]]`. */
  readonly bytes: Uint8Array;
  /** Offset of packet i in `bytes`. */
  readonly offset: Uint32Array;
  /** Octets of packet i in the region: less than the length in its IP header if it was truncated. */
  readonly length: Uint32Array;
  /** EtherType of packet i, host byte order: 0x0800 or 0x86dd. */
  readonly etherType: Uint16Array;
  /** The verdict: a fwmark of 0 or more accepts packet i with that mark; a negative number ({@link DROP}, {@link STORED}) does not accept it. */
  readonly mark: Int32Array;
}

/** The packet is dropped. */
export const DROP = -1;

/** The packet was stored, to be reinjected later; the original is dropped. */
export const STORED = -2;
