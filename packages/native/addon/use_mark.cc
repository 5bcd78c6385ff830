#include "use_mark.h"

#include <fcntl.h>

#include <cerrno>
#include <cstdint>

#include "errors.h"

namespace {

// Namespace numbers are 32-bit inodes.
constexpr off_t kBase = off_t{1} << 40;
constexpr off_t kPlaces = off_t{1} << 32;

bool isMarked(Napi::Env env, int fd, off_t begin, off_t length) {
  if (length == 0) return false;
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = kBase + begin;
  lock.l_len = length;
  if (fcntl(fd, F_OFD_GETLK, &lock) < 0) throwSystemError(env, errno, "looking for users");
  return lock.l_type != F_UNLCK;
}

}  // namespace

void markUse(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  struct flock lock = {};
  lock.l_type = F_RDLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = kBase + static_cast<uint32_t>(info[1].As<Napi::Number>().Int64Value());
  lock.l_len = 1;
  if (fcntl(info[0].As<Napi::Number>().Int32Value(), F_OFD_SETLK, &lock) < 0) throwSystemError(env, errno, "marking as used");
}

Napi::Value isUsedElsewhere(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int fd = info[0].As<Napi::Number>().Int32Value();
  const off_t place = static_cast<uint32_t>(info[1].As<Napi::Number>().Int64Value());
  return Napi::Boolean::New(env, isMarked(env, fd, 0, place) || isMarked(env, fd, place + 1, kPlaces - place - 1));
}
