// The fast path: decides whole packets at an interface's ingress as core's Balancer and FlowBalancer do, and sets their mark. All others keep mark 0,
// and a packet rule leads them to a queue.
//
// A packet to a VIP may come with a mark, of another program or of a tunnel. The queue would overwrite it; so does this program, and clears it of
// packets for the queue, whose rule wants mark 0. Packets to other destinations are left as they are, and so are programs after this one.
//
// The verifier must accept it from a user without CAP_PERFMON: no pointer is added to a variable. Hence helpers instead of packet pointers, array
// maps instead of arrays, and unrolled loops over the key.

#include <linux/bpf.h>

#include "headers.h"
#include "maps.h"

/// TCX_NEXT, and TC_ACT_UNSPEC of clsact: go on with the next program.
#define NEXT (-1)

static void *(*const map_lookup_elem)(void *map, const void *key) = (void *)BPF_FUNC_map_lookup_elem;
static __u32 (*const get_smp_processor_id)(void) = (void *)BPF_FUNC_get_smp_processor_id;

static inlined void *element(void *array, __u32 index) { return map_lookup_elem(array, &index); }

static inlined void count(const struct options *options, __u32 index, __u32 octets) {
  struct counter *counter = element(&counters, get_smp_processor_id() * options->counters_per_cpu + index);
  if (!counter) return;
  counter->packets++;
  counter->octets += octets;
}

/// As in src/decision/slots.ts.
static inlined __u32 mix(__u32 hash, __u32 word) {
  hash = (hash ^ word) * 0x9e3779b1;
  return hash ^ hash >> 15;
}

/// The second of the two slots where an entry can be.
static inlined __u32 second(__u32 hash) { return mix(hash, SECOND); }

static inlined int is_prefix(const struct prefix *prefix, __u32 tag, __u32 w0, __u32 w1, __u32 w2, __u32 w3) {
  return prefix && prefix->tag == tag && prefix->address[3] == w3 && prefix->address[2] == w2 && prefix->address[1] == w1 &&
         prefix->address[0] == w0;
}

/// The longest network of a kind that contains an address; its `next`, or 0.
static inlined __u32 find_prefix(const struct options *options, enum prefix_kind kind, const __u32 *address) {
  for (__u32 i = 0; i < MAX_LENGTHS; i++) {
    const struct prefix_length *length = element(&lengths, kind * MAX_LENGTHS + i);
    if (!length || length->tag == 0) return 0;
    const __u32 tag = length->tag;
    const __u32 w0 = address[0] & length->mask[0];
    const __u32 w1 = address[1] & length->mask[1];
    const __u32 w2 = address[2] & length->mask[2];
    const __u32 w3 = address[3] & length->mask[3];
    const __u32 hash = mix(mix(mix(mix(mix(options->prefix_seed, tag), w0), w1), w2), w3);
    const struct prefix *prefix = element(&prefixes, hash & options->prefix_mask);
    if (is_prefix(prefix, tag, w0, w1, w2, w3)) return prefix->next;
    prefix = element(&prefixes, second(hash) & options->prefix_mask);
    if (is_prefix(prefix, tag, w0, w1, w2, w3)) return prefix->next;
  }
  return 0;
}

/// Where the branch for a value leads to, or `otherwise`.
static inlined __u32 follow(const struct options *options, __u32 place, __u32 value, __u32 otherwise) {
  const __u32 hash = mix(mix(options->branch_seed, place), value);
  const struct branch *branch = element(&branches, hash & options->branch_mask);
  if (branch && branch->place == place && branch->value == value) return branch->next;
  branch = element(&branches, second(hash) & options->branch_mask);
  return branch && branch->place == place && branch->value == value ? branch->next : otherwise;
}

static inlined __u32 class_of(__u32 protocol) {
  if (protocol == IPPROTO_TCP) return CLASS_TCP;
  if (protocol == IPPROTO_UDP) return CLASS_UDP;
  return protocol == IPPROTO_SCTP ? CLASS_SCTP : CLASS_OTHER;
}

