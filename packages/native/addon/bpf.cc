#include "bpf.h"

#include <net/if.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "errors.h"

Napi::Value bpf(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int command = info[0].As<Napi::Number>().Int32Value();
  Napi::Uint8Array attr = info[1].As<Napi::Uint8Array>();
  const Napi::Array offsets = info[2].As<Napi::Array>();
  const Napi::Array buffers = info[3].As<Napi::Array>();
  for (uint32_t i = 0; i < offsets.Length(); i++) {
    const size_t offset = offsets.Get(i).As<Napi::Number>().Uint32Value();
    const uint64_t address = reinterpret_cast<uintptr_t>(buffers.Get(i).As<Napi::Uint8Array>().Data());
    if (offset + sizeof address > attr.ByteLength()) throwSystemError(env, EINVAL, "passing a buffer");
    memcpy(attr.Data() + offset, &address, sizeof address);
  }
  long result = -1;
  // A signal interrupts loading a program (EAGAIN) or running it (EINTR).
  for (int attempt = 0; attempt < 5; attempt++) {
    result = syscall(SYS_bpf, command, attr.Data(), static_cast<unsigned>(attr.ByteLength()));
    if (result >= 0 || (errno != EINTR && errno != EAGAIN)) break;
  }
  if (result < 0) throwSystemError(env, errno, "bpf");
  return Napi::Number::New(env, static_cast<double>(result));
}

Napi::Value interfaceIndex(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string name = info[0].As<Napi::String>();
  const unsigned index = if_nametoindex(name.c_str());
  if (index == 0) throwSystemError(env, errno, "looking up the interface");
  return Napi::Number::New(env, index);
}
