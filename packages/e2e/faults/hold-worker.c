#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "faults.h"

/// Reads the name of the kernel function that a thread waits in.
static void read_wait(pid_t process, int thread, char *function, int size) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task/%d/wchan", process, thread);
  FILE *file = fopen(path, "r");
  function[0] = '\0';
  if (!file) return;
  if (!fgets(function, size, file)) function[0] = '\0';
  fclose(file);
}

static pid_t find_worker(pid_t process) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task", process);
  DIR *threads = opendir(path);
  if (!threads) fail(path);
  pid_t worker = 0;
  for (struct dirent *entry; (entry = readdir(threads));) {
    char function[64];
    if (entry->d_name[0] == '.') continue;
    int thread = atoi(entry->d_name);
    read_wait(process, thread, function, sizeof function);
    // The function of poll, not that of epoll.
    if (strncmp(function, "poll_schedule_timeout", 21) == 0 || strncmp(function, "do_poll", 7) == 0) worker = thread;
  }
  closedir(threads);
  return worker;
}

void hold_worker(pid_t process) {
  pid_t worker = find_worker(process);
  if (worker == 0) {
    fprintf(stderr, "faults: no thread of %d waits in poll\n", process);
    exit(1);
  }
  // A signal would stop all threads of the process.
  if (ptrace(PTRACE_SEIZE, worker, 0, 0) < 0) fail("PTRACE_SEIZE");
  if (ptrace(PTRACE_INTERRUPT, worker, 0, 0) < 0) fail("PTRACE_INTERRUPT");
  if (waitpid(worker, NULL, __WALL) != worker) fail("waitpid");
  // The kernel resumes it when we exit.
  done();
}
