#include <linux/netlink.h>
#include <sys/socket.h>

#include "faults.h"

/// With room for this many octets: the kernel takes its minimum instead, which one message exceeds.
enum { NO_ROOM = 0 };

/// Like the program's own: 16,384 packets of 2 KiB.
enum { ROOM = 16384 * 2048 };

static void resize(int socket, int octets) {
  if (setsockopt(socket, SOL_SOCKET, SO_RCVBUFFORCE, &octets, sizeof octets) < 0) fail("SO_RCVBUFFORCE");
  // The program asks for none of these errors: here it gets them.
  int off = octets == ROOM;
  if (setsockopt(socket, SOL_NETLINK, NETLINK_NO_ENOBUFS, &off, sizeof off) < 0) fail("NETLINK_NO_ENOBUFS");
}

void fill_buffer(pid_t process) {
  each_netfilter_socket(process, resize, NO_ROOM);
  done();
  each_netfilter_socket(process, resize, ROOM);
}
