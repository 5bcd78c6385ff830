#include "watchdog.h"

#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

#include "errors.h"

// The kernel's calls, not the C library's: in older glibc, these are in another library (librt).

Napi::Function Watchdog::define(Napi::Env env) {
  return DefineClass(env, "Watchdog", {InstanceMethod<&Watchdog::renew>("renew"), InstanceMethod<&Watchdog::close>("close")});
}

Watchdog::Watchdog(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Watchdog>(info) {
  sigevent event = {};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGKILL;
  if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer_) < 0) {
    timer_ = -1;
    throwSystemError(info.Env(), errno, "creating a timer");
  }
}

Watchdog::~Watchdog() {
  remove();
}

void Watchdog::renew(const Napi::CallbackInfo& info) {
  const int64_t milliseconds = info[0].As<Napi::Number>().Int64Value();
  itimerspec when = {};
  when.it_value.tv_sec = milliseconds / 1000;
  when.it_value.tv_nsec = milliseconds % 1000 * 1000000;
  if (syscall(SYS_timer_settime, timer_, 0, &when, nullptr) < 0) throwSystemError(info.Env(), errno, "setting a timer");
}

void Watchdog::close(const Napi::CallbackInfo&) {
  remove();
}

void Watchdog::remove() {
  if (timer_ >= 0) syscall(SYS_timer_delete, timer_);
  timer_ = -1;
}
