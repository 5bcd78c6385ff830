#pragma once
// Which of a sender's sequence numbers have been received.

#include <stdint.h>

struct sequences {
  uint8_t *bits;  // for all 2^32, mapped: only touched pages use memory
  uint64_t distinct;
  uint64_t duplicates;
  uint32_t highest;
};

struct sequences sequences_new(void);

void sequences_add(struct sequences *sequences, uint32_t sequence);

// Prints the gaps below the highest number as JSON, [[first,last],...], `most` gaps at most.
void sequences_print_gaps(const struct sequences *sequences, int most);
