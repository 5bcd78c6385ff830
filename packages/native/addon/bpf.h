#pragma once

#include <napi.h>

/// bpf(command, attr, offsets, buffers): the system call. Addresses of buffers, which JavaScript does not have, are written into `attr`, each at its
/// offset. Returns what the call returns: a descriptor or 0.
Napi::Value bpf(const Napi::CallbackInfo& info);

/// interfaceIndex(name): in the network namespace of this thread.
Napi::Value interfaceIndex(const Napi::CallbackInfo& info);
