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

/// Writes packets to a tun device that another thread has open. It has a descriptor of its own: the other thread may close its one at any time,
/// and the kernel may give the same number to another file.
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
