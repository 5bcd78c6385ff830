#include "stop-signal.h"

#include <stddef.h>

volatile sig_atomic_t stop_requested = 0;

static void request_stop(int signal) {
  (void)signal;
  stop_requested = 1;
}

sigset_t stop_signals(int blocked) {
  struct sigaction action = {.sa_handler = request_stop};
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  sigset_t both, unblocked;
  sigemptyset(&both);
  sigaddset(&both, SIGTERM);
  sigaddset(&both, SIGINT);
  sigprocmask(blocked ? SIG_BLOCK : SIG_UNBLOCK, &both, NULL);
  sigprocmask(SIG_SETMASK, NULL, &unblocked);
  sigdelset(&unblocked, SIGTERM);
  sigdelset(&unblocked, SIGINT);
  return unblocked;
}
