#pragma once

#include <net/if.h>
#include <napi.h>

#include "descriptor.h"

/// A tun device: packets written to it arrive in the kernel as if from the network.
class Tun : public Napi::ObjectWrap<Tun> {
 public:
  static Napi::Function define(Napi::Env env);

  /// new Tun(name): opens an existing device, or creates one, which is removed on close.
  explicit Tun(const Napi::CallbackInfo& info);

 private:
  Napi::Value fd(const Napi::CallbackInfo& info);
  Napi::Value created(const Napi::CallbackInfo& info);
  Napi::Value isUp(const Napi::CallbackInfo& info);
  Napi::Value mtu(const Napi::CallbackInfo& info);
  void setUp(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  /// Sends a request about the device to the kernel; throws if it fails.
  void ask(Napi::Env env, unsigned long what, ifreq& request, const char* attempt) const;

  std::string name_;
  bool created_ = false;
  Descriptor device_;
};

/// Writes packets to a tun device that another thread has open. It has its own descriptor: the other thread may close its descriptor at any
/// time, and the kernel may reuse the number for another file.
class PacketWriter : public Napi::ObjectWrap<PacketWriter> {
 public:
  static Napi::Function define(Napi::Env env);

  /// new PacketWriter(fd of the device)
  explicit PacketWriter(const Napi::CallbackInfo& info);

 private:
  /// write(bytes, at, length) → 0, or the errno.
  Napi::Value write(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  Descriptor device_;
};
