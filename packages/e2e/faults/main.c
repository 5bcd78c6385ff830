#include <errno.h>
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
  printf("done\n");
  fflush(stdout);
  pause();
}

int main(int count, char **words) {
  if (count == 3 && strcmp(words[1], "hold-worker") == 0) {
    hold_worker(atoi(words[2]));
  } else if (count == 4 && strcmp(words[1], "unbind-queue") == 0) {
    unbind_queue(atoi(words[2]), atoi(words[3]));
  } else {
    fprintf(stderr, "usage: faults hold-worker PID | faults unbind-queue PID QUEUE\n");
    return 2;
  }
  return 0;
}
