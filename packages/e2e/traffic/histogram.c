#include "histogram.h"

#define FINE (1u << HISTOGRAM_FINENESS)

void histogram_add(struct histogram *histogram, uint64_t value) {
  // Below FINE each value has its own bucket; above, the leading bit and the next HISTOGRAM_FINENESS bits select the bucket.
  unsigned shift = value < FINE ? 0 : 63u - (unsigned)__builtin_clzll(value) - HISTOGRAM_FINENESS;
  unsigned at = value < FINE ? (unsigned)value : (shift << HISTOGRAM_FINENESS) + (unsigned)(value >> shift);
  histogram->bucket[at]++;
  histogram->count++;
  if (value > histogram->longest) histogram->longest = value;
}

uint64_t histogram_percentile(const struct histogram *histogram, double share) {
  uint64_t seen = 0;
  for (unsigned at = 0; at < HISTOGRAM_BUCKETS; at++) {
    seen += histogram->bucket[at];
    if (seen == 0 || (double)seen < share * (double)histogram->count) continue;
    if (at < 2 * FINE) return at;
    unsigned shift = (at >> HISTOGRAM_FINENESS) - 1;
    uint64_t highest = (((uint64_t)(at & (FINE - 1)) + FINE + 1) << shift) - 1;
    return highest < histogram->longest ? highest : histogram->longest;
  }
  return 0;
}
