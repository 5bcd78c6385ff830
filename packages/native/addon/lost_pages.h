#pragma once

#include <atomic>
#include <cstddef>

// Somebody may cut a file short that we have mapped (C nfqlb's `init` over a table in use does), and then the kernel sends SIGBUS
// to whoever touches what is gone: the load-balancer would die of another program's command. So when a page of a mapping is lost, the whole of
// it becomes zeros, which no reader takes for a table; half of one, it might. (Wayland compositors treat their clients' buffers likewise.)

namespace lost_pages {

/// Replaces this mapping when a page of it gets lost; what it gives, until release(), tells whether one did. The first call of a process
/// installs the handler of SIGBUS. Null when there are too many mappings to guard.
const std::atomic<bool>* guard(void* begin, size_t size);

/// To be called before the mapping goes.
void release(void* begin);

}  // namespace lost_pages
