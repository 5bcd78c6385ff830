#include "lost_pages.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>

namespace {

struct Range {
  std::atomic<uintptr_t> begin{0};
  std::atomic<size_t> size{0};
  std::atomic<bool> lost{false};
};

// The handler may use nothing that locks: hence a fixed array of atomics. What does not fit in it goes without a guard.
std::array<Range, 256> ranges;
std::mutex writers;
struct sigaction previous;
uintptr_t pageSize;

Range* rangeOf(uintptr_t address) {
  for (Range& range : ranges) {
    const uintptr_t begin = range.begin.load();
    // The last page reaches beyond the size, and is lost as a whole.
    if (begin != 0 && address >= begin && address - begin < (range.size.load() | (pageSize - 1)) + 1) return &range;
  }
  return nullptr;
}

void replaceLostMapping(int signal, siginfo_t* info, void* context) {
  const uintptr_t address = reinterpret_cast<uintptr_t>(info->si_addr);
  if (Range* const range = rangeOf(address)) {
    range->lost.store(true);
    void* begin = reinterpret_cast<void*>(range->begin.load());
    if (mmap(begin, range->size.load(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED) return;
  }
  // Not ours: let it be what it would have been.
  if ((previous.sa_flags & SA_SIGINFO) != 0) {
    previous.sa_sigaction(signal, info, context);
  } else {
    sigaction(SIGBUS, &previous, nullptr);
  }
}

/// Stays until the process ends; binding.gyp sees to it that this code is never unloaded.
bool installHandler() {
  pageSize = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  struct sigaction action = {};
  action.sa_sigaction = replaceLostMapping;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  return sigaction(SIGBUS, &action, &previous) == 0;
}

}  // namespace

const std::atomic<bool>* lost_pages::guard(void* begin, size_t size) {
  static const bool installed = installHandler();
  if (!installed) return nullptr;
  const std::lock_guard<std::mutex> lock(writers);
  for (Range& range : ranges) {
    if (range.begin.load() != 0) continue;
    range.lost.store(false);
    range.size.store(size);
    range.begin.store(reinterpret_cast<uintptr_t>(begin));
    return &range.lost;
  }
  return nullptr;
}

void lost_pages::release(void* begin) {
  const std::lock_guard<std::mutex> lock(writers);
  for (Range& range : ranges) {
    if (range.begin.load() != reinterpret_cast<uintptr_t>(begin)) continue;
    range.begin.store(0);
    return;
  }
}
