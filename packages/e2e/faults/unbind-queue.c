#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include "faults.h"

struct unbind {
  struct nlmsghdr header;
  struct nfgenmsg generic;
  struct nlattr attribute;
  struct nfqnl_msg_config_cmd command;
};

static void unbind_through(int socket, int queue) {
  struct unbind message = {
      .header = {.nlmsg_len = sizeof message,
                 .nlmsg_type = (NFNL_SUBSYS_QUEUE << 8) | NFQNL_MSG_CONFIG,
                 .nlmsg_flags = NLM_F_REQUEST},
      .generic = {.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0, .res_id = htons((uint16_t)queue)},
      .attribute = {.nla_len = sizeof message.attribute + sizeof message.command, .nla_type = NFQA_CFG_CMD},
      .command = {.command = NFQNL_CFG_CMD_UNBIND},
  };
  if (send(socket, &message, sizeof message, 0) < 0) fail("send");
}

/// A queue can only be unbound through its own socket: so the command goes through every netfilter socket of the process.
void unbind_queue(pid_t process, int queue) {
  each_netfilter_socket(process, unbind_through, queue);
  done();
}
