#pragma once
// Where a program listens: an address in a target's network namespace. One process serves all targets of a topology, so it sees which
// packets go to which target.

#include "endpoint.h"
#include "options.h"

struct site {
  int target;  // its number in the topology, starting at 1
  const char *namespace;  // path
  struct endpoint endpoint;
};

#define SITES_MAX 512

struct sites {
  struct site site[SITES_MAX];
  int count;
};

// Parses texts of the form TARGET,NAMESPACE,ADDRESS. At least one is required.
struct sites sites_parse(const struct texts *texts, uint16_t port);

// Moves the process into the site's namespace.
void site_enter(const struct site *site);

// A socket bound to the site's address and port. The process stays in the namespace.
int site_socket(const struct site *site, int type);
