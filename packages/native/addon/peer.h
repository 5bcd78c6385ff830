#pragma once

#include <napi.h>

/// peerCredentials(fd) → { pid, uid, gid, groups }: who connected this unix socket, or, at the client's end, who listens on it
/// (unix(7), SO_PEERCRED and SO_PEERGROUPS). `groups` are the supplementary ones.
Napi::Value peerCredentials(const Napi::CallbackInfo& info);
