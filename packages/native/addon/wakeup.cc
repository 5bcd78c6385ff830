#include "wakeup.h"

#include <sys/eventfd.h>

#include <cerrno>

#include "errors.h"

Napi::Function Wakeup::define(Napi::Env env) {
  return DefineClass(env, "Wakeup",
                     {InstanceAccessor<&Wakeup::fd>("fd"), InstanceMethod<&Wakeup::signal>("signal"),
                      InstanceMethod<&Wakeup::close>("close")});
}

Wakeup::Wakeup(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<Wakeup>(info), eventfd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!eventfd_.isOpen()) throwSystemError(info.Env(), errno, "creating an eventfd");
}

Napi::Value Wakeup::fd(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), eventfd_.get());
}

void Wakeup::signal(const Napi::CallbackInfo& info) {
  const uint64_t one = 1;
  // EAGAIN: the counter is at its maximum, because nobody has read it; so it is still signalled.
  if (write(eventfd_.get(), &one, sizeof one) < 0 && errno != EAGAIN) throwSystemError(info.Env(), errno, "signalling an eventfd");
}

void Wakeup::close(const Napi::CallbackInfo&) {
  eventfd_.close();
}
