#include "tun.h"

#include <fcntl.h>
#include <net/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "errors.h"

Napi::Function Tun::define(Napi::Env env) {
  return DefineClass(env, "Tun",
                     {InstanceAccessor<&Tun::fd>("fd"), InstanceAccessor<&Tun::created>("created"), InstanceAccessor<&Tun::isUp>("isUp"),
                      InstanceAccessor<&Tun::mtu>("mtu"), InstanceMethod<&Tun::setUp>("setUp"), InstanceMethod<&Tun::close>("close")});
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
  // The kernel would truncate a longer name to 15 characters.
  if (name_.empty() || name_.size() >= IFNAMSIZ) throwSystemError(env, ENAMETOOLONG, "opening");
  ifreq request = requestFor(name_);
  if (info[1].IsNumber()) {
    // Another process has opened it.
    Descriptor opened(fcntl(info[1].As<Napi::Number>().Int32Value(), F_DUPFD_CLOEXEC, 0));
    if (!opened.isOpen() || ioctl(opened.get(), TUNGETIFF, &request) < 0) throwSystemError(env, errno, "taking over");
    if (name_ != request.ifr_name) throwSystemError(env, ENODEV, "taking over");
    device_ = std::move(opened);
    return;
  }
  Descriptor device(open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (!device.isOpen()) throwSystemError(env, errno, "opening /dev/net/tun");
  created_ = if_nametoindex(name_.c_str()) == 0;
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  if (ioctl(device.get(), TUNSETIFF, &request) < 0) throwSystemError(env, errno, "opening");
  device_ = std::move(device);
}

void Tun::ask(Napi::Env env, unsigned long what, ifreq& request, const char* attempt) const {
  // Any socket will do: it only selects the network namespace.
  const Descriptor any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!any.isOpen() || ioctl(any.get(), what, &request) < 0) throwSystemError(env, errno, attempt);
}

Napi::Value Tun::fd(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), device_.get());
}

Napi::Value Tun::created(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), created_);
}

Napi::Value Tun::isUp(const Napi::CallbackInfo& info) {
  ifreq request = requestFor(name_);
  ask(info.Env(), SIOCGIFFLAGS, request, "reading the flags");
  return Napi::Boolean::New(info.Env(), (request.ifr_flags & IFF_UP) != 0);
}

Napi::Value Tun::mtu(const Napi::CallbackInfo& info) {
  ifreq request = requestFor(name_);
  ask(info.Env(), SIOCGIFMTU, request, "reading the MTU");
  return Napi::Number::New(info.Env(), request.ifr_mtu);
}

/// setUp(mtu)
void Tun::setUp(const Napi::CallbackInfo& info) {
  ifreq request = requestFor(name_);
  request.ifr_mtu = info[0].As<Napi::Number>().Int32Value();
  ask(info.Env(), SIOCSIFMTU, request, "setting the MTU");
  request = requestFor(name_);
  ask(info.Env(), SIOCGIFFLAGS, request, "reading the flags");
  request.ifr_flags |= IFF_UP;
  ask(info.Env(), SIOCSIFFLAGS, request, "bringing it up");
}

Napi::Function PacketWriter::define(Napi::Env env) {
  return DefineClass(env, "PacketWriter", {InstanceMethod<&PacketWriter::write>("write"), InstanceMethod<&PacketWriter::close>("close")});
}

PacketWriter::PacketWriter(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<PacketWriter>(info), device_(fcntl(info[0].As<Napi::Number>().Int32Value(), F_DUPFD_CLOEXEC, 0)) {
  if (!device_.isOpen()) throwSystemError(info.Env(), errno, "duplicating the device descriptor");
}

void PacketWriter::close(const Napi::CallbackInfo&) {
  device_.close();
}

Napi::Value PacketWriter::write(const Napi::CallbackInfo& info) {
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
