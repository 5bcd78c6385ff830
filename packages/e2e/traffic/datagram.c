#include "datagram.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <string.h>

#define HOP_LIMIT 64

static size_t ip_header(int family) {
  return family == AF_INET ? sizeof(struct iphdr) : sizeof(struct ip6_hdr);
}

static size_t address_length(int family) {
  return family == AF_INET ? 4 : 16;
}

unsigned datagram_minimum(int family) {
  return (unsigned)(ip_header(family) + sizeof(struct udphdr) + sizeof(struct payload));
}

// RFC 1071, over words in network byte order; `octets` must be even.
static uint32_t add(uint32_t sum, const void *data, size_t octets) {
  const unsigned char *bytes = data;
  for (size_t i = 0; i < octets; i += 2) {
    uint16_t word;
    memcpy(&word, bytes + i, 2);
    sum += word;
  }
  return sum;
}

static uint16_t checksum(uint32_t sum) {
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)~sum;
}

static struct iphdr ipv4_header(const struct datagram_shape *shape) {
  struct iphdr ip = {
      .version = 4,
      .ihl = 5,
      .tot_len = htons(shape->length),
      .frag_off = htons(IP_DF),
      .ttl = HOP_LIMIT,
      .protocol = IPPROTO_UDP,
  };
  memcpy(&ip.daddr, shape->destination, 4);
  return ip;
}

struct datagram_flow datagram_flow(const struct datagram_shape *shape, const unsigned char *source, uint16_t source_port) {
  size_t octets = address_length(shape->family);
  struct datagram_flow flow = {.source_port = htons(source_port)};
  memcpy(flow.source, source, octets);

  // RFC 768 and RFC 8200 section 8.1: the pseudo-header, which also contains the length, and the UDP header.
  uint16_t length = htons((uint16_t)(shape->length - ip_header(shape->family)));
  uint16_t words[] = {length, htons(IPPROTO_UDP), flow.source_port, htons(shape->destination_port), length};
  flow.sum = add(add(add(0, source, octets), shape->destination, octets), words, sizeof words);

  if (shape->family == AF_INET) {
    struct iphdr ip = ipv4_header(shape);
    memcpy(&ip.saddr, source, 4);
    flow.header_checksum = checksum(add(0, &ip, sizeof ip));
  }
  return flow;
}

size_t datagram_prepare(unsigned char *frame, const struct link *link, const struct datagram_shape *shape) {
  size_t header = ip_header(shape->family);
  unsigned char *packet = frame + ETHERNET_HEADER;
  memset(packet, 0, shape->length);
  link_header(link, frame, shape->family == AF_INET ? ETHERTYPE_IP : ETHERTYPE_IPV6);
  if (shape->family == AF_INET) {
    struct iphdr ip = ipv4_header(shape);
    memcpy(packet, &ip, sizeof ip);
  } else {
    struct ip6_hdr ip = {
        .ip6_flow = htonl(6u << 28),
        .ip6_plen = htons((uint16_t)(shape->length - header)),
        .ip6_nxt = IPPROTO_UDP,
        .ip6_hlim = HOP_LIMIT,
    };
    memcpy(&ip.ip6_dst, shape->destination, 16);
    memcpy(packet, &ip, sizeof ip);
  }
  struct udphdr udp = {.dest = htons(shape->destination_port), .len = htons((uint16_t)(shape->length - header))};
  memcpy(packet + header, &udp, sizeof udp);
  return ETHERNET_HEADER + shape->length;
}

void datagram_fill(unsigned char *frame, const struct datagram_shape *shape, const struct datagram_flow *flow, struct payload payload) {
  unsigned char *packet = frame + ETHERNET_HEADER;
  unsigned char *udp = packet + ip_header(shape->family);
  if (shape->family == AF_INET) {
    memcpy(packet + offsetof(struct iphdr, check), &flow->header_checksum, 2);
    memcpy(packet + offsetof(struct iphdr, saddr), flow->source, 4);
  } else {
    memcpy(packet + offsetof(struct ip6_hdr, ip6_src), flow->source, 16);
  }
  uint16_t udp_checksum = checksum(add(flow->sum, &payload, sizeof payload));
  // RFC 768: 0 would mean no checksum.
  if (udp_checksum == 0) udp_checksum = 0xffff;
  memcpy(udp + offsetof(struct udphdr, source), &flow->source_port, 2);
  memcpy(udp + offsetof(struct udphdr, check), &udp_checksum, 2);
  memcpy(udp + sizeof(struct udphdr), &payload, sizeof payload);
}
