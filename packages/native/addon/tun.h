#pragma once

#include <napi.h>

#include "descriptor.h"

/// A tun device: what is written to it arrives in the kernel as if from the network.
class Tun : public Napi::ObjectWrap<Tun> {
 public:
  static Napi::Function define(Napi::Env env);

  /// new Tun(name): a device that is there, or a new one, which goes when this is closed.
  explicit Tun(const Napi::CallbackInfo& info);

 private:
  Napi::Value mtu(const Napi::CallbackInfo& info);
  Napi::Value write(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  std::string name_;
  Descriptor device_;
};
