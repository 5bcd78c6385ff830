// `traffic ask`: opens connections (for UDP: sockets, each with its own source port) to `traffic echo`, sends one or more requests on each,
// and reports which targets answered.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "commands.h"
#include "endpoint.h"
#include "failure.h"
#include "options.h"
#include "site.h"
#include "stop-signal.h"

#define LONGEST_QUESTION 65000

struct connection {
  int fd;  // -1: broken
  int target;  // the first that answered; 0 = none yet
  int moved;  // a different target answered later
};

struct asker {
  int type;  // SOCK_STREAM or SOCK_DGRAM
  struct endpoint to, from;
  int has_from;
  long timeout_ms;
  char question[LONGEST_QUESTION];
  size_t question_length;
  unsigned long asked, answered, by_target[SITES_MAX + 1];
};

static void give_up(struct connection *connection) {
  close(connection->fd);
  connection->fd = -1;
}

static struct connection open_connection(const struct asker *asker) {
  struct connection connection = {.fd = socket(endpoint_family(&asker->to), asker->type, 0)};
  if (connection.fd < 0) system_failure("socket");
  // SO_SNDTIMEO limits connect(2) too.
  struct timeval timeout = {.tv_sec = asker->timeout_ms / 1000, .tv_usec = asker->timeout_ms % 1000 * 1000};
  setsockopt(connection.fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  setsockopt(connection.fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
  if (asker->has_from && bind(connection.fd, (const struct sockaddr *)&asker->from.address, asker->from.length)) system_failure("bind");
  if (connect(connection.fd, (const struct sockaddr *)&asker->to.address, asker->to.length)) give_up(&connection);
  return connection;
}

// An unanswered datagram does not break the connection: the next one may be answered. Only TCP connections break.
static void ask(struct asker *asker, struct connection *connection) {
  char answer[16];
  ssize_t got = -1;
  asker->asked++;
  if (connection->fd < 0) return;
  if (send(connection->fd, asker->question, asker->question_length, MSG_NOSIGNAL) == (ssize_t)asker->question_length) {
    // A signal to stop interrupts the wait, but the answer is still to come: otherwise it would be reported as missing.
    do got = recv(connection->fd, answer, sizeof answer - 1, 0);
    while (got < 0 && errno == EINTR);
  }
  if (got <= 0) {
    if (asker->type == SOCK_STREAM) give_up(connection);
    return;
  }
  answer[got] = '\0';
  int target = atoi(answer);
  if (target < 1 || target > SITES_MAX) return;
  asker->answered++;
  asker->by_target[target]++;
  if (connection->target == 0) connection->target = target;
  if (connection->target != target) connection->moved = 1;
}

static void print(const struct asker *asker, const struct connection *connections, long count) {
  long broken = 0, moved = 0;
  int targets = 0;
  for (long i = 0; i < count; i++) {
    broken += connections[i].fd < 0;
    moved += connections[i].moved;
  }
  for (int i = 1; i <= SITES_MAX; i++) {
    if (asker->by_target[i] > 0) targets = i;
  }
  printf("{\"asked\":%lu,\"answered\":%lu,\"broken\":%ld,\"moved\":%ld,\"byTarget\":[", asker->asked, asker->answered, broken, moved);
  for (int i = 1; i <= targets; i++) printf("%s%lu", i > 1 ? "," : "", asker->by_target[i]);
  printf("]}\n");
}

int traffic_ask(int argc, char *const argv[]) {
  const char *to = NULL, *from = NULL;
  long port = 7, count = 1, repeat = 1, interval_ms = 0, octets = 8;
  int udp = 0;
  static struct asker asker = {.timeout_ms = 1000};
  options_read(argc, argv,
               (const struct option_spec[]){
                   {"to", OPTION_TEXT, &to},
                   {"to-port", OPTION_NUMBER, &port},
                   {"from", OPTION_TEXT, &from},  // source address; default: the kernel's choice
                   {"udp", OPTION_FLAG, &udp},  // default: TCP
                   {"count", OPTION_NUMBER, &count},  // connections
                   {"repeat", OPTION_NUMBER, &repeat},  // requests on each, 0 = until SIGTERM
                   {"interval-ms", OPTION_NUMBER, &interval_ms},  // between rounds
                   {"timeout-ms", OPTION_NUMBER, &asker.timeout_ms},  // for connecting and for an answer
                   {"octets", OPTION_NUMBER, &octets},  // of a request; UDP above the MTU is fragmented
                   {0},
               });
  asker.type = udp ? SOCK_DGRAM : SOCK_STREAM;
  asker.to = endpoint_parse("to", option_required("to", to), (uint16_t)port);
  asker.has_from = from != NULL;
  if (from) asker.from = endpoint_parse("from", from, 0);
  if (from && asker.from.length != asker.to.length) usage_error("--from, --to: must be of the same family");
  if (octets < 1 || octets > LONGEST_QUESTION) usage_error("--octets=%ld: must be 1-%d", octets, LONGEST_QUESTION);
  if (count < 1) usage_error("--count=%ld: must be at least 1", count);
  memset(asker.question, '?', (size_t)octets - 1);
  asker.question[octets - 1] = '\n';
  asker.question_length = (size_t)octets;

  stop_signals(0);
  struct connection *connections = calloc((size_t)count, sizeof *connections);
  if (!connections) system_failure("%ld connections", count);
  for (long i = 0; i < count; i++) connections[i] = open_connection(&asker);
  for (long round = 0; (repeat == 0 || round < repeat) && !stop_requested; round++) {
    if (round > 0) sleep_until_ns(now_ns() + (uint64_t)interval_ms * 1000000);
    for (long i = 0; i < count && !stop_requested; i++) ask(&asker, &connections[i]);
  }
  print(&asker, connections, count);
  return 0;
}
