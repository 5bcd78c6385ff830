#pragma once
// A packet socket on one device, and the Ethernet header of the frames it sends.

#include <stdint.h>

#define ETHERNET_HEADER 14

struct link {
  int socket;
  unsigned char header[ETHERNET_HEADER];  // ethertype left 0
};

// `to_mac` is the next hop, since packet sockets do not resolve addresses. Frames bypass the queueing discipline.
struct link link_open(const char *device, const char *to_mac);

// Writes the Ethernet header with `ethertype` (host byte order).
void link_header(const struct link *link, unsigned char *frame, uint16_t ethertype);
