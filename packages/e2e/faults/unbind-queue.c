#include <arpa/inet.h>
#include <dirent.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "faults.h"

struct unbind {
  struct nlmsghdr header;
  struct nfgenmsg generic;
  struct nlattr attribute;
  struct nfqnl_msg_config_cmd command;
};

/// A queue can only be unbound through its own socket: so send the command through every netfilter socket of the process.
static int unbind_through(int socket, int queue) {
  int protocol = 0;
  socklen_t length = sizeof protocol;
  if (getsockopt(socket, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) < 0 || protocol != NETLINK_NETFILTER) return 0;
  int domain = 0;
  length = sizeof domain;
  if (getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &length) < 0 || domain != AF_NETLINK) return 0;
  struct unbind message = {
      .header = {.nlmsg_len = sizeof message,
                 .nlmsg_type = (NFNL_SUBSYS_QUEUE << 8) | NFQNL_MSG_CONFIG,
                 .nlmsg_flags = NLM_F_REQUEST},
      .generic = {.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0, .res_id = htons((uint16_t)queue)},
      .attribute = {.nla_len = sizeof message.attribute + sizeof message.command, .nla_type = NFQA_CFG_CMD},
      .command = {.command = NFQNL_CFG_CMD_UNBIND},
  };
  if (send(socket, &message, sizeof message, 0) < 0) fail("send");
  return 1;
}

void unbind_queue(pid_t process, int queue) {
  int handle = (int)syscall(SYS_pidfd_open, process, 0);
  if (handle < 0) fail("pidfd_open");
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/fd", process);
  DIR *descriptors = opendir(path);
  if (!descriptors) fail(path);
  int sent = 0;
  for (struct dirent *entry; (entry = readdir(descriptors));) {
    if (entry->d_name[0] == '.') continue;
    int copy = (int)syscall(SYS_pidfd_getfd, handle, atoi(entry->d_name), 0);
    if (copy < 0) continue;
    sent += unbind_through(copy, queue);
    close(copy);
  }
  closedir(descriptors);
  if (sent == 0) {
    fprintf(stderr, "faults: %d has no netfilter socket\n", process);
    exit(1);
  }
  done();
}
