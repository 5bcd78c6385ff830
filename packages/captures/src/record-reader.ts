import type { FrameReader } from './link-layer.js';

/** One frame of a capture, reused for every record. */
export class Frame {
  /** Offset of its captured octets in the buffer that the record was read from. */
  at = 0;
  /** Octets captured. */
  captured = 0;
  /** Octets on the wire. */
  original = 0;
  /** Capture time: seconds since 1970, and nanoseconds from 0 to 999,999,999. */
  seconds = 0;
  nanoseconds = 0;
  /** Finds the packet in it; `undefined` for a record that holds no frame. */
  reader: FrameReader | undefined = undefined;
}

/** Reads the records of one capture format. */
export interface RecordReader {
  /**
   * Reads the record at `bytes[at]`, and fills `frame` if the record is complete.
   *
   * @param end one past the last available octet
   * @returns octets that the record takes, or a lower bound: if that is more than `end - at`, call again once that many are available
   * @throws {@link RecordFault}
   */
  read(bytes: Uint8Array, at: number, end: number, frame: Frame): number;
}

/** An invalid or unsupported record. */
export class RecordFault extends Error {
  readonly code: 'corrupt' | 'link-type';

  constructor(code: 'corrupt' | 'link-type', message: string) {
    super(message);
    this.code = code;
  }
}

/** Reads a 32-bit number in the byte order of a capture. */
export type U32 = (bytes: Uint8Array, at: number) => number;

export const u32LittleEndian: U32 = (bytes, at) =>
  (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;

export const u32BigEndian: U32 = (bytes, at) =>
  ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
