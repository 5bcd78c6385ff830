// `traffic connections`: short TCP connections to `echo`, several at a time: connect, one request, its answer, close. At a given rate, or as
// many as can be.

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "commands.h"
#include "endpoint.h"
#include "failure.h"
#include "histogram.h"
#include "options.h"
#include "stop-signal.h"

#define PARALLEL_MAX 1024

// Longer than the first retransmission of a SYN, 1 s (RFC 6298 §2.1), and of another one: one lost packet does not fail a connection.
#define TIMEOUT_NS (4 * NS_PER_SECOND)

// How often connections are looked through for those that take too long.
#define LOOK_NS (NS_PER_SECOND / 10)

struct connection {
  int fd;  // -1: none
  int asked;
  uint64_t begin_ns;
};

static struct {
  struct endpoint to, from;
  unsigned sources;
  int epoll;
  struct connection connection[PARALLEL_MAX];
  unsigned open;
  uint64_t begun, answered, failed;
  struct histogram latency;
} client;

// The next source address. A closed connection keeps its port for a minute (TIME-WAIT), so one address would soon have none left.
static void bind_next_source(int fd) {
  struct endpoint source = client.from;
  unsigned char address[16];
  endpoint_octets_after(&client.from, (unsigned)(client.begun % client.sources), address);
  if (endpoint_family(&source) == AF_INET) memcpy(&((struct sockaddr_in *)&source.address)->sin_addr, address, 4);
  else memcpy(&((struct sockaddr_in6 *)&source.address)->sin6_addr, address, 16);
  // The port is chosen on connecting: it need not be free for all destinations.
  int on = 1;
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  // IPv6 takes an address as one's own only if an interface has it; a local route is not enough.
  setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof on);
  if (bind(fd, (const struct sockaddr *)&source.address, source.length)) system_failure("bind");
}

static void finish(struct connection *connection, int answered) {
  if (answered) {
    client.answered++;
    histogram_add(&client.latency, now_ns() - connection->begin_ns);
  } else {
    client.failed++;
  }
  close(connection->fd);
  connection->fd = -1;
  client.open--;
}

static void begin(unsigned at) {
  struct connection *connection = &client.connection[at];
  int fd = socket(endpoint_family(&client.to), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) system_failure("socket");
  bind_next_source(fd);
  *connection = (struct connection){.fd = fd, .begin_ns = now_ns()};
  client.open++;
  client.begun++;
  if (connect(fd, (const struct sockaddr *)&client.to.address, client.to.length) && errno != EINPROGRESS) {
    finish(connection, 0);
    return;
  }
  struct epoll_event event = {.events = EPOLLOUT, .data.u32 = at};
  if (epoll_ctl(client.epoll, EPOLL_CTL_ADD, fd, &event)) system_failure("epoll_ctl");
}

static void advance(unsigned at) {
  struct connection *connection = &client.connection[at];
  if (!connection->asked) {
    // Fails if the connection was refused.
    if (send(connection->fd, "?\n", 2, MSG_NOSIGNAL) != 2) {
      finish(connection, 0);
      return;
    }
    connection->asked = 1;
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = at};
    if (epoll_ctl(client.epoll, EPOLL_CTL_MOD, connection->fd, &event)) system_failure("epoll_ctl");
    return;
  }
  char answer[16];
  ssize_t got = recv(connection->fd, answer, sizeof answer, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  finish(connection, got > 0);
}

static void give_up_late(unsigned parallel) {
  uint64_t now = now_ns();
  for (unsigned at = 0; at < parallel; at++) {
    struct connection *connection = &client.connection[at];
    if (connection->fd >= 0 && now - connection->begin_ns > TIMEOUT_NS) finish(connection, 0);
  }
}

// When the connection of that number is due, starting at 0.
static uint64_t due_ns(uint64_t start, uint64_t number, long rate) {
  return rate == 0 ? start : start + (uint64_t)((double)number * NS_PER_SECOND / (double)rate);
}

