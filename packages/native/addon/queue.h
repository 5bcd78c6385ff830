#pragma once

#include <napi.h>
#include <sys/socket.h>

#include <cstdint>
#include <vector>

/// One NFQUEUE of the network namespace: its netlink socket, and the memory that packets are received into. See queue.ts for
/// what its methods mean.
class Queue : public Napi::ObjectWrap<Queue> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit Queue(const Napi::CallbackInfo& info);
  ~Queue() override;

 private:
  Napi::Value receive(const Napi::CallbackInfo& info);
  void settle(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);
  Napi::Value errors(const Napi::CallbackInfo& info);

  void bind(Napi::Env env, uint32_t length, uint32_t copyRange);
  void growSocketBuffer(uint32_t length, uint32_t copyRange);
  int receiveAvailable(Napi::Env env);
  bool wait(Napi::Env env, int timeout, long linger);

  int fd_ = -1;
  int wakeup_ = -1;
  uint16_t queue_ = 0;
  /// Errors that the kernel answered, and messages that could not be read.
  uint32_t errors_ = 0;
  uint32_t batch_ = 0;
  size_t slot_ = 0;

  // Memory of the arrays that JavaScript sees, kept alive by the references.
  std::vector<Napi::ObjectReference> arrays_;
  uint8_t* bytes_ = nullptr;
  uint32_t* offset_ = nullptr;
  uint32_t* length_ = nullptr;
  uint16_t* etherType_ = nullptr;
  int32_t* mark_ = nullptr;

  std::vector<uint32_t> ids_;
  std::vector<mmsghdr> messages_;
  std::vector<iovec> slots_;
  std::vector<uint8_t> verdicts_;
};
