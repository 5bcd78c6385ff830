// A fragment table in one region of memory that all workers share:
//
//     | three pools' headers                            |  extra entries, stored fragments, holes (item-pool.ts)
//     | hand, time, key             a cache line        |  next bucket to scan when something has run out, and time of the last scan; hash key
//     | entry[size + buckets]       16 words each       |  the buckets, and the extra entries for collisions
//     | fragment[fragments]          2 words each       |  stored fragments: next, length
//     | hole[holes]                  3 words each       |  (holes.ts)
//     | octets[fragments][mtu]                          |  the stored packets
//
// An entry:
//
//   0 | lock | next | state | last use | fwmark | list | source address (4 words) | destination (4) | id | protocol and ports |
//
// The lock of a bucket's first entry guards the bucket: that entry, the extra entries chained to it by `next`, and everything that belongs to
// them. While fragments are stored, `list` is the last of them, whose `next` is the first; later it is the first hole. The last word has the
// protocol in its lowest octet and, once the first fragment has come, what tells its ports from others (`portsOf` in fragment-table.ts) above.

import { HOLE_WORDS } from './holes.js';
import { POOL_HEADER } from './item-pool.js';

/** Words of an entry: one cache line. */
export const ENTRY_WORDS = 16;
export const LOCK = 0;
export const NEXT = 1;
export const STATE = 2;
export const LAST_USE = 3;
export const FWMARK = 4;
export const LIST = 5;
export const ADDRESSES = 6;
const ADDRESS_WORDS = 8;
export const ID: number = ADDRESSES + ADDRESS_WORDS;
export const PROTOCOL: number = ID + 1;

/** Word offsets from `hand`: time of the last scan, and the hash key. */
export const SCAVENGED_AT = 1;
export const KEY = 2;

/** Words of a stored fragment. */
export const FRAGMENT_WORDS = 2;
export const FRAGMENT_NEXT = 0;
export const FRAGMENT_LENGTH = 1;

export interface FragmentTableOptions {
  /** Buckets: about as many as datagrams in transit at a time. A prime spreads them best. */
  readonly size: number;
  /** Extra entries, for datagrams that share a bucket. */
  readonly buckets: number;
  /** Fragments that can be stored at a time; 0 if they cannot be reinjected. */
  readonly fragments: number;
  /** Maximum length of a stored fragment, in octets. */
  readonly mtu: number;
  /** How long a datagram's entry lives after its last use, in milliseconds. */
  readonly ttl: number;
  /** Holes to track the missing parts of datagrams; 0 to let all entries live until they expire. */
  readonly holes: number;
}

/** Offsets of the parts, and the total length, in octets. */
export interface FragmentTableLayout {
  readonly extraPool: number;
  readonly fragmentPool: number;
  readonly holePool: number;
  readonly hand: number;
  readonly entries: number;
  readonly fragments: number;
  readonly holes: number;
  readonly octets: number;
  readonly length: number;
}

export function layoutOf({ size, buckets, fragments, mtu, holes }: FragmentTableOptions): FragmentTableLayout {
  const WORD = Int32Array.BYTES_PER_ELEMENT;
  const parts = {
    extraPool: POOL_HEADER * WORD,
    fragmentPool: POOL_HEADER * WORD,
    holePool: POOL_HEADER * WORD,
    hand: ENTRY_WORDS * WORD,
    entries: (size + buckets) * ENTRY_WORDS * WORD,
    fragments: fragments * FRAGMENT_WORDS * WORD,
    holes: holes * HOLE_WORDS * WORD,
    octets: fragments * mtu,
  };
  let length = 0;
  const begin = (part: keyof typeof parts): number => {
    const at = length;
    length += parts[part];
    return at;
  };
  return {
    extraPool: begin('extraPool'),
    fragmentPool: begin('fragmentPool'),
    holePool: begin('holePool'),
    hand: begin('hand'),
    entries: begin('entries'),
    fragments: begin('fragments'),
    holes: begin('holes'),
    octets: begin('octets'),
    length,
  };
}
