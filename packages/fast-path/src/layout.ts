// The elements of the program's maps, as in program/maps.h: sizes and fields in 32-bit words, little-endian. The loader compares the sizes with those
// in the object.

/** No fwmark. */
export const NONE = 0xffffffff;

/** `struct verdict`, also a bucket: fwmark, counter. */
export const VERDICT_WORDS = 2;

/** `struct options` */
export const Option = {
  SctpByPorts: 0,
  UdpEncapPort: 1,
  QueuePings: 2,
  AsksPorts: 3,
  AsksSources: 4,
  PrefixMask: 5,
  BranchMask: 6,
  PrefixSeed: 7,
  BranchSeed: 8,
  CountersPerCpu: 9,
  NoTarget: 10,
  NoFlow: 12,
} as const;
export const OPTIONS_WORDS = 14;

/** A reference that leads to no place: a flow or, with {@link FINAL_REASON}, a reason. */
export const FINAL = 0x80000000;
export const FINAL_REASON = 0x40000000;
/** Flows and places that references can name. */
export const MAX_REFERENCE = 0x3fffffff;

/** `struct prefix`: address, tag, next. */
export const PREFIX_WORDS = 6;
export const PREFIX_TAG = 4;
export const PREFIX_NEXT = 5;

/** `struct prefix_length`: mask, tag, unused. */
export const LENGTH_WORDS = 6;
export const LENGTH_TAG = 4;
/** Prefix lengths of each kind of network. */
export const MAX_LENGTHS = 16;

/** `enum prefix_kind` */
export const PrefixKind = { Destination4: 0, Destination6: 1, Source4: 2, Source6: 3 } as const;
export type PrefixKind = (typeof PrefixKind)[keyof typeof PrefixKind];
export const PREFIX_KINDS = 4;

/** `struct port`: two classes of 16 bits, unused. */
export const PORT_WORDS = 2;
export const PORTS = 65536;

/** `enum field` */
export const Field = { Protocol: 0, DestinationPort: 1, SourcePort: 2, Source: 3 } as const;
export type Field = (typeof Field)[keyof typeof Field];

/** `struct place`: field, otherwise. */
export const PLACE_WORDS = 2;

/** `struct branch`: place, value, next, unused. */
export const BRANCH_WORDS = 4;
export const BRANCH_PLACE = 0;
export const BRANCH_VALUE = 1;
export const BRANCH_NEXT = 2;

/** `struct flow`: table, counter. */
export const FLOW_WORDS = 2;

/** `struct table`: first bucket, number of buckets. */
export const TABLE_WORDS = 2;
/** With the number of buckets: packets are hashed with the key before the first bucket. */
export const KEYED = 0x80000000;

/** `struct counter`: packets and octets, 64 bits each. */
export const COUNTER_WORDS = 4;

export type MapName = 'options' | 'prefixes' | 'lengths' | 'ports' | 'places' | 'branches' | 'flows' | 'tables' | 'buckets' | 'counters';

/** Words of an element, by map. */
export const ELEMENT_WORDS: Readonly<Record<MapName, number>> = {
  options: OPTIONS_WORDS,
  prefixes: PREFIX_WORDS,
  lengths: LENGTH_WORDS,
  ports: PORT_WORDS,
  places: PLACE_WORDS,
  branches: BRANCH_WORDS,
  flows: FLOW_WORDS,
  tables: TABLE_WORDS,
  buckets: VERDICT_WORDS,
  counters: COUNTER_WORDS,
};
