#pragma once

// What the program reads of a packet: the key of core's key/packet-key.ts.

#include <linux/bpf.h>

#include "maps.h"

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define ETH_P_8021Q 0x8100
#define ETH_P_8021AD 0x88a8

#define IPPROTO_HOPOPTS 0
#define IPPROTO_ICMP 1
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_ROUTING 43
#define IPPROTO_FRAGMENT 44
#define IPPROTO_ICMPV6 58
#define IPPROTO_DSTOPTS 60
#define IPPROTO_SCTP 132

/// VLAN tags in the frame to skip, besides one in the packet's metadata (IEEE 802.1Q-2022 §9.6).
#define MAX_VLAN_TAGS 2
/// IPv6 extension headers to read.
#define MAX_EXTENSIONS 8
/// The transport header must begin within this many octets. User space gets 512 from the queue, and what it cannot read it must drop.
#define MAX_HEADERS 256
/// Octets to make readable in each packet: Ethernet with two VLAN tags, IPv6 and ports. What is read beyond is there in practice, or goes to the queue.
#define LINEAR (14 + 8 + 40 + 8)

static long (*const load_bytes_relative)(const void *skb, __u32 offset, void *to, __u32 length, __u32 from) =
    (void *)BPF_FUNC_skb_load_bytes_relative;
static long (*const pull_data)(struct __sk_buff *skb, __u32 length) = (void *)BPF_FUNC_skb_pull_data;

/// Why a packet got its mark, or did not. As in src/fast-reason.ts.
enum reason {
  BALANCED,
  NO_TARGET,
  NO_FLOW,
  OTHER,
  FRAGMENT,
  ICMP_ERROR,
  SCTP_IN_UDP,
  MALFORMED,
  LONG_HEADERS,
  PING,
  BYTE_MATCH,
  UNFIT,
  NO_TARGET_DROP,
  NO_FLOW_DROP,
  FWMARK_ZERO,
  TRANSITION,
  /// Of the functions below: nothing is wrong with it.
  READABLE,
};

/// Words of a key.
enum { KEY_SOURCE = 0, KEY_DESTINATION = 4, KEY_ID = 8, KEY_PORTS = 9, KEY_WORDS = 10 };

struct packet {
  /// 40 octets: source and destination (IPv4 as ::ffff:a.b.c.d), echo id and protocol, ports.
  __u32 key[KEY_WORDS];
  __u32 is_ipv6;
  __u32 protocol;
  /// Of the IP header from the network header: VLAN tags are between them.
  __u32 ip;
  /// Of the transport header, and of the packet's end, from the IP header.
  __u32 transport;
  __u32 end;
  /// Of the whole packet.
  __u32 octets;
};

/// Octets 12 and 13 of the mapped form, before the IPv4 address (RFC 4291 §2.5.5.2), as a word of the key.
#define MAPPED 0xffff0000u

static inlined __u16 swap16(__u16 value) { return __builtin_bswap16(value); }

/// Some drivers leave headers in pages outside the linear part, where the helpers below do not read.
static inlined void make_readable(struct __sk_buff *skb) {
  const void *begin = (void *)(unsigned long)skb->data;
  const void *end = (void *)(unsigned long)skb->data_end;
  if (begin + LINEAR > end) pull_data(skb, skb->len < LINEAR ? skb->len : LINEAR);
}

/// Reads from the network header on, so it works for devices with and without Ethernet header. False if the packet is shorter.
static inlined int read(struct __sk_buff *skb, __u32 at, void *to, __u32 length) {
  return load_bytes_relative(skb, at, to, length, BPF_HDR_START_NET) == 0;
}

/// RFC 791 §3.1
struct ipv4_header {
  __u8 version_ihl;
  __u8 tos;
  __u16 total_length;
  __u16 identification;
  __u16 fragment;
  __u8 ttl;
  __u8 protocol;
  __u16 checksum;
  __u32 source;
  __u32 destination;
};

/// MF or an offset.
#define IPV4_FRAGMENT_MASK 0x3fff

/// RFC 8200 §3
struct ipv6_header {
  __u32 version;
  __u16 payload_length;
  __u8 next;
  __u8 hop_limit;
  __u32 source[4];
  __u32 destination[4];
};

/// A GRO packet above 64 kB has no room for its length in the header (BIG TCP): 0.
static inlined int is_big(struct __sk_buff *skb, __u16 length) { return length == 0 && skb->gso_size != 0; }

