#pragma once

#include <napi.h>

/// sendDescriptors(fd, text, descriptors): sends a short text over a unix socket, without waiting, and with it a copy of each descriptor
/// (unix(7), SCM_RIGHTS).
Napi::Value sendDescriptors(const Napi::CallbackInfo& info);

/// receiveDescriptors(fd, timeout in ms) → { text, descriptors }: what can be read after at most that long. The text is empty at the end of
/// the stream. The descriptors belong to the caller.
Napi::Value receiveDescriptors(const Napi::CallbackInfo& info);
