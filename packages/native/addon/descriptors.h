#pragma once

#include <napi.h>

#include <set>

/// Descriptors that this addon opened for one environment (the main thread, a worker): closed when it ends.
class Descriptors {
 public:
  ~Descriptors();
  int add(int fd);
  /// Closes `fd` if it is one of these.
  void close(int fd);

 private:
  std::set<int> open_;
};

/// eventfd() → descriptor, non-blocking
Napi::Value openEventfd(const Napi::CallbackInfo& info);
/// openTun(name) → descriptor of the tun device, created or found
Napi::Value openTun(const Napi::CallbackInfo& info);
/// closeDescriptor(fd)
void closeDescriptor(const Napi::CallbackInfo& info);
/// lock(fd, milliseconds): an exclusive lock of the open file, which the kernel takes back when the process dies
void lock(const Napi::CallbackInfo& info);
/// unlock(fd)
void unlock(const Napi::CallbackInfo& info);
