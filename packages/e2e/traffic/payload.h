#pragma once
#include <stdint.h>

// What a packet of `send` carries from UDP's payload on, in host byte order: it never leaves the machine. 16 octets, so that an IPv6
// packet of 64 octets has room for it.
struct payload {
  uint32_t sequence;  // counts all packets of a sender
  uint32_t flow;
  uint64_t sent_ns;  // CLOCK_MONOTONIC
};

_Static_assert(sizeof(struct payload) == 16, "no padding");
