// Faults injected into a load balancer process from outside. Each prints "done" and lasts until this program is stopped.

#pragma once

#include <sys/types.h>

/// Stops one of its workers: a thread that waits in poll(2), which only workers do.
void hold_worker(pid_t process);

/// Unbinds an NFQUEUE on behalf of the process that listens to it.
void unbind_queue(pid_t process, int queue);

/// Prints "done" and waits for a signal.
void done(void);

/// Prints what failed, with errno, and exits.
_Noreturn void fail(const char *what);