// Waits until something happens on a connection, at most until then. epoll_wait(2) itself counts in milliseconds.
static void wait_until_ns(uint64_t when) {
  uint64_t now = now_ns(), rest = when > now ? when - now : 0;
  struct pollfd epoll = {.fd = client.epoll, .events = POLLIN};
  struct timespec timeout = {.tv_sec = (time_t)(rest / NS_PER_SECOND), .tv_nsec = (long)(rest % NS_PER_SECOND)};
  if (ppoll(&epoll, 1, &timeout, NULL) <= 0) return;
  struct epoll_event events[64];
  int ready = epoll_wait(client.epoll, events, 64, 0);
  for (int i = 0; i < ready; i++) advance(events[i].data.u32);
}

static double percentile_us(double share) {
  return (double)histogram_percentile(&client.latency, share) / 1000;
}

int traffic_connections(int argc, char *const argv[]) {
  const char *to = NULL, *from = NULL;
  long to_port = 7, sources = 1, parallel = 64, rate = 0, milliseconds = 1000;
  options_read(argc, argv,
               (const struct option_spec[]){
                   {"to", OPTION_TEXT, &to},
                   {"to-port", OPTION_NUMBER, &to_port},
                   {"from", OPTION_TEXT, &from},  // first source address
                   {"sources", OPTION_NUMBER, &sources},  // number of consecutive addresses, used in turns
                   {"parallel", OPTION_NUMBER, &parallel},  // connections at a time, at most
                   {"rate", OPTION_NUMBER, &rate},  // connections/s; 0 = as many as can be
                   {"milliseconds", OPTION_NUMBER, &milliseconds},
                   {0},
               });
  client.to = endpoint_parse("to", option_required("to", to), (uint16_t)to_port);
  client.from = endpoint_parse("from", option_required("from", from), 0);
  if (client.from.length != client.to.length) usage_error("--from, --to: must be of the same family");
  if (parallel < 1 || parallel > PARALLEL_MAX) usage_error("--parallel=%ld: must be 1-%d", parallel, PARALLEL_MAX);
  if (sources < 1 || rate < 0 || milliseconds < 1) usage_error("--sources, --rate, --milliseconds: must be positive");
  client.sources = (unsigned)sources;
  for (unsigned at = 0; at < PARALLEL_MAX; at++) client.connection[at].fd = -1;
  client.epoll = epoll_create1(EPOLL_CLOEXEC);
  if (client.epoll < 0) system_failure("epoll_create1");

  stop_signals(0);
  // The default of 50 microseconds would begin connections in bursts.
  prctl(PR_SET_TIMERSLACK, 1);
  uint64_t start = now_ns(), end = start + (uint64_t)milliseconds * (NS_PER_SECOND / 1000), now, looked = start;
  unsigned next = 0;
  while ((now = now_ns()) < end ? !stop_requested : client.open > 0) {
    while (now < end && client.open < (unsigned)parallel && due_ns(start, client.begun, rate) <= now) {
      while (client.connection[next].fd >= 0) next = (next + 1) % (unsigned)parallel;
      begin(next);
    }
    uint64_t soon = now + LOOK_NS, due = due_ns(start, client.begun, rate);
    wait_until_ns(rate > 0 && now < end && client.open < (unsigned)parallel && due < soon ? due : soon);
    if (now - looked > LOOK_NS) {
      looked = now;
      give_up_late((unsigned)parallel);
    }
  }
  double seconds = (double)(end - start) / NS_PER_SECOND;
  printf("{\"begun\":%llu,\"answered\":%llu,\"failed\":%llu,\"seconds\":%.6f", (unsigned long long)client.begun,
         (unsigned long long)client.answered, (unsigned long long)client.failed, seconds);
  printf(",\"latency\":{\"p50\":%.3f,\"p90\":%.3f,\"p99\":%.3f,\"p999\":%.3f,\"longest\":%.3f}}\n", percentile_us(0.5), percentile_us(0.9),
         percentile_us(0.99), percentile_us(0.999), (double)client.latency.longest / 1000);
  return 0;
}
