#pragma once

#include <atomic>
#include <cstddef>

// A file that we have mapped may be truncated (C nfqlb's `init` does that to a table in use). Accessing a lost page raises SIGBUS: another
// program's command would kill the load balancer. So when a page of a guarded mapping is lost, the whole mapping is replaced by zeros,
// which no reader mistakes for a table, as it might half a mapping. (Wayland compositors guard their clients' buffers the same way.)

namespace sigbus_guard {

/// Guards a mapping until release(). Returns a flag that tells whether a page was lost, or null if there is no memory to record the
/// mapping. The first call in a process installs the SIGBUS handler.
const std::atomic<bool>* guard(void* begin, size_t size);

/// Call before unmapping the mapping.
void release(void* begin);

}  // namespace sigbus_guard
