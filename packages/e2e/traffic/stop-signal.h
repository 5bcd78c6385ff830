#pragma once
// SIGTERM and SIGINT ask the programs to end in good order: to print what they have.

#include <signal.h>

// Set by the signal.
extern volatile sig_atomic_t stop_requested;

// System calls that wait are interrupted (EINTR). The signals stay blocked when `blocked` is set, for ppoll(2) and its like.
// Returns the signal mask that has them unblocked.
sigset_t stop_signals(int blocked);
