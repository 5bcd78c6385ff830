#include "unix_datagram.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <string>

#include "descriptor.h"
#include "errors.h"

Napi::Value sendDatagram(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string address = info[0].As<Napi::String>();
  const std::string text = info[1].As<Napi::String>();

  sockaddr_un un = {};
  un.sun_family = AF_UNIX;
  // A path needs room for its final zero, an abstract name has its zero in front.
  if (address.size() >= sizeof un.sun_path) throwSystemError(env, ENAMETOOLONG, "naming");
  address.copy(un.sun_path, address.size());
  const bool isAbstract = !address.empty() && address[0] == '@';
  if (isAbstract) un.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size() + (isAbstract ? 0 : 1));

  // A new socket each time: a few a second at most, and the receiver may have been replaced.
  const Descriptor descriptor(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!descriptor.isOpen()) throwSystemError(env, errno, "opening");
  const auto* to = reinterpret_cast<const sockaddr*>(&un);
  if (sendto(descriptor.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL, to, length) < 0) throwSystemError(env, errno, "sending");
  return env.Undefined();
}
