#include "scheduling.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <memory>

#include "errors.h"

namespace {

/// sched_setattr(2), which C libraries did not declare for long.
struct Attributes {
  uint32_t size;
  uint32_t policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime;  // nanoseconds
  uint64_t deadline;
  uint64_t period;
};

constexpr uint64_t kResetOnFork = 1;  // SCHED_FLAG_RESET_ON_FORK

void set(Napi::Env env, Attributes& attributes) {
  if (syscall(SYS_sched_setattr, 0, &attributes, 0) < 0) throwSystemError(env, errno, "scheduling");
}

}  // namespace

void setSlice(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Attributes attributes = {};
  if (syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) < 0) throwSystemError(env, errno, "reading how it is scheduled");
  attributes.runtime = static_cast<uint64_t>(info[0].As<Napi::Number>().Int64Value()) * 1000;
  set(env, attributes);
}

void setNice(const Napi::CallbackInfo& info) {
  // Of the thread, not of the process, contrary to POSIX (setpriority(2), "C library/kernel differences").
  const id_t thread = static_cast<id_t>(syscall(SYS_gettid));
  if (setpriority(PRIO_PROCESS, thread, info[0].As<Napi::Number>().Int32Value()) < 0) throwSystemError(info.Env(), errno, "setting the nice value");
}

void setRealTime(const Napi::CallbackInfo& info) {
  Attributes attributes = {};
  attributes.size = sizeof attributes;
  attributes.policy = SCHED_FIFO;
  attributes.flags = kResetOnFork;
  attributes.priority = info[0].As<Napi::Number>().Uint32Value();
  set(info.Env(), attributes);
}

void setCpus(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Napi::Array numbers = info[0].As<Napi::Array>();
  constexpr int kMostCpus = 8192;  // the most that Linux can be configured for
  const std::unique_ptr<cpu_set_t, void (*)(cpu_set_t*)> cpus(CPU_ALLOC(kMostCpus), [](cpu_set_t* set) { CPU_FREE(set); });
  const size_t size = CPU_ALLOC_SIZE(kMostCpus);
  CPU_ZERO_S(size, cpus.get());
  for (uint32_t i = 0; i < numbers.Length(); i++) CPU_SET_S(numbers.Get(i).As<Napi::Number>().Uint32Value(), size, cpus.get());
  if (sched_setaffinity(0, size, cpus.get()) < 0) throwSystemError(env, errno, "choosing its CPUs");
}
