#pragma once

// What user space and the program share. Each map is an array that user space maps and fills (BPF_F_MMAPABLE), so the kernel rounds an element up to a
// multiple of 8 octets; all structs here are such a multiple. src/layout.ts has the same layouts.

#include <linux/bpf.h>

/// A function that becomes part of its caller: the loader links no functions.
#define inlined inline __attribute__((always_inline))
#define SECTION(name) __attribute__((section(name), used))

/// What the loader reads from the section "maps"; it sets the number of entries.
struct map_definition {
  __u32 type;
  __u32 key_size;
  __u32 value_size;
  __u32 max_entries;
  __u32 flags;
};

#define ARRAY(name, element) \
  struct map_definition SECTION("maps") name = {BPF_MAP_TYPE_ARRAY, sizeof(__u32), sizeof(element), 0, BPF_F_MMAPABLE}

/// No fwmark: as −1 in core.
#define NONE 0xffffffffu
/// Of a bucket whose packets need a closer look: as −2 in core (`WATCHED`).
#define WATCHED 0xfffffffeu

/// A fwmark, and the counter of its packets. Also a bucket of a target table: aligned, so the program reads it as a whole.
struct verdict {
  __u32 mark;
  __u32 counter;
};

/// One element: what does not change while the program is loaded.
struct options {
  /// Hash mode 1: SCTP is hashed by its ports alone.
  __u32 sctp_by_ports;
  /// UDP port that carries SCTP, host byte order; 0 for none.
  __u32 udp_encap_port;
  /// Echo requests go to the queue (promiscuous ping).
  __u32 queue_pings;
  /// Whether any place asks for a port, for a source.
  __u32 asks_ports;
  __u32 asks_sources;
  /// Number of slots − 1 of the hash tables `prefixes` and `branches`, powers of two.
  __u32 prefix_mask;
  __u32 branch_mask;
  /// With these, each entry found room in one of its two slots.
  __u32 prefix_seed;
  __u32 branch_seed;
  /// Elements of `counters` of each CPU.
  __u32 counters_per_cpu;
  struct verdict no_target;
  struct verdict no_flow;
};
ARRAY(options, struct options);

// A decision is a way through places. It begins at the longest prefix of the packet's destination. Each place asks for one field: the branch for the
// packet's value, or else the place's `otherwise`, leads to the next place or is final.

/// A reference: the index of a place, or final: a flow, or a reason (program: enum reason).
#define FINAL 0x80000000u
#define FINAL_REASON 0x40000000u
#define FINAL_VALUE 0x3fffffffu

/// A slot of the hash table of all networks. Tag 0: free.
struct prefix {
  /// The network, as in a packet key.
  __u32 address[4];
  __u32 tag;
  /// Of a destination: a reference. Of a source: its number, from 1.
  __u32 next;
};
ARRAY(prefixes, struct prefix);

/// The prefix lengths to search for, longest first: MAX_LENGTHS for each kind of network. Tag 0: no more.
#define MAX_LENGTHS 16
struct prefix_length {
  __u32 mask[4];
  /// Kind and length in one number.
  __u32 tag;
  __u32 unused;
};
ARRAY(lengths, struct prefix_length);

/// The kinds of network.
enum prefix_kind { DESTINATION4, DESTINATION6, SOURCE4, SOURCE6 };

/// By port: which class of ports it is in, ports that no flow distinguishes.
struct port {
  __u16 destination_class;
  __u16 source_class;
  __u32 unused;
};
ARRAY(ports, struct port);

/// The fields that places ask for.
enum field { PROTOCOL, DESTINATION_PORT, SOURCE_PORT, SOURCE };

/// The values of PROTOCOL.
enum protocol_class { CLASS_TCP, CLASS_UDP, CLASS_SCTP, CLASS_OTHER };

struct place {
  __u32 field;
  __u32 otherwise;
};
ARRAY(places, struct place);

/// At most this many places on a way: one for each field.
#define MAX_PLACES 4

/// A slot of the hash table of all branches. Place 0: free.
struct branch {
  __u32 place;
  __u32 value;
  __u32 next;
  __u32 unused;
};
ARRAY(branches, struct branch);

/// Both hash tables are of the cuckoo kind: an entry is in one of two slots, so a search takes two steps at most. For the second slot.
#define SECOND 0x85ebca6b

struct flow {
  /// Index of its target table.
  __u32 table;
  /// NONE: not counted.
  __u32 counter;
};
ARRAY(flows, struct flow);

/// A target table: one word, which user space replaces as a whole. `buckets` 0: there is no such table. With KEYED, packets are hashed with a key: the
/// element of `buckets` before the table's first.
struct table {
  __u32 begin;
  __u32 buckets;
};
/// In `buckets`: more than any table has.
#define KEYED 0x80000000u
ARRAY(tables, struct table);

/// Of all tables, before each its hash key.
ARRAY(buckets, struct verdict);

/// For each CPU, which alone writes there: by reason, then by flow and by target.
struct counter {
  __u64 packets;
  __u64 octets;
};
ARRAY(counters, struct counter);
