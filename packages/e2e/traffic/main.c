// Traffic for the live tests and the benchmark. Every command prints one line of JSON when it ends.

#include <string.h>

#include "commands.h"
#include "failure.h"

static const struct {
  const char *name;
  int (*run)(int argc, char *const argv[]);
} commands[] = {
    {"send", traffic_send},  // UDP of many flows
    {"receive", traffic_receive},  // counts it, on all targets at once
    {"inject", traffic_inject},  // packets of a file, as they are
    {"echo", traffic_echo},  // answers over UDP and TCP with the target's number
    {"ask", traffic_ask},  // asks it
    {"arrivals", traffic_arrivals},  // counts what comes to each target, by connection
};

int main(int argc, char *argv[]) {
  if (argc < 2) usage_error("which command? send, receive, inject, echo, ask, arrivals");
  for (unsigned i = 0; i < sizeof commands / sizeof commands[0]; i++) {
    if (strcmp(argv[1], commands[i].name) == 0) return commands[i].run(argc - 2, argv + 2);
  }
  usage_error("%s: no such command; there are send, receive, inject, echo, ask, arrivals", argv[1]);
}
