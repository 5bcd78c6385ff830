#include "mapping.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <mutex>

#include "system_error.h"

namespace {

struct Range {
  std::atomic<uintptr_t> begin{0};
  std::atomic<size_t> size{0};
};

// Somebody may cut a file short that we have mapped (C nfqlb's `init` over a table in use does), and then the kernel sends SIGBUS
// to whoever reads it: the load-balancer would die of another program's command. So the lost page is replaced by one of zeros,
// which no reader takes for a table. The handler may use nothing that locks: hence a fixed array of atomics.
std::array<Range, 256> ranges;
struct sigaction previous;

void replaceLostPage(int signal, siginfo_t* info, void* context) {
  const uintptr_t address = reinterpret_cast<uintptr_t>(info->si_addr);
  const uintptr_t page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  for (const Range& range : ranges) {
    const uintptr_t begin = range.begin.load();
    if (begin == 0 || address < begin || address >= begin + range.size.load()) continue;
    void* lost = reinterpret_cast<void*>(address & ~(page - 1));
    if (mmap(lost, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED) return;
  }
  // Not ours: let it be what it would have been.
  if ((previous.sa_flags & SA_SIGINFO) != 0 && previous.sa_sigaction != nullptr) {
    previous.sa_sigaction(signal, info, context);
  } else {
    sigaction(SIGBUS, &previous, nullptr);
  }
}

void guardAgainstLostPages() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction action = {};
    action.sa_sigaction = replaceLostPage;
    action.sa_flags = SA_SIGINFO;
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, &previous);
  });
}

void remember(void* begin, size_t size) {
  for (Range& range : ranges) {
    uintptr_t free = 0;
    if (range.size.load() != 0 || !range.begin.compare_exchange_strong(free, reinterpret_cast<uintptr_t>(begin))) continue;
    range.size.store(size);
    return;
  }
}

void forget(void* begin) {
  for (Range& range : ranges) {
    if (range.begin.load() != reinterpret_cast<uintptr_t>(begin)) continue;
    range.size.store(0);
    range.begin.store(0);
    return;
  }
}

}  // namespace

Napi::Value map(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int fd = info[0].As<Napi::Number>().Int32Value();
  const size_t size = static_cast<size_t>(info[1].As<Napi::Number>().Int64Value());
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) throwSystemError(env, errno, "mapping shared memory");
  guardAgainstLostPages();
  remember(memory, size);
  return Napi::ArrayBuffer::New(
      env, memory, size,
      [](Napi::BasicEnv, void* begin, size_t* length) {
        forget(begin);
        munmap(begin, *length);
        delete length;
      },
      new size_t(size));
}

void unmap(const Napi::CallbackInfo& info) {
  info[0].As<Napi::ArrayBuffer>().Detach();
}
