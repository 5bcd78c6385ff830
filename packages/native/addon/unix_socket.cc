#include "unix_socket.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <string>

#include "descriptor.h"
#include "errors.h"

namespace {

struct Address {
  sockaddr_un un = {};
  socklen_t length = 0;
};

// unix(7), "abstract": a zero, then the name; the address length tells where it ends.
Address abstractAddress(Napi::Env env, const std::string& name) {
  Address address;
  if (name.empty() || name.size() > sizeof address.un.sun_path - 1) throwSystemError(env, ENAMETOOLONG, "naming");
  address.un.sun_family = AF_UNIX;
  name.copy(address.un.sun_path + 1, name.size());
  address.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  return address;
}

Descriptor newSocket(Napi::Env env) {
  Descriptor descriptor(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!descriptor.isOpen()) throwSystemError(env, errno, "opening");
  return descriptor;
}

}  // namespace

Napi::Value listenAbstract(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Address address = abstractAddress(env, info[0].As<Napi::String>());
  Descriptor descriptor = newSocket(env);
  if (bind(descriptor.get(), reinterpret_cast<const sockaddr*>(&address.un), address.length) < 0) throwSystemError(env, errno, "binding");
  if (listen(descriptor.get(), info[1].As<Napi::Number>().Int32Value()) < 0) throwSystemError(env, errno, "listening");
  return Napi::Number::New(env, descriptor.release());
}

Napi::Value connectAbstract(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Address address = abstractAddress(env, info[0].As<Napi::String>());
  Descriptor descriptor = newSocket(env);
  // On a unix socket this completes at once, or fails with EAGAIN if the listener's backlog is full.
  if (connect(descriptor.get(), reinterpret_cast<const sockaddr*>(&address.un), address.length) < 0) throwSystemError(env, errno, "connecting");
  return Napi::Number::New(env, descriptor.release());
}
