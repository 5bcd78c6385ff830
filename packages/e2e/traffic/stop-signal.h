#pragma once
// On SIGTERM and SIGINT the programs print their results and exit.

#include <signal.h>

// Set by the signal.
extern volatile sig_atomic_t stop_requested;

// The signals interrupt blocking system calls (EINTR). If `blocked` is set, they stay blocked, for ppoll(2) and similar calls.
// Returns the signal mask with the signals unblocked.
sigset_t stop_signals(int blocked);
