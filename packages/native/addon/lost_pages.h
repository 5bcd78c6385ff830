#pragma once

#include <atomic>
#include <cstddef>

// Somebody may cut a file short that we have mapped (C nfqlb's `init` over a table in use does), and then the kernel sends SIGBUS
// to whoever touches what is gone: the load-balancer would die of another program's command. So a lost page is replaced by
// one of zeros, which no reader takes for a table. (Wayland compositors treat their clients' buffers in the same way.)

namespace lost_pages {

/// Replaces pages of this mapping when they get lost; what it gives, until release(), tells whether one did. The first call of a process
/// installs the handler of SIGBUS. Null when there are too many mappings to guard.
const std::atomic<bool>* guard(void* begin, size_t size);

/// To be called before the mapping goes.
void release(void* begin);

}  // namespace lost_pages
