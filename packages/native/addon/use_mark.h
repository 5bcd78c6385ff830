#pragma once

#include <napi.h>

// Programs that share /dev/shm, and nothing else, see each other by locks of a file. A user of it holds a read lock of one octet, far behind
// the file's end, whose offset says where the user is (the number of its network namespace). The kernel takes it back with the
// descriptor. These are locks of the open file (fcntl(2), F_OFD_SETLK): flock(2), which mapping.h has, does not see them.

/// markUse(fd, place)
void markUse(const Napi::CallbackInfo& info);

/// isUsedElsewhere(fd, place) → whether anybody of another place has marked it
Napi::Value isUsedElsewhere(const Napi::CallbackInfo& info);