/// Goes from place to place. Returns a final reference.
static inlined __u32 find_final(const struct options *options, const struct packet *packet, __u32 at) {
  if (at & FINAL) return at;
  __u32 destination_port = 0;
  __u32 source_port = 0;
  __u32 source = 0;
  if (options->asks_ports) {
    const struct port *port = element(&ports, swap16(packet->key[KEY_PORTS] >> 16));
    if (port) destination_port = port->destination_class;
    port = element(&ports, swap16(packet->key[KEY_PORTS] & 0xffff));
    if (port) source_port = port->source_class;
  }
  if (options->asks_sources) source = find_prefix(options, packet->is_ipv6 ? SOURCE6 : SOURCE4, &packet->key[KEY_SOURCE]);
  for (__u32 i = 0; i < MAX_PLACES; i++) {
    const struct place *place = element(&places, at);
    if (!place) break;
    __u32 value = source;
    if (place->field == PROTOCOL) value = class_of(packet->protocol);
    else if (place->field == DESTINATION_PORT) value = destination_port;
    else if (place->field == SOURCE_PORT) value = source_port;
    at = follow(options, at, value, place->otherwise);
    if (at & FINAL) return at;
  }
  return FINAL | FINAL_REASON | UNFIT;
}

/// D. J. Bernstein's hash, four octets in each step, as in core's hash/djb2.ts. `begin` and `end` must be constants.
static inlined __u32 djb2(const __u32 *words, int begin, int end) {
  __u32 hash = 5381;
#pragma unroll
  for (int i = begin; i < end; i++) {
    const __u32 lanes = (words[i] & 0x00ff00ff) * 33 + (words[i] >> 8 & 0x00ff00ff);
    hash = hash * (33 * 33 * 33 * 33) + (lanes & 0xffff) * (33 * 33) + (lanes >> 16);
  }
  return hash;
}

struct half_siphash {
  __u32 v0;
  __u32 v1;
  __u32 v2;
  __u32 v3;
};

static inlined __u32 rotate(__u32 value, int bits) { return value << bits | value >> (32 - bits); }

static inlined void absorb(struct half_siphash *s, __u32 m) {
  s->v3 ^= m;
  s->v0 += s->v1;
  s->v1 = rotate(s->v1, 5) ^ s->v0;
  s->v0 = rotate(s->v0, 16);
  s->v2 += s->v3;
  s->v3 = rotate(s->v3, 8) ^ s->v2;
  s->v0 += s->v3;
  s->v3 = rotate(s->v3, 7) ^ s->v0;
  s->v2 += s->v1;
  s->v1 = rotate(s->v1, 13) ^ s->v2;
  s->v2 = rotate(s->v2, 16);
  s->v0 ^= m;
}

/// HalfSipHash-1-3 of the addresses, the ports, and the three octets of an echo id and the protocol, or of the ports alone: as `hashAllKeyed` and
/// `hashPortsKeyed` in core's key/packet-key.ts.
static inlined __u32 keyed_hash(const struct packet *packet, int ports_only, __u32 k0, __u32 k1) {
  const __u32 *key = packet->key;
  struct half_siphash s = {k0, k1, k0 ^ 0x6c796765, k1 ^ 0x74656462};
  if (ports_only) {
    absorb(&s, key[KEY_PORTS]);
    absorb(&s, 4u << 24);
  } else {
    if (packet->is_ipv6) {
#pragma unroll
      for (int i = KEY_SOURCE; i < KEY_ID; i++) absorb(&s, key[i]);
    } else {
      absorb(&s, key[KEY_SOURCE + 3]);
      absorb(&s, key[KEY_DESTINATION + 3]);
    }
    absorb(&s, key[KEY_PORTS]);
    absorb(&s, (key[KEY_ID] & 0xffffff) | (packet->is_ipv6 ? 39u : 15u) << 24);
  }
  s.v2 ^= 0xff;
#pragma unroll
  for (int i = 0; i < 3; i++) absorb(&s, 0);
  return s.v1 ^ s.v3;
}

