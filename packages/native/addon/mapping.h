#pragma once

#include <napi.h>

/// A file mapped into memory, exposed to JavaScript as an ArrayBuffer.
class Mapping : public Napi::ObjectWrap<Mapping> {
 public:
  static Napi::Function define(Napi::Env env);

  /// new Mapping(fd, size, writable). Writes to a non-writable mapping stay private to this process, instead of killing it.
  explicit Mapping(const Napi::CallbackInfo& info);
  void Finalize(Napi::Env env) override;

 private:
  class Pages;
  struct Owner;

  Napi::Value buffer(const Napi::CallbackInfo& info);
  Napi::Value damaged(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  /// Owned by the ArrayBuffer, which lives at least as long as this.
  Pages* pages_ = nullptr;
  /// Octets that are subtracted from V8's count.
  int64_t discounted_ = 0;
  Napi::Reference<Napi::ArrayBuffer> buffer_;
};

/// allocate(fd, size): sets the file's size to `size` octets and allocates their memory.
void allocate(const Napi::CallbackInfo& info);

/// lock(fd, milliseconds): takes an exclusive lock on the open file, which the kernel releases when the process dies.
void lock(const Napi::CallbackInfo& info);

/// unlock(fd)
void unlock(const Napi::CallbackInfo& info);
