#pragma once
// Durations, in buckets that grow with the value: 64 per doubling, so percentiles are accurate to 1.6 %.

#include <stdint.h>

#define HISTOGRAM_FINENESS 6
#define HISTOGRAM_BUCKETS ((64 - HISTOGRAM_FINENESS + 1) << HISTOGRAM_FINENESS)

struct histogram {
  uint64_t bucket[HISTOGRAM_BUCKETS];
  uint64_t count;
  uint64_t longest;
};

void histogram_add(struct histogram *histogram, uint64_t value);

// The value that `share` (0-1) of all values do not exceed; 0 if there are none.
uint64_t histogram_percentile(const struct histogram *histogram, double share);
