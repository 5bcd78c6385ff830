#pragma once

#include <atomic>
#include <cstddef>

// A file that we have mapped may be truncated (C nfqlb's `init` does that to a table in use). Whoever touches a page that is gone gets SIGBUS
// from the kernel: another program's command would end the load balancer. So when a page of a guarded mapping is lost, the whole mapping is
// replaced by zeros, which no reader takes for a table; half a mapping it might. (Wayland compositors guard their clients' buffers likewise.)

namespace sigbus_guard {

/// Guards a mapping until release(). What it returns tells whether a page was lost. The first call in a process installs the SIGBUS handler.
/// Null when there is no memory to note the mapping.
const std::atomic<bool>* guard(void* begin, size_t size);

/// To be called before the mapping is unmapped.
void release(void* begin);

}  // namespace sigbus_guard