static inlined enum reason read_ipv4(struct __sk_buff *skb, struct packet *packet) {
  struct ipv4_header header;
  if (!read(skb, packet->ip, &header, sizeof header)) return MALFORMED;
  packet->key[KEY_SOURCE + 2] = MAPPED;
  packet->key[KEY_SOURCE + 3] = header.source;
  packet->key[KEY_DESTINATION + 2] = MAPPED;
  packet->key[KEY_DESTINATION + 3] = header.destination;
  packet->transport = (header.version_ihl & 0x0f) << 2;
  packet->protocol = header.protocol;
  // What follows the total length is padding of the link layer, which the kernel removes before the queue.
  packet->end = is_big(skb, header.total_length) ? skb->len : swap16(header.total_length);
  packet->octets = packet->end;
  if (header.version_ihl >> 4 != 4 || packet->transport < sizeof header || packet->end < packet->transport) return MALFORMED;
  return header.fragment & swap16(IPV4_FRAGMENT_MASK) ? FRAGMENT : READABLE;
}

static inlined enum reason read_ipv6(struct __sk_buff *skb, struct packet *packet) {
  struct ipv6_header header;
  if (!read(skb, packet->ip, &header, sizeof header)) return MALFORMED;
  packet->is_ipv6 = 1;
  __builtin_memcpy(&packet->key[KEY_SOURCE], header.source, sizeof header.source);
  __builtin_memcpy(&packet->key[KEY_DESTINATION], header.destination, sizeof header.destination);
  packet->protocol = header.next;
  packet->transport = sizeof header;
  packet->end = is_big(skb, header.payload_length) ? skb->len : sizeof header + swap16(header.payload_length);
  packet->octets = packet->end;
  return (header.version & 0xf0) == 0x60 ? READABLE : MALFORMED;
}

/// Addresses, protocol and lengths. READABLE also for neither IPv4 nor IPv6, with a protocol that nothing has: then `end` is 0.
static inlined enum reason read_ip(struct __sk_buff *skb, struct packet *packet) {
  __u16 type = swap16(skb->protocol);
#pragma unroll
  for (int i = 0; i < MAX_VLAN_TAGS; i++) {
    if (type != ETH_P_8021Q && type != ETH_P_8021AD) break;
    __u16 tag[2];
    if (!read(skb, packet->ip, tag, sizeof tag)) return OTHER;
    type = swap16(tag[1]);
    packet->ip += sizeof tag;
  }
  if (type == ETH_P_IP) return read_ipv4(skb, packet);
  return type == ETH_P_IPV6 ? read_ipv6(skb, packet) : OTHER;
}

/// Walks the extension headers that have their length in common units (RFC 8200 §4); AH, ESP and others end the walk, as protocols.
static inlined enum reason skip_extensions(struct __sk_buff *skb, struct packet *packet) {
  for (int i = 0; i <= MAX_EXTENSIONS; i++) {
    const __u32 next = packet->protocol;
    if (next == IPPROTO_FRAGMENT) return FRAGMENT;
    if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS) return READABLE;
    __u8 header[8];
    if (packet->transport > MAX_HEADERS) return LONG_HEADERS;
    if (packet->transport + sizeof header > packet->end || !read(skb, packet->ip + packet->transport, header, sizeof header)) return MALFORMED;
    packet->protocol = header[0];
    packet->transport += (header[1] + 1) << 3;
  }
  return LONG_HEADERS;
}

#define ICMP_ECHO 8
#define ICMPV6_ECHO_REQUEST 128

/// RFC 792: those that quote a packet.
static inlined int is_error(__u8 type) { return type == 3 || type == 4 || type == 5 || type == 11 || type == 12; }

/// RFC 4443 §3
static inlined int is_error_v6(__u8 type) { return type >= 1 && type <= 4; }

/// The ports, or the id of an echo request.
static inlined enum reason read_transport(struct __sk_buff *skb, struct packet *packet, const struct options *options) {
  const __u32 protocol = packet->protocol;
  const __u32 at = packet->ip + packet->transport;
  packet->key[KEY_ID] = protocol << 16;
  if (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP) {
    __u16 ports[2];
    if (packet->transport > MAX_HEADERS) return LONG_HEADERS;
    if (packet->transport + sizeof ports > packet->end || !read(skb, at, ports, sizeof ports)) return MALFORMED;
    if (protocol == IPPROTO_UDP && options->udp_encap_port != 0 && swap16(ports[1]) == options->udp_encap_port) return SCTP_IN_UDP;
    packet->key[KEY_PORTS] = ports[0] | (__u32)ports[1] << 16;
  } else if (protocol == (packet->is_ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP)) {
    __u8 header[8];
    if (packet->transport > MAX_HEADERS) return LONG_HEADERS;
    if (packet->transport + sizeof header > packet->end || !read(skb, at, header, sizeof header)) return MALFORMED;
    if (packet->is_ipv6 ? is_error_v6(header[0]) : is_error(header[0])) return ICMP_ERROR;
    if (header[0] == (packet->is_ipv6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO)) {
      if (options->queue_pings) return PING;
      packet->key[KEY_ID] |= header[4] | header[5] << 8;
    }
  }
  return READABLE;
}
