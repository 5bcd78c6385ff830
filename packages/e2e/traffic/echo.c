// `traffic echo`: on each target, over UDP and TCP, answers every line (a datagram counts as one) with the target's number. Prints `ready`.
// UDP answers can be padded with blanks.

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "commands.h"
#include "failure.h"
#include "options.h"
#include "site.h"
#include "stop-signal.h"

#define DESCRIPTORS_MAX 8192

enum role { DATAGRAMS, LISTENER, CONNECTION };

static struct {
  enum role role;
  int target;
} descriptors[DESCRIPTORS_MAX];

static long udp_octets;

static void watch(int epoll, int fd, enum role role, int target) {
  if (fd >= DESCRIPTORS_MAX) {
    errno = EMFILE;
    system_failure("more than %d connections", DESCRIPTORS_MAX);
  }
  descriptors[fd].role = role;
  descriptors[fd].target = target;
  struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)) system_failure("epoll_ctl");
}

static void answer(int epoll, int fd) {
  static char text[65536];
  static char reply[65536];
  int length = snprintf(reply, sizeof reply, "%d\n", descriptors[fd].target);
  struct sockaddr_storage peer;
  socklen_t peer_length = sizeof peer;
  ssize_t got;
  switch (descriptors[fd].role) {
    case DATAGRAMS:
      // An error here can be an ICMP error for an earlier answer.
      got = recvfrom(fd, text, sizeof text, 0, (struct sockaddr *)&peer, &peer_length);
      if (udp_octets > length) {
        memset(reply + length, ' ', (size_t)(udp_octets - length));
        length = (int)udp_octets;
      }
      if (got >= 0) sendto(fd, reply, (size_t)length, 0, (struct sockaddr *)&peer, peer_length);
      break;
    case LISTENER: {
      int connection = accept(fd, NULL, NULL);
      if (connection >= 0) watch(epoll, connection, CONNECTION, descriptors[fd].target);
      break;
    }
    case CONNECTION:
      got = recv(fd, text, sizeof text, 0);
      if (got <= 0) {
        close(fd);
        break;
      }
      for (const char *line = text; (line = memchr(line, '\n', (size_t)(text + got - line))); line++) send(fd, reply, (size_t)length, MSG_NOSIGNAL);
      break;
  }
}

int traffic_echo(int argc, char *const argv[]) {
  struct texts at = {0};
  long port = 7;
  options_read(argc, argv,
               (const struct option_spec[]){
                   {"at", OPTION_TEXTS, &at},  // TARGET,NAMESPACE,ADDRESS
                   {"port", OPTION_NUMBER, &port},
                   {"udp-octets", OPTION_NUMBER, &udp_octets},  // minimum length of UDP answers
                   {0},
               });
  if (udp_octets < 0 || udp_octets > 65000) usage_error("--udp-octets=%ld: must be 0-65000", udp_octets);
  struct sites sites = sites_parse(&at, (uint16_t)port);
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  for (int i = 0; i < sites.count; i++) {
    const struct site *site = &sites.site[i];
    watch(epoll, site_socket(site, SOCK_DGRAM), DATAGRAMS, site->target);
    int listener = site_socket(site, SOCK_STREAM);
    if (listen(listener, SOMAXCONN)) system_failure("listen");
    watch(epoll, listener, LISTENER, site->target);
  }

  sigset_t unblocked = stop_signals(1);
  puts("ready");
  fflush(stdout);
  while (!stop_requested) {
    struct epoll_event events[64];
    int ready = epoll_pwait(epoll, events, 64, -1, &unblocked);
    for (int i = 0; i < ready; i++) answer(epoll, events[i].data.fd);
  }
  return 0;
}
