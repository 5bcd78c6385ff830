#pragma once

#include <napi.h>

/// map(fd, size) → ArrayBuffer over the file, shared with every process that maps it. Unmapped when it is collected, when it
/// is detached by unmap(), or when the environment ends.
Napi::Value map(const Napi::CallbackInfo& info);

/// unmap(buffer): detaches it, so that no view of it reads anything any more.
void unmap(const Napi::CallbackInfo& info);
