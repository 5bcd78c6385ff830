#include "site.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "failure.h"

static struct site parse(const char *text, uint16_t port) {
  char *copy = strdup(text);
  if (!copy) system_failure("memory");
  const char *target = strtok(copy, ",");
  const char *namespace = strtok(NULL, ",");
  const char *address = strtok(NULL, ",");
  if (!address) usage_error("--at=%s: must be TARGET,NAMESPACE,ADDRESS", text);
  struct site site = {.target = atoi(target), .namespace = namespace, .endpoint = endpoint_parse("at", address, port)};
  if (site.target < 1 || site.target > SITES_MAX) usage_error("--at=%s: the target's number must be 1-%d", text, SITES_MAX);
  return site;
}

struct sites sites_parse(const struct texts *texts, uint16_t port) {
  struct sites sites = {0};
  if (texts->count == 0) usage_error("missing option --at");
  for (int i = 0; i < texts->count; i++) sites.site[sites.count++] = parse(texts->item[i], port);
  return sites;
}

void site_enter(const struct site *site) {
  int namespace = open(site->namespace, O_RDONLY | O_CLOEXEC);
  if (namespace < 0) system_failure("%s", site->namespace);
  if (setns(namespace, CLONE_NEWNET)) system_failure("enter %s", site->namespace);
  close(namespace);
}

int site_socket(const struct site *site, int type) {
  site_enter(site);
  int fd = socket(endpoint_family(&site->endpoint), type | SOCK_CLOEXEC, 0);
  if (fd < 0) system_failure("socket in %s", site->namespace);
  int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, (const struct sockaddr *)&site->endpoint.address, site->endpoint.length)) system_failure("bind in %s", site->namespace);
  return fd;
}
