#include <dirent.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "faults.h"

static int option_of(int socket, int option) {
  int value = -1;
  socklen_t length = sizeof value;
  return getsockopt(socket, SOL_SOCKET, option, &value, &length) < 0 ? -1 : value;
}

void each_netfilter_socket(pid_t process, void (*use)(int socket, int argument), int argument) {
  int handle = (int)syscall(SYS_pidfd_open, process, 0);
  if (handle < 0) fail("pidfd_open");
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/fd", process);
  DIR *descriptors = opendir(path);
  if (!descriptors) fail(path);
  int used = 0;
  for (struct dirent *entry; (entry = readdir(descriptors));) {
    if (entry->d_name[0] == '.') continue;
    int copy = (int)syscall(SYS_pidfd_getfd, handle, atoi(entry->d_name), 0);
    if (copy < 0) continue;
    if (option_of(copy, SO_DOMAIN) == AF_NETLINK && option_of(copy, SO_PROTOCOL) == NETLINK_NETFILTER) {
      use(copy, argument);
      used++;
    }
    close(copy);
  }
  closedir(descriptors);
  close(handle);
  if (used == 0) {
    fprintf(stderr, "faults: %d has no netfilter socket\n", process);
    exit(1);
  }
}
