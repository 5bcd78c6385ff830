// What can go wrong with a load balancer's process, done to it from outside. Each says "done" and lasts until the program is told to end.

#pragma once

#include <sys/types.h>

/// Stops one of its workers: a thread that waits in poll(2), as only workers do.
void hold_worker(pid_t process);

/// Unbinds an NFQUEUE, in the name of the process that listens to it.
void unbind_queue(pid_t process, int queue);

/// Says so, and waits for a signal.
void done(void);

/// Says what failed, with errno, and ends.
_Noreturn void fail(const char *what);
