#pragma once

#include <algorithm>
#include <cstdint>

/// How fast packets come, from those of about the last eight wake-ups.
class ArrivalRate {
 public:
  /// @param now milliseconds of a monotonic clock
  /// @param longest milliseconds; longer silences count as this long, or it would take many packets to forget them
  void add(uint32_t packets, double now, double longest) {
    constexpr double kKept = 0.875;
    packets_ = packets_ * kKept + packets;
    milliseconds_ = milliseconds_ * kKept + std::min(now - last_, longest);
    last_ = now;
  }

  /// How many packets are to be expected in this time.
  double within(long microseconds) const {
    return milliseconds_ > 0 ? packets_ / milliseconds_ * static_cast<double>(microseconds) / 1000 : 0;
  }

 private:
  double packets_ = 0;
  double milliseconds_ = 0;
  double last_ = 0;
};
