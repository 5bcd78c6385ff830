#pragma once
// A datagram's IP fragments (RFC 791 section 2.3, RFC 8200 section 4.5).

#include <stddef.h>
#include <stdint.h>

#include "datagram.h"

// Maximum octets that a fragment's frame adds to the part of the packet it carries.
#define FRAGMENT_OVERHEAD 8

// How many fragments a datagram needs if each carries `octets` of its IP payload.
unsigned fragment_count(const struct datagram_shape *shape, unsigned octets);

// Writes fragment `index` of the packet in `frame` to `to`, another frame. Returns that frame's length.
size_t fragment_write(unsigned char *to, const unsigned char *frame, const struct datagram_shape *shape, unsigned octets, unsigned index,
                      uint32_t id);
