#pragma once

#include <napi.h>

/// A file mapped into memory, which JavaScript sees as an ArrayBuffer.
class Mapping : public Napi::ObjectWrap<Mapping> {
 public:
  static Napi::Function define(Napi::Env env);

  /// new Mapping(fd, size, writable). What is written to one that is not writable stays in this process, instead of ending it.
  explicit Mapping(const Napi::CallbackInfo& info);

 private:
  class Pages;

  Napi::Value buffer(const Napi::CallbackInfo& info);
  Napi::Value damaged(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  /// Belong to the ArrayBuffer, which may outlive this, and lives at least as long.
  Pages* pages_ = nullptr;
  Napi::Reference<Napi::ArrayBuffer> buffer_;
};

/// allocate(fd, size): makes the file of `size` octets and takes the memory for them.
void allocate(const Napi::CallbackInfo& info);

/// lock(fd, milliseconds): an exclusive lock of the open file, which the kernel takes back when the process dies.
void lock(const Napi::CallbackInfo& info);

/// unlock(fd)
void unlock(const Napi::CallbackInfo& info);
