// Faults injected into a load balancer process from outside. Each prints "done" and lasts until this program is stopped.

#pragma once

#include <sys/types.h>

/// Stops one of its workers: a thread that waits in poll(2), which only workers do.
void hold_worker(pid_t process);

/// Unbinds an NFQUEUE on behalf of the process that listens to it.
void unbind_queue(pid_t process, int queue);

/// Leaves the sockets of its queues no room, and has the kernel report that (ENOBUFS), until this program is stopped.
void fill_buffer(pid_t process);

/// Calls `use` with a copy of each netfilter socket of the process; exits if it has none.
void each_netfilter_socket(pid_t process, void (*use)(int socket, int argument), int argument);

/// Prints "done" and waits for a signal to stop.
void done(void);

/// Prints what failed, with errno, and exits.
_Noreturn void fail(const char *what);
