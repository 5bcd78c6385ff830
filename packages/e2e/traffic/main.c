// Traffic for the live tests and the benchmark. Every command prints one line of JSON when it ends.

#include <string.h>

#include "commands.h"
#include "failure.h"

static const struct {
  const char *name;
  int (*run)(int argc, char *const argv[]);
} commands[] = {
    {"send", traffic_send},  // sends UDP packets of many flows
    {"receive", traffic_receive},  // counts them on all targets at once
    {"inject", traffic_inject},  // sends the packets of a file unchanged
    {"echo", traffic_echo},  // answers over UDP and TCP with the target's number
    {"ask", traffic_ask},  // sends requests to `echo`
    {"arrivals", traffic_arrivals},  // counts packets at each target by connection
    {"bulk", traffic_bulk},  // sends many octets to `echo` over TCP
    {"connections", traffic_connections},  // opens many short TCP connections to `echo`
};

int main(int argc, char *argv[]) {
  if (argc < 2) usage_error("missing command: send, receive, inject, echo, ask, arrivals, bulk or connections");
  for (unsigned i = 0; i < sizeof commands / sizeof commands[0]; i++) {
    if (strcmp(argv[1], commands[i].name) == 0) return commands[i].run(argc - 2, argv + 2);
  }
  usage_error("%s: no such command; must be send, receive, inject, echo, ask, arrivals, bulk or connections", argv[1]);
}
