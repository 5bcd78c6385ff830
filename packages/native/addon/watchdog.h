#pragma once

#include <napi.h>

/// A timer of the kernel's that kills this process (SIGKILL) unless it is renewed in time: also one that is stopped (SIGSTOP), frozen, or hangs.
class Watchdog : public Napi::ObjectWrap<Watchdog> {
 public:
  static Napi::Function define(Napi::Env env);

  /// new Watchdog(): it does not run yet.
  explicit Watchdog(const Napi::CallbackInfo& info);
  ~Watchdog() override;

 private:
  /// renew(milliseconds)
  void renew(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);
  void remove();

  /// The kernel's number of it; −1 without one.
  int timer_ = -1;
};
