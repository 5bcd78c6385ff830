#include "sigbus_guard.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <new>

namespace {

struct Range {
  std::atomic<uintptr_t> begin{0};
  std::atomic<size_t> size{0};
  std::atomic<bool> lost{false};
};

// The handler can run at any point in any thread: it may neither lock nor allocate. So ranges are kept in linked blocks of atomics that are
// never freed. Slots of closed mappings are reused.
struct Block {
  std::array<Range, 256> ranges;
  std::atomic<Block*> next{nullptr};
};

Block first;
std::mutex writers;
struct sigaction previous;
uintptr_t pageSize;

/// Returns the first range for which `use` returns true.
template <typename Use>
Range* find(Use use) {
  for (Block* block = &first; block != nullptr; block = block->next.load()) {
    for (Range& range : block->ranges) {
      if (use(range)) return &range;
    }
  }
  return nullptr;
}

Range* rangeOf(uintptr_t address) {
  return find([address](const Range& range) {
    const uintptr_t begin = range.begin.load();
    // The last page may extend beyond the size, and is lost as a whole; the next page belongs to another mapping.
    const size_t pages = (range.size.load() + pageSize - 1) & ~(pageSize - 1);
    return begin != 0 && address >= begin && address - begin < pages;
  });
}

void replaceLostMapping(int signal, siginfo_t* info, void* context) {
  const uintptr_t address = reinterpret_cast<uintptr_t>(info->si_addr);
  if (Range* const range = rangeOf(address)) {
    range->lost.store(true);
    void* begin = reinterpret_cast<void*>(range->begin.load());
    if (mmap(begin, range->size.load(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED) return;
  }
  // Not one of ours: do what would have happened without this handler.
  if ((previous.sa_flags & SA_SIGINFO) != 0) {
    previous.sa_sigaction(signal, info, context);
  } else {
    sigaction(SIGBUS, &previous, nullptr);
  }
}

/// The handler stays until the process ends; binding.gyp ensures that this code is never unloaded.
bool installHandler() {
  pageSize = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  struct sigaction action = {};
  action.sa_sigaction = replaceLostMapping;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  return sigaction(SIGBUS, &action, &previous) == 0;
}

/// A free slot; `writers` must be held.
Range* freeRange() {
  if (Range* const range = find([](const Range& range) { return range.begin.load() == 0; })) return range;
  Block* const block = new (std::nothrow) Block;
  if (block == nullptr) return nullptr;
  // Insert near the front, without following the links of the other blocks.
  block->next.store(first.next.load());
  first.next.store(block);
  return &block->ranges.front();
}

}  // namespace

const std::atomic<bool>* sigbus_guard::guard(void* begin, size_t size) {
  static const bool installed = installHandler();
  if (!installed) return nullptr;
  const std::lock_guard<std::mutex> lock(writers);
  Range* const range = freeRange();
  if (range == nullptr) return nullptr;
  range->lost.store(false);
  range->size.store(size);
  // Last: while this is 0, the handler ignores the rest.
  range->begin.store(reinterpret_cast<uintptr_t>(begin));
  return &range->lost;
}

void sigbus_guard::release(void* begin) {
  const std::lock_guard<std::mutex> lock(writers);
  Range* const range = find([begin](const Range& range) { return range.begin.load() == reinterpret_cast<uintptr_t>(begin); });
  if (range != nullptr) range->begin.store(0);
}
