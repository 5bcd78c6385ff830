#pragma once

#include <napi.h>
#include <sys/socket.h>

#include <cstdint>
#include <vector>

#include "arrival_rate.h"
#include "descriptor.h"

/// One NFQUEUE of the network namespace: its netlink socket, and the memory that packets are received into. See queue.ts for its methods.
class Queue : public Napi::ObjectWrap<Queue> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit Queue(const Napi::CallbackInfo& info);

 private:
  Napi::Value receive(const Napi::CallbackInfo& info);
  void settle(const Napi::CallbackInfo& info);
  void configure(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);
  Napi::Value fd(const Napi::CallbackInfo& info);
  Napi::Value errors(const Napi::CallbackInfo& info);
  Napi::Value malformed(const Napi::CallbackInfo& info);
  Napi::Value shortages(const Napi::CallbackInfo& info);

  void takeArrays(const Napi::Object& arrays);
  void adopt(Napi::Env env, int bound);
  void openSocket(Napi::Env env);
  void setReceiveBuffer(uint32_t length);
  void checkPermission(Napi::Env env);
  void bind(Napi::Env env, uint32_t length);
  uint32_t receiveAvailable(Napi::Env env);
  uint32_t poll(Napi::Env env, long microseconds);
  bool wait(Napi::Env env, int timeout);
  void gather(long linger);

  Descriptor socket_;
  Descriptor wakeup_;
  uint16_t queue_ = 0;
  uint32_t batch_ = 0;
  /// Octets of each packet that the kernel copies to us.
  uint32_t copyRange_ = 0;
  /// Packets of the last receive() that have no verdict yet.
  uint32_t unsettled_ = 0;

  ArrivalRate arrivals_;
  /// Whether packets keep coming, a few in the time of lingering.
  bool isSteady_ = false;
  /// Whether timers of this thread are exact.
  bool exact_ = false;

  /// Errors returned by the kernel.
  uint32_t errors_ = 0;
  /// Messages that could not be parsed.
  uint32_t malformed_ = 0;
  /// How often a system call found the kernel short of memory.
  uint32_t shortages_ = 0;

  // Memory of the JavaScript arrays, kept alive by the references.
  std::vector<Napi::ObjectReference> arrays_;
  uint8_t* bytes_ = nullptr;
  uint32_t* offset_ = nullptr;
  uint32_t* length_ = nullptr;
  uint16_t* etherType_ = nullptr;
  int32_t* mark_ = nullptr;
  double* clock_ = nullptr;
  /// What `clock_` has less than CLOCK_MONOTONIC, in milliseconds (machine-time.ts).
  double clockOffset_ = 0;

  /// Octets of `bytes_` for each message.
  size_t slotSize_ = 0;
  std::vector<iovec> slots_;
  std::vector<mmsghdr> messages_;
  std::vector<uint32_t> ids_;
  std::vector<uint8_t> verdicts_;
};
