#include "link.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "failure.h"

static void parse_mac(const char *text, unsigned char mac[6]) {
  char end;
  int read = sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%c", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4], &mac[5], &end);
  if (read != 6) usage_error("--to-mac=%s: must be written as 02:00:00:00:00:01", text);
}

struct link link_open(const char *device, const char *to_mac) {
  struct link link = {.socket = socket(AF_PACKET, SOCK_RAW, 0)};
  if (link.socket < 0) system_failure("packet socket");

  struct ifreq request = {0};
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", device);
  if (ioctl(link.socket, SIOCGIFHWADDR, &request)) system_failure("address of %s", device);
  parse_mac(to_mac, link.header);
  memcpy(link.header + 6, request.ifr_hwaddr.sa_data, 6);

  // Protocol 0: send only, the socket gets no copies of received packets.
  struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(device)};
  if (bind(link.socket, (struct sockaddr *)&address, sizeof address)) system_failure("bind to %s", device);
  int on = 1;
  if (setsockopt(link.socket, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on)) system_failure("PACKET_QDISC_BYPASS");
  return link;
}

void link_header(const struct link *link, unsigned char *frame, uint16_t ethertype) {
  memcpy(frame, link->header, ETHERNET_HEADER);
  frame[12] = (unsigned char)(ethertype >> 8);
  frame[13] = (unsigned char)ethertype;
}
