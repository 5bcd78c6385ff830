#pragma once

#include <napi.h>

/// sendDatagram(address, text): one datagram to a unix socket, without waiting. `address` is a path, or an abstract name after `@`, as
/// in sd_notify(3)'s NOTIFY_SOCKET. Throws `EAGAIN` if the receiver's buffer is full.
Napi::Value sendDatagram(const Napi::CallbackInfo& info);
