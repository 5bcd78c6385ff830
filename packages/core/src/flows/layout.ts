// A compiled flow set: one region of memory, never changed once written. Words are 32 bits, little-endian:
//
//     | header                         |  see below
//     | flow[flows]         16 words   |  indexes of each flow's conditions in the sections that follow (flow-records.ts)
//     | network4[]           2 words   |  IPv4 networks: address, mask
//     | network6[]           8 words   |  IPv6 networks: address, mask
//     | range[]              1 word    |  ports: the first in the lower half, the last in the upper
//     | match[]              4 words   |  protocol, offset and length, mask, value
//     | prefix slots and lengths       |  hash table of all networks, for longest-prefix search (prefix-table.ts)
//     | port classes (two sections)    |  of destination ports, of source ports (port-classes.ts)
//     | node[], child slots, entries   |  the tree (flow-tree.ts)
//     | names                          |  of flows and of target tables
//
// The header holds the index of each section's first word, and totals.

import { CoreError } from '../core-error.js';
import { IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP } from '../wire/protocol.js';

const MAGIC = 0x776f6c66; // "flow"
const VERSION = 1;

export const Header = {
  Magic: 0,
  Version: 1,
  /** Number of flows, encapsulation flows included. */
  Flows: 2,
  /** Where a search begins, and where a search for an echo request begins (see flow-tree.ts, `Ref`). */
  Root: 3,
  PingRoot: 4,
  /** Number of nodes and leaves: the heap of a search never holds more. */
  Places: 5,
  Targets: 6,
  /** Number of slots − 1 of the two hash tables; the sections themselves are padded. */
  PrefixMask: 7,
  ChildMask: 8,
} as const;

/** Sections in their order in memory. */
export const Section = {
  Flow: 0,
  Network4: 1,
  Network6: 2,
  Range: 3,
  Match: 4,
  PrefixSlot: 5,
  PrefixLength: 6,
  DestinationClass: 7,
  SourceClass: 8,
  Node: 9,
  ChildSlot: 10,
  Entry: 11,
  Name: 12,
} as const;

type Section = (typeof Section)[keyof typeof Section];

const SECTIONS = Object.keys(Section).length;
/** In the header: the index of each section's first word, and the end of the last. */
const SECTION_BEGINS = 9;
/** A multiple of 16, so that records of 16 words are aligned to cache lines. */
const HEADER_WORDS = 32;

/**
 * The fields that flows have conditions on. A flow's conditions are one bit mask: a bit for each field, and from bit {@link CLASSES_AT} up
 * a bit for each protocol class that matches, so that the protocol can be checked without reading the flow's record.
 */
export const Field = { Destination: 0, Source: 1, DestinationPort: 2, SourcePort: 3, Protocol: 4, Match: 5 } as const;
export type Field = (typeof Field)[keyof typeof Field];

export const FIELDS = 0xff;
export const CLASSES_AT = 8;

/** The protocols that flows distinguish. */
export const ProtocolClass = { Tcp: 0, Udp: 1, Sctp: 2, Other: 3 } as const;
export type ProtocolClass = (typeof ProtocolClass)[keyof typeof ProtocolClass];

export function protocolClass(protocol: number): ProtocolClass {
  if (protocol === IPPROTO_TCP) return ProtocolClass.Tcp;
  if (protocol === IPPROTO_UDP) return ProtocolClass.Udp;
  return protocol === IPPROTO_SCTP ? ProtocolClass.Sctp : ProtocolClass.Other;
}

/**
 * Lays out header and sections in one region.
 *
 * @param header values by {@link Header} index
 * @param allocate returns memory of at least this many octets
 * @throws CoreError `out-of-memory`
 */
export function assemble(
  header: Readonly<Record<number, number>>,
  sections: Readonly<Record<Section, Int32Array>>,
  allocate: (octets: number) => SharedArrayBuffer,
): SharedArrayBuffer {
  const begins: number[] = [];
  let length = HEADER_WORDS;
  for (let section = 0; section < SECTIONS; section++) {
    begins.push(length);
    length = (length + sections[section as Section].length + 15) & ~15;
  }
  const words = new Int32Array(memoryOf(4 * length, allocate), 0, length);
  words.fill(0);
  for (const [at, value] of Object.entries(header)) words[Number(at)] = value;
  words[Header.Magic] = MAGIC;
  words[Header.Version] = VERSION;
  words.set([...begins, length], SECTION_BEGINS);
  begins.forEach((begin, section) => {
    words.set(sections[section as Section], begin);
  });
  return words.buffer as SharedArrayBuffer;
}

/**
 * The words of a compiled flow set.
 *
 * @throws CoreError `not-a-table`
 */
export function wordsOf(memory: ArrayBufferLike): Int32Array {
  if (memory.byteLength >= 4 * HEADER_WORDS) {
    const words = new Int32Array(memory, 0, memory.byteLength >> 2);
    if (words[Header.Magic] === MAGIC && words[Header.Version] === VERSION) return words;
  }
  throw new CoreError('not-a-table', 'not a compiled flow set, or compiled by another version of nfqlb');
}

/** The words of a section, with up to 15 zeros of padding at the end. */
export function sectionOf(words: Int32Array, section: Section): Int32Array {
  return words.subarray(words[SECTION_BEGINS + section], words[SECTION_BEGINS + section + 1]);
}

function memoryOf(length: number, allocate: (octets: number) => SharedArrayBuffer): SharedArrayBuffer {
  try {
    return allocate(length);
  } catch (cause) {
    throw new CoreError('out-of-memory', `not enough memory for the compiled flows: ${length} octets`, { cause });
  }
}