/// Sets the mark, or clears it for the queue.
static inlined enum reason mark(struct __sk_buff *skb, const struct options *options, const struct packet *packet,
                                        struct verdict verdict, enum reason decided, enum reason dropped) {
  if (verdict.mark == NONE) return dropped;
  if (verdict.mark == 0) return FWMARK_ZERO;
  if (verdict.mark == WATCHED) return TRANSITION;
  skb->mark = verdict.mark;
  count(options, verdict.counter, packet->octets);
  return decided;
}

static inlined enum reason balance(struct __sk_buff *skb, const struct options *options, const struct packet *packet, __u32 found) {
  const struct flow *flow = element(&flows, found & FINAL_VALUE);
  if (!flow) return UNFIT;
  struct verdict verdict = {NONE, 0};
  const struct table *entry = element(&tables, flow->table);
  if (entry) {
    // One load each: user space replaces both words at once.
    const __u64 table = *(const volatile __u64 *)entry;
    const __u32 begin = table;
    const __u32 M = table >> 32 & ~KEYED;
    if (M != 0) {
      const int ports_only = options->sctp_by_ports && packet->protocol == IPPROTO_SCTP;
      __u32 hash;
      if (table >> 32 & KEYED) {
        const volatile __u64 *hash_key = element(&buckets, begin - 1);
        const __u64 both = hash_key ? *hash_key : 0;
        hash = keyed_hash(packet, ports_only, both, both >> 32);
      } else {
        hash = ports_only ? djb2(packet->key, KEY_PORTS, KEY_WORDS) : djb2(packet->key, 0, KEY_WORDS);
      }
      const volatile __u64 *bucket = element(&buckets, begin + hash % M);
      if (bucket) {
        const __u64 both = *bucket;
        verdict = (struct verdict){both, both >> 32};
      }
    }
  }
  enum reason reason = BALANCED;
  enum reason dropped = NO_TARGET_DROP;
  if (verdict.mark == NONE) {
    reason = NO_TARGET;
    verdict = options->no_target;
  }
  reason = mark(skb, options, packet, verdict, reason, dropped);
  if (reason <= NO_TARGET && flow->counter != NONE) count(options, flow->counter, packet->octets);
  return reason;
}

static inlined enum reason decide(struct __sk_buff *skb, const struct options *options, struct packet *packet) {
  enum reason reason = read_ip(skb, packet);
  if (reason == OTHER) return OTHER;
  const __u32 root = find_prefix(options, packet->is_ipv6 ? DESTINATION6 : DESTINATION4, &packet->key[KEY_DESTINATION]);
  if (root == 0) return OTHER;
  if (reason == READABLE && packet->is_ipv6) reason = skip_extensions(skb, packet);
  if (reason == READABLE) reason = read_transport(skb, packet, options);
  if (reason != READABLE) return reason;
  const __u32 found = find_final(options, packet, root);
  if (!(found & FINAL_REASON)) return balance(skb, options, packet, found);
  reason = found & FINAL_VALUE;
  return reason == NO_FLOW ? mark(skb, options, packet, options->no_flow, NO_FLOW, NO_FLOW_DROP) : reason;
}

int SECTION("tc") fast_path(struct __sk_buff *skb) {
  const struct options *all = element(&options, 0);
  if (!all) return NEXT;
  make_readable(skb);
  struct packet packet = {};
  const enum reason reason = decide(skb, all, &packet);
  if (reason > OTHER && skb->mark != 0) skb->mark = 0;
  count(all, reason, packet.octets);
  return NEXT;
}

const char SECTION("license") licence[] = "Apache-2.0";
