#pragma once

#include <net/if.h>
#include <napi.h>

#include "descriptor.h"

/// A tun device: what is written to it arrives in the kernel as if from the network.
class Tun : public Napi::ObjectWrap<Tun> {
 public:
  static Napi::Function define(Napi::Env env);

  /// new Tun(name): a device that is there, or a new one, which goes when this is closed.
  explicit Tun(const Napi::CallbackInfo& info);

 private:
  Napi::Value fd(const Napi::CallbackInfo& info);
  Napi::Value created(const Napi::CallbackInfo& info);
  Napi::Value isUp(const Napi::CallbackInfo& info);
  Napi::Value mtu(const Napi::CallbackInfo& info);
  void setUp(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  /// Asks the kernel for something about the device; throws what it answers.
  void ask(Napi::Env env, unsigned long what, ifreq& request, const char* attempt) const;

  std::string name_;
  bool created_ = false;
  Descriptor device_;
};

/// writePacket(fd, bytes, at, length) → 0, or the errno. For every thread that knows the device's descriptor.
Napi::Value writePacket(const Napi::CallbackInfo& info);
