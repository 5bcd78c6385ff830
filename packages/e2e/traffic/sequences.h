#pragma once
// Which of a sender's sequence numbers have come.

#include <stdint.h>

struct sequences {
  uint8_t *bits;  // of all 2^32, mapped: only what is touched takes memory
  uint64_t distinct;
  uint64_t duplicates;
  uint32_t highest;
};

struct sequences sequences_new(void);

void sequences_add(struct sequences *sequences, uint32_t sequence);

// Prints what is missing below the highest, as [[first,last],...] in JSON, the first `most` gaps only.
void sequences_print_gaps(const struct sequences *sequences, int most);
