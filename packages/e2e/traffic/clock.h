#pragma once
// All namespaces of a machine share CLOCK_MONOTONIC, so a receiver can compute a packet's latency.

#include <stdint.h>
#include <time.h>

#define NS_PER_SECOND 1000000000ull

static inline uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

// A signal ends the sleep.
static inline void sleep_until_ns(uint64_t when) {
  struct timespec until = {.tv_sec = (time_t)(when / NS_PER_SECOND), .tv_nsec = (long)(when % NS_PER_SECOND)};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}
