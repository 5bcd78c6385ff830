#pragma once
// UDP datagrams over IPv4 or IPv6 with valid checksums, cheap to generate in sequence.

#include <stddef.h>
#include <stdint.h>

#include "link.h"
#include "payload.h"

// Where datagrams come from. All fields are in network byte order.
struct datagram_flow {
  unsigned char source[16];
  uint16_t source_port;
  uint16_t header_checksum;  // of the IPv4 header
  uint32_t sum;  // of everything the UDP checksum covers except the payload
};

// What all datagrams of a sender have in common.
struct datagram_shape {
  int family;  // AF_INET or AF_INET6
  unsigned char destination[16];
  uint16_t destination_port;  // host byte order
  uint16_t length;  // of the whole IP packet, octets
};

// The shortest IP packet with a payload.
unsigned datagram_minimum(int family);

struct datagram_flow datagram_flow(const struct datagram_shape *shape, const unsigned char *source, uint16_t source_port);

// Writes the parts that are the same in all datagrams. Returns the frame's length.
size_t datagram_prepare(unsigned char *frame, const struct link *link, const struct datagram_shape *shape);

// Writes the rest.
void datagram_fill(unsigned char *frame, const struct datagram_shape *shape, const struct datagram_flow *flow, struct payload payload);
