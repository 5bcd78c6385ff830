#pragma once
#include <stdint.h>

// The UDP payload of `send`, in host byte order since it never leaves the machine. 16 octets, so that it fits in an IPv6 packet of 64
// octets.
struct payload {
  uint32_t sequence;  // counts all packets of one sender
  uint32_t flow;
  uint64_t sent_ns;  // CLOCK_MONOTONIC
};

_Static_assert(sizeof(struct payload) == 16, "no padding");
