#include "sequences.h"

#include <stdio.h>
#include <sys/mman.h>

#include "failure.h"

#define OCTETS (1ull << 29)

struct sequences sequences_new(void) {
  void *bits = mmap(NULL, OCTETS, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (bits == MAP_FAILED) system_failure("mmap");
  return (struct sequences){.bits = bits};
}

void sequences_add(struct sequences *sequences, uint32_t sequence) {
  uint8_t *octet = &sequences->bits[sequence >> 3], bit = (uint8_t)(1u << (sequence & 7));
  if (*octet & bit) {
    sequences->duplicates++;
    return;
  }
  *octet |= bit;
  sequences->distinct++;
  if (sequence > sequences->highest) sequences->highest = sequence;
}

static int has(const struct sequences *sequences, uint64_t sequence) {
  return sequences->bits[sequence >> 3] >> (sequence & 7) & 1;
}

void sequences_print_gaps(const struct sequences *sequences, int most) {
  printf("[");
  int printed = 0;
  // `highest` has been received, unless nothing has, so every gap ends before it.
  for (uint64_t at = 0; sequences->distinct > 0 && at < sequences->highest && printed < most; at++) {
    if (has(sequences, at)) continue;
    uint64_t first = at;
    while (!has(sequences, at)) at++;
    printf("%s[%llu,%llu]", printed++ ? "," : "", (unsigned long long)first, (unsigned long long)(at - 1));
  }
  printf("]");
}
