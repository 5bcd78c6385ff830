#pragma once

#include <napi.h>

// Programs that share only /dev/shm see each other through locks on a file. A user of the file holds a read lock on one octet, far beyond
// the file's end, whose offset is the user's place (the number of its network namespace). The kernel releases the lock with the descriptor.
// These are open file description locks (fcntl(2), F_OFD_SETLK), independent of the flock(2) locks of mapping.h.

/// markUse(fd, place)
void markUse(const Napi::CallbackInfo& info);

/// isUsedElsewhere(fd, place) → whether anybody in another place has marked it
Napi::Value isUsedElsewhere(const Napi::CallbackInfo& info);
