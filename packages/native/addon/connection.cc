#include "connection.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "descriptor.h"
#include "errors.h"

namespace {

struct Endpoint {
  sockaddr_storage storage = {};
  socklen_t length = 0;
};

/// @param address 4 or 16 octets
Endpoint endpointOf(Napi::Env env, const Napi::Uint8Array& address, uint16_t port) {
  Endpoint endpoint;
  if (address.ByteLength() == sizeof(in_addr)) {
    sockaddr_in v4 = {};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, address.Data(), sizeof v4.sin_addr);
    std::memcpy(&endpoint.storage, &v4, sizeof v4);
    endpoint.length = sizeof v4;
  } else if (address.ByteLength() == sizeof(in6_addr)) {
    sockaddr_in6 v6 = {};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&v6.sin6_addr, address.Data(), sizeof v6.sin6_addr);
    std::memcpy(&endpoint.storage, &v6, sizeof v6);
    endpoint.length = sizeof v6;
  } else {
    throwSystemError(env, EINVAL, "reading the address");
  }
  return endpoint;
}

}  // namespace

Napi::Value connectSocket(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int type = info[0].As<Napi::Number>().Int32Value();
  const int protocol = info[1].As<Napi::Number>().Int32Value();
  const auto port = static_cast<uint16_t>(info[3].As<Napi::Number>().Uint32Value());
  const uint32_t mark = info[4].As<Napi::Number>().Uint32Value();
  // raw(7): the port of a raw socket's address must be 0, or the protocol.
  const Endpoint endpoint = endpointOf(env, info[2].As<Napi::Uint8Array>(), type == SOCK_RAW ? 0 : port);

  Descriptor descriptor(socket(endpoint.storage.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
  if (!descriptor.isOpen()) throwSystemError(env, errno, "opening a socket");
  if (mark != 0 && setsockopt(descriptor.get(), SOL_SOCKET, SO_MARK, &mark, sizeof mark) < 0) {
    throwSystemError(env, errno, "setting the fwmark");
  }
  const linger reset = {1, 0};
  if (type == SOCK_STREAM && setsockopt(descriptor.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset) < 0) {
    throwSystemError(env, errno, "setting how to close");
  }
  const auto* to = reinterpret_cast<const sockaddr*>(&endpoint.storage);
  if (connect(descriptor.get(), to, endpoint.length) < 0 && errno != EINPROGRESS) throwSystemError(env, errno, "connecting");
  return Napi::Number::New(env, descriptor.release());
}

Napi::Value pollSockets(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Napi::Uint8Array pollfds = info[0].As<Napi::Uint8Array>();
  const uint32_t count = info[1].As<Napi::Number>().Uint32Value();
  if (count > pollfds.ByteLength() / sizeof(pollfd) || reinterpret_cast<uintptr_t>(pollfds.Data()) % alignof(pollfd) != 0) {
    throwSystemError(env, EFAULT, "polling");
  }
  int ready;
  do ready = poll(reinterpret_cast<pollfd*>(pollfds.Data()), count, 0);
  while (ready < 0 && errno == EINTR);
  if (ready < 0) throwSystemError(env, errno, "polling");
  return Napi::Number::New(env, ready);
}

Napi::Value socketError(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  int error = 0;
  socklen_t length = sizeof error;
  if (getsockopt(info[0].As<Napi::Number>().Int32Value(), SOL_SOCKET, SO_ERROR, &error, &length) < 0) {
    throwSystemError(env, errno, "reading the pending error");
  }
  return Napi::Number::New(env, error);
}
