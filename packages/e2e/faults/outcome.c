#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "faults.h"

void fail(const char *what) {
  fprintf(stderr, "faults: %s: %s\n", what, strerror(errno));
  exit(1);
}

void done(void) {
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigprocmask(SIG_BLOCK, &stop, NULL);
  printf("done\n");
  fflush(stdout);
  int received;
  sigwait(&stop, &received);
}
