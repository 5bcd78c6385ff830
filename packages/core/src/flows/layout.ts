// A compiled flow set, in one region of memory that is never changed once it is written. Words are 32 bits, little-endian:
//
//     | header                         |  below
//     | flow[flows]         16 words   |  what each asks for: bounds of its members in the sections behind (flow-records.ts)
//     | network4[]           2 words   |  IPv4 networks: address, mask
//     | network6[]           8 words   |  IPv6 networks: address, mask
//     | range[]              1 word    |  ports: the first, and in the upper half the last
//     | match[]              4 words   |  protocol, offset and length, mask, value
//     | prefix slots and lengths       |  the networks of all flows, to be found by address (prefix-table.ts)
//     | port classes, twice            |  destination and source ports (port-classes.ts)
//     | node[], child slots, entries   |  the tree (flow-tree.ts)
//     | names                          |  of flows and of targets
//
// The header has the first word of each section, and what is said of them all.

import { CoreError } from '../core-error.js';
import { IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP } from '../wire/protocol.js';

const MAGIC = 0x776f6c66; // "flow"
const VERSION = 1;

export const Header = {
  Magic: 0,
  Version: 1,
  /** Flows, those included that lead to others. */
  Flows: 2,
  /** Where the search begins, and where that for an echo request does (see flow-tree.ts, `Ref`). */
  Root: 3,
  PingRoot: 4,
  /** Nodes and leaves of the tree: no search has more of them before it at once. */
  Places: 5,
  Targets: 6,
  /** Slots of the two hash tables, less 1: what the sections have is rounded up. */
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
/** In the header: the first word of each section, and that after the last. */
const SECTION_BEGINS = 9;
/** A multiple of 16: records of 16 words begin where a cache line does. */
const HEADER_WORDS = 32;

/**
 * What a flow can ask of a packet. In one number: bits by field, and behind them, from {@link CLASSES_AT} on, the classes of protocols
 * that are asked for. So protocols are known wherever it is known what a flow asks.
 */
export const Field = { Destination: 0, Source: 1, DestinationPort: 2, SourcePort: 3, Protocol: 4, Match: 5 } as const;
export type Field = (typeof Field)[keyof typeof Field];

export const FIELDS = 0xff;
export const CLASSES_AT = 8;

/** A packet's protocol as flows tell them apart. */
export const ProtocolClass = { Tcp: 0, Udp: 1, Sctp: 2, Other: 3 } as const;
export type ProtocolClass = (typeof ProtocolClass)[keyof typeof ProtocolClass];

export function protocolClass(protocol: number): ProtocolClass {
  if (protocol === IPPROTO_TCP) return ProtocolClass.Tcp;
  if (protocol === IPPROTO_UDP) return ProtocolClass.Udp;
  return protocol === IPPROTO_SCTP ? ProtocolClass.Sctp : ProtocolClass.Other;
}

/**
 * Puts sections behind one another; `header` has what {@link Header} names, by its numbers.
 *
 * @param allocate gives memory of so many octets or more
 * @throws {@link CoreError} `out-of-memory`
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
 * @throws {@link CoreError} `not-a-table`
 */
export function wordsOf(memory: ArrayBufferLike): Int32Array {
  if (memory.byteLength >= 4 * HEADER_WORDS) {
    const words = new Int32Array(memory, 0, memory.byteLength >> 2);
    if (words[Header.Magic] === MAGIC && words[Header.Version] === VERSION) return words;
  }
  throw new CoreError('not-a-table', 'not a compiled flow set, or one of another version of this program');
}

/** The words of a section: as long as it was, and up to 15 zeros behind. */
export function sectionOf(words: Int32Array, section: Section): Int32Array {
  return words.subarray(words[SECTION_BEGINS + section], words[SECTION_BEGINS + section + 1]);
}

function memoryOf(length: number, allocate: (octets: number) => SharedArrayBuffer): SharedArrayBuffer {
  try {
    return allocate(length);
  } catch (cause) {
    throw new CoreError('out-of-memory', `compiled flows of ${length} octets are more than there is memory for`, { cause });
  }
}
