#pragma once

#include <napi.h>

#include "descriptor.h"

/// An eventfd, which ends a poll() that watches it.
class Wakeup : public Napi::ObjectWrap<Wakeup> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit Wakeup(const Napi::CallbackInfo& info);

 private:
  Napi::Value fd(const Napi::CallbackInfo& info);
  void signal(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  Descriptor eventfd_;
};
