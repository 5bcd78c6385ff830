#include "tun.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "errors.h"

Napi::Function Tun::define(Napi::Env env) {
  return DefineClass(env, "Tun",
                     {InstanceAccessor<&Tun::mtu>("mtu"), InstanceMethod<&Tun::write>("write"), InstanceMethod<&Tun::close>("close")});
}

namespace {

ifreq requestFor(const std::string& name) {
  ifreq request = {};
  name.copy(request.ifr_name, sizeof request.ifr_name - 1);
  return request;
}

}  // namespace

Tun::Tun(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Tun>(info), name_(info[0].As<Napi::String>()) {
  const Napi::Env env = info.Env();
  // The kernel would take the first 15 characters of a longer name.
  if (name_.empty() || name_.size() >= IFNAMSIZ) throwSystemError(env, ENAMETOOLONG, "opening");
  Descriptor device(open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (!device.isOpen()) throwSystemError(env, errno, "opening /dev/net/tun");
  ifreq request = requestFor(name_);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  if (ioctl(device.get(), TUNSETIFF, &request) < 0) throwSystemError(env, errno, "opening");
  device_ = std::move(device);
}

Napi::Value Tun::mtu(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  // Any socket will do: it stands for the network namespace.
  const Descriptor any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request = requestFor(name_);
  if (!any.isOpen() || ioctl(any.get(), SIOCGIFMTU, &request) < 0) throwSystemError(env, errno, "reading the MTU");
  return Napi::Number::New(env, request.ifr_mtu);
}

/// write(bytes, at, length) → 0, or the errno
Napi::Value Tun::write(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Napi::Uint8Array bytes = info[0].As<Napi::Uint8Array>();
  const uint32_t at = info[1].As<Napi::Number>().Uint32Value();
  const uint32_t length = info[2].As<Napi::Number>().Uint32Value();
  if (at > bytes.ByteLength() || length > bytes.ByteLength() - at) return Napi::Number::New(env, EFAULT);
  ssize_t written;
  do written = ::write(device_.get(), bytes.Data() + at, length);
  while (written < 0 && errno == EINTR);
  return Napi::Number::New(env, written < 0 ? errno : 0);
}

void Tun::close(const Napi::CallbackInfo&) {
  device_.close();
}
