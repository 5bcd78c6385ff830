#pragma once
// Where a program listens: an address in a target's network namespace. One process serves the targets of a whole topology, and so sees
// what goes to which.

#include "endpoint.h"
#include "options.h"

struct site {
  int target;  // the number that the topology gives it, from 1 on
  const char *namespace;  // path
  struct endpoint endpoint;
};

#define SITES_MAX 512

struct sites {
  struct site site[SITES_MAX];
  int count;
};

// Reads texts written as TARGET,NAMESPACE,ADDRESS. There must be one.
struct sites sites_parse(const struct texts *texts, uint16_t port);

// Brings the process into the site's namespace.
void site_enter(const struct site *site);

// A socket bound to the site's address and port. The process stays in the namespace.
int site_socket(const struct site *site, int type);
