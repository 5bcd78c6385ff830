// To Linux, capabilities are a thread's own: capset(2) and prctl(2) change those of the calling thread. Node has several threads before its first line of
// JavaScript, and each of them must call for itself. C libraries have the same to do for setuid(2) (glibc's nptl/setxid, musl's __synccall), and do it
// like this: a signal whose handler makes the calls.
//
// It is sent by number 33, which C libraries keep to themselves (glibc: for setuid; musl: for pthread_cancel, which Node does not use) and which
// pthread_sigmask(3) therefore never blocks. Node's thread that waits for debuggers blocks all others.

#include "privileges.h"

#include <dirent.h>
#include <linux/capability.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <string>
#include <vector>

#include "errors.h"

namespace {

constexpr int kSignal = 33;
/// Of the kernel's signal sets, in octets: 64 signals.
constexpr size_t kSetSize = 8;
/// Any thread gets its signal at once, unless the machine is out of CPU time.
constexpr int64_t kDeadlineNanoseconds = 5'000'000'000;

constexpr int kWaiting = -1;

std::mutex one;
std::atomic<uint64_t> kept;
/// Which thread is to answer, and what: 0, or an errno.
std::atomic<pid_t> asked;
std::atomic<int> answer;

/// For the calling thread. Only system calls: it runs in a signal handler. @returns 0, or an errno
int restrictThread() {
  const uint64_t keep = kept.load();
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> sets = {};
  if (syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_capget, &header, sets.data()) < 0) return errno;
  if ((sets[CAP_TO_INDEX(CAP_SETPCAP)].effective & CAP_TO_MASK(CAP_SETPCAP)) != 0) {
    // EINVAL behind the last one that this kernel knows.
    for (int capability = 0; capability < 64; capability++) {
      if ((keep >> capability & 1) != 0) continue;
      const auto isIn = syscall(SYS_prctl, PR_CAPBSET_READ, capability, 0, 0, 0);
      if (isIn < 0) break;
      if (isIn == 1 && syscall(SYS_prctl, PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) return errno;
    }
  }
  bool isMore = false;
  for (size_t i = 0; i < sets.size(); i++) {
    const auto half = static_cast<uint32_t>(keep >> (32 * i));
    isMore = isMore || ((sets[i].permitted | sets[i].effective | sets[i].inheritable) & ~half) != 0;
    sets[i].permitted &= half;
    sets[i].effective &= half;
    sets[i].inheritable &= half;
  }
  // The ambient set goes along: it has none that are not permitted. A filter of system calls may forbid this one to those that have nothing to give up.
  return isMore && syscall(SYS_capset, &header, sets.data()) < 0 ? errno : 0;
}

void restrictOnSignal(int) {
  const int before = errno;
  const int outcome = restrictThread();
  // One that was asked long ago, and given up, has nothing to say any more.
  if (asked.load() == static_cast<pid_t>(syscall(SYS_gettid))) {
    answer.store(outcome);
    syscall(SYS_futex, &answer, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  }
  errno = before;
}

int64_t now() {
  timespec time = {};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

/// The handler of a signal, in the kernel's own form, which is opaque here: the C library refuses to set that of kSignal, and only it knows what the
/// kernel needs to return from a handler.
using KernelAction = std::array<uint64_t, 8>;

long exchangeAction(int number, const KernelAction* action, KernelAction* before) {
  return syscall(SYS_rt_sigaction, number, action, before, kSetSize);
}

/// The handler in the kernel's form, made by setting it for a signal that nobody uses. @returns 0, or an errno
int makeAction(KernelAction& action) {
  struct sigaction ours = {};
  struct sigaction before = {};
  ours.sa_handler = restrictOnSignal;
  ours.sa_flags = SA_RESTART;
  sigfillset(&ours.sa_mask);
  if (sigaction(SIGRTMIN, &ours, &before) < 0) return errno;
  const int error = exchangeAction(SIGRTMIN, nullptr, &action) < 0 ? errno : 0;
  sigaction(SIGRTMIN, &before, nullptr);
  return error;
}

/// Threads of this process. @returns 0, or an errno
int readThreads(std::vector<pid_t>& threads) {
  DIR* const folder = opendir("/proc/self/task");
  if (folder == nullptr) return errno;
  threads.clear();
  while (const dirent* const entry = readdir(folder)) {
    if (entry->d_name[0] != '.') threads.push_back(static_cast<pid_t>(std::strtol(entry->d_name, nullptr, 10)));
  }
  closedir(folder);
  return 0;
}

/// @returns 0, also if the thread has ended; or an errno
int ask(pid_t thread) {
  const pid_t process = getpid();
  const int64_t begin = now();
  answer.store(kWaiting);
  asked.store(thread);
  if (syscall(SYS_tgkill, process, thread, kSignal) < 0) return errno == ESRCH ? 0 : errno;
  while (answer.load() == kWaiting) {
    const timespec while_ = {0, 1'000'000};
    syscall(SYS_futex, &answer, FUTEX_WAIT_PRIVATE, kWaiting, &while_, nullptr, 0);
    if (answer.load() != kWaiting) break;
    if (syscall(SYS_tgkill, process, thread, 0) < 0 && errno == ESRCH) return 0;
    if (now() - begin > kDeadlineNanoseconds) return ETIMEDOUT;
  }
  return answer.load();
}

/// @returns 0, or an errno
int askOthers() {
  const auto self = static_cast<pid_t>(syscall(SYS_gettid));
  std::vector<pid_t> done = {self};
  std::vector<pid_t> threads;
  // Until there is none that was not asked: a thread that had not been asked yet may have started others.
  for (bool isNew = true; isNew;) {
    isNew = false;
    if (const int error = readThreads(threads)) return error;
    for (const pid_t thread : threads) {
      if (std::find(done.begin(), done.end(), thread) != done.end()) continue;
      if (const int error = ask(thread)) return error;
      done.push_back(thread);
      isNew = true;
    }
  }
  return 0;
}

}  // namespace

void restrictPrivileges(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::lock_guard<std::mutex> lock(one);
  kept.store(uint64_t{info[0].As<Napi::Number>().Uint32Value()} | uint64_t{info[1].As<Napi::Number>().Uint32Value()} << 32);
  if (const int error = restrictThread()) throwSystemError(env, error, "giving up capabilities");
  KernelAction ours = {};
  KernelAction before = {};
  if (const int error = makeAction(ours)) throwSystemError(env, error, "preparing a signal");
  if (exchangeAction(kSignal, &ours, &before) < 0) throwSystemError(env, errno, "preparing a signal");
  const int error = askOthers();
  asked.store(0);
  // One that never answered may get its signal still, which without a handler would end the process.
  if (error != ETIMEDOUT) exchangeAction(kSignal, &before, nullptr);
  if (error != 0) throwSystemError(env, error, "giving up capabilities in all threads");
}
