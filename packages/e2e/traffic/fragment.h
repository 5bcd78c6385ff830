#pragma once
// A datagram's IP fragments (RFC 791 section 2.3, RFC 8200 section 4.5).

#include <stddef.h>
#include <stdint.h>

#include "datagram.h"

// Octets that a fragment's frame is longer than the part of the packet that it carries, at most.
#define FRAGMENT_OVERHEAD 8

// How many fragments a datagram takes when each carries `octets` of what follows its IP header.
unsigned fragment_count(const struct datagram_shape *shape, unsigned octets);

// Writes fragment `index` of the packet in `frame` to `to`, another frame. Returns that frame's length.
size_t fragment_write(unsigned char *to, const unsigned char *frame, const struct datagram_shape *shape, unsigned octets, unsigned index,
                      uint32_t id);
