/**
 * A batch of packets in one region of memory, and the answer for each.
 *
 * Arrays of one length instead of an object a packet: a source fills them and a balancer answers in them without
 * allocating anything. Only the first `count` entries mean something, `count` being what
 * {@link PacketSource.receive} gave.
 */
export interface PacketBatch {
  /** The region. Packet i begins with its IP header at `bytes[offset[i]]`. */
  readonly bytes: Uint8Array;
  /** Where packet i begins in `bytes`, in octets. */
  readonly offset: Uint32Array;
  /** How many octets of packet i are there; fewer than its IP header says where it was cut. */
  readonly length: Uint32Array;
  /** EtherType of packet i, host byte order: 0x0800 or 0x86dd. */
  readonly etherType: Uint16Array;
  /** The answer: a fwmark from 0 up accepts packet i with that mark, a negative number ({@link DROP}, {@link STORED}) does not. */
  readonly mark: Int32Array;
}

/** The packet is dropped. */
export const DROP = -1;

/** The packet was copied away to be sent again later; the original goes no further. */
export const STORED = -2;
