#pragma once

#include <napi.h>

// What Node's sockets cannot do: a fwmark (SO_MARK), raw sockets, and many short-lived sockets for little CPU time. Node reads, writes and closes
// the descriptors.

/// connectSocket(type, protocol, address, port, mark) → a non-blocking descriptor, whose connection is made or under way. `address` has 4 or 16
/// octets in network order; `mark` is 0 for none, and otherwise needs CAP_NET_ADMIN. TCP connections are reset on closing, and leave no
/// TIME-WAIT.
Napi::Value connectSocket(const Napi::CallbackInfo& info);

/// pollSockets(pollfds, count) → how many of the first `count` are ready; does not wait. `pollfds` is a Uint8Array of struct pollfd, poll(2).
Napi::Value pollSockets(const Napi::CallbackInfo& info);

/// socketError(fd) → the errno that is pending, 0 if none; clears it.
Napi::Value socketError(const Napi::CallbackInfo& info);
