#include "fragment.h"

#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <string.h>

static size_t ip_header(int family) {
  return family == AF_INET ? sizeof(struct iphdr) : sizeof(struct ip6_hdr);
}

static uint16_t header_checksum(const struct iphdr *ip) {
  uint16_t words[sizeof *ip / 2];
  memcpy(words, ip, sizeof words);
  uint32_t sum = 0;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) sum += words[i];
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)~sum;
}

unsigned fragment_count(const struct datagram_shape *shape, unsigned octets) {
  unsigned data = (unsigned)(shape->length - ip_header(shape->family));
  return (data + octets - 1) / octets;
}

size_t fragment_write(unsigned char *to, const unsigned char *frame, const struct datagram_shape *shape, unsigned octets, unsigned index,
                      uint32_t id) {
  size_t header = ip_header(shape->family);
  const unsigned char *packet = frame + ETHERNET_HEADER;
  size_t offset = (size_t)index * octets;
  size_t left = shape->length - header - offset;
  int more = left > octets;
  size_t length = more ? octets : left;
  memcpy(to, frame, ETHERNET_HEADER + header);
  unsigned char *out = to + ETHERNET_HEADER;
  size_t extra = 0;
  if (shape->family == AF_INET) {
    struct iphdr ip;
    memcpy(&ip, packet, sizeof ip);
    ip.tot_len = htons((uint16_t)(header + length));
    ip.id = htons((uint16_t)id);
    ip.frag_off = htons((uint16_t)(offset / 8 | (more ? IP_MF : 0)));
    ip.check = 0;
    ip.check = header_checksum(&ip);
    memcpy(out, &ip, sizeof ip);
  } else {
    struct ip6_hdr ip;
    memcpy(&ip, packet, sizeof ip);
    struct ip6_frag fragment = {
        .ip6f_nxt = ip.ip6_nxt,
        .ip6f_offlg = htons((uint16_t)(offset | (more ? 1 : 0))),
        .ip6f_ident = htonl(id),
    };
    extra = sizeof fragment;
    ip.ip6_nxt = IPPROTO_FRAGMENT;
    ip.ip6_plen = htons((uint16_t)(extra + length));
    memcpy(out, &ip, sizeof ip);
    memcpy(out + header, &fragment, extra);
  }
  memcpy(out + header + extra, packet + header + offset, length);
  return ETHERNET_HEADER + header + extra + length;
}
