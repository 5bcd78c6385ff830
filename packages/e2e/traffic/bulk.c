// `traffic bulk`: sends octets over one TCP connection to `echo` as fast as they are taken, then waits until all have arrived.

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "commands.h"
#include "endpoint.h"
#include "failure.h"
#include "options.h"

#define PIECE (64 << 10)

// A path that loses packets may take long to deliver what is in the socket's buffer, but not this long.
#define ANSWER_SECONDS 10

static void send_all(int fd, const char *octets, size_t length) {
  while (length > 0) {
    ssize_t sent = send(fd, octets, length, MSG_NOSIGNAL);
    if (sent < 0) system_failure("send");
    octets += sent;
    length -= (size_t)sent;
  }
}

int traffic_bulk(int argc, char *const argv[]) {
  static char piece[PIECE];
  const char *to = NULL;
  long to_port = 7, milliseconds = 1000;
  options_read(argc, argv,
               (const struct option_spec[]){
                   {"to", OPTION_TEXT, &to},
                   {"to-port", OPTION_NUMBER, &to_port},
                   {"milliseconds", OPTION_NUMBER, &milliseconds},
                   {0},
               });
  struct endpoint endpoint = endpoint_parse("to", option_required("to", to), (uint16_t)to_port);
  int fd = socket(endpoint_family(&endpoint), SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) system_failure("socket");
  struct timeval timeout = {.tv_sec = ANSWER_SECONDS};
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  if (connect(fd, (const struct sockaddr *)&endpoint.address, endpoint.length)) system_failure("connect to %s", to);

  uint64_t begin = now_ns(), end = begin + (uint64_t)milliseconds * (NS_PER_SECOND / 1000), octets = 0;
  for (; now_ns() < end; octets += sizeof piece) send_all(fd, piece, sizeof piece);
  // The answer to the only line comes when all before it has been read.
  send_all(fd, "\n", 1);
  char answer;
  if (recv(fd, &answer, 1, 0) != 1) system_failure("the last octets were not answered");
  printf("{\"octets\":%llu,\"seconds\":%.6f}\n", (unsigned long long)octets, (double)(now_ns() - begin) / NS_PER_SECOND);
  close(fd);
  return 0;
}
