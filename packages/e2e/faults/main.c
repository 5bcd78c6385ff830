#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults.h"

int main(int count, char **words) {
  if (count == 3 && strcmp(words[1], "hold-worker") == 0) {
    hold_worker(atoi(words[2]));
  } else if (count == 4 && strcmp(words[1], "unbind-queue") == 0) {
    unbind_queue(atoi(words[2]), atoi(words[3]));
  } else if (count == 3 && strcmp(words[1], "fill-buffer") == 0) {
    fill_buffer(atoi(words[2]));
  } else {
    fprintf(stderr, "usage: faults hold-worker PID | faults unbind-queue PID QUEUE | faults fill-buffer PID\n");
    return 2;
  }
  return 0;
}
