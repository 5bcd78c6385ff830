// What JavaScript sees of this addon; binding.ts types it.

#include <napi.h>

#include <cstring>

#include "descriptors.h"
#include "mapping.h"
#include "netlink.h"
#include "queue.h"
#include "system_error.h"

void throwSystemError(Napi::Env env, int error, const std::string& operation) {
  const char* name = strerrorname_np(error);
  Napi::Error exception = Napi::Error::New(env, operation + ": " + strerror(error));
  exception.Set("code", Napi::String::New(env, name != nullptr ? name : "UNKNOWN"));
  exception.Set("operation", Napi::String::New(env, operation));
  throw exception;
}

static Napi::Object init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new Descriptors());
  exports.Set("Queue", Queue::define(env));
  exports.Set("packetOverhead", Napi::Number::New(env, netlink::kPacketOverhead));
  exports.Set("map", Napi::Function::New<map>(env, "map"));
  exports.Set("unmap", Napi::Function::New<unmap>(env, "unmap"));
  exports.Set("eventfd", Napi::Function::New<openEventfd>(env, "eventfd"));
  exports.Set("openTun", Napi::Function::New<openTun>(env, "openTun"));
  exports.Set("closeDescriptor", Napi::Function::New<closeDescriptor>(env, "closeDescriptor"));
  exports.Set("lock", Napi::Function::New<lock>(env, "lock"));
  exports.Set("unlock", Napi::Function::New<unlock>(env, "unlock"));
  return exports;
}

NODE_API_MODULE(nfqlb, init)
