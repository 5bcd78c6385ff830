#include "descriptors.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "system_error.h"

Descriptors::~Descriptors() {
  for (const int fd : open_) ::close(fd);
}

int Descriptors::add(int fd) {
  open_.insert(fd);
  return fd;
}

void Descriptors::close(int fd) {
  if (open_.erase(fd) > 0) ::close(fd);
}

Napi::Value openEventfd(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) throwSystemError(env, errno, "opening an eventfd");
  return Napi::Number::New(env, env.GetInstanceData<Descriptors>()->add(fd));
}

Napi::Value openTun(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string name = info[0].As<Napi::String>();
  const std::string operation = "opening the tun device " + name;
  ifreq request = {};
  if (name.empty() || name.size() >= sizeof request.ifr_name) throwSystemError(env, EINVAL, operation);
  memcpy(request.ifr_name, name.data(), name.size());
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  const int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) throwSystemError(env, errno, operation + ": /dev/net/tun");
  if (ioctl(fd, TUNSETIFF, &request) < 0) {
    const int error = errno;
    close(fd);
    throwSystemError(env, error, operation);
  }
  return Napi::Number::New(env, env.GetInstanceData<Descriptors>()->add(fd));
}

void closeDescriptor(const Napi::CallbackInfo& info) {
  info.Env().GetInstanceData<Descriptors>()->close(info[0].As<Napi::Number>().Int32Value());
}

void lock(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int fd = info[0].As<Napi::Number>().Int32Value();
  // flock() knows no time limit: try each millisecond.
  for (int left = info[1].As<Napi::Number>().Int32Value(); flock(fd, LOCK_EX | LOCK_NB) < 0; left--) {
    if (errno != EWOULDBLOCK && errno != EINTR) throwSystemError(env, errno, "locking shared memory");
    if (left <= 0) throwSystemError(env, ETIMEDOUT, "locking shared memory");
    const timespec pause = {0, 1000000};
    nanosleep(&pause, nullptr);
  }
}

void unlock(const Napi::CallbackInfo& info) {
  flock(info[0].As<Napi::Number>().Int32Value(), LOCK_UN);
}
