#include "endpoint.h"

#include <arpa/inet.h>
#include <string.h>

#include "failure.h"

struct endpoint endpoint_parse(const char *option, const char *text, uint16_t port) {
  struct endpoint endpoint = {0};
  struct sockaddr_in *ipv4 = (struct sockaddr_in *)&endpoint.address;
  struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)&endpoint.address;
  if (inet_pton(AF_INET, text, &ipv4->sin_addr) == 1) {
    ipv4->sin_family = AF_INET;
    ipv4->sin_port = htons(port);
    endpoint.length = sizeof *ipv4;
  } else if (inet_pton(AF_INET6, text, &ipv6->sin6_addr) == 1) {
    ipv6->sin6_family = AF_INET6;
    ipv6->sin6_port = htons(port);
    endpoint.length = sizeof *ipv6;
  } else {
    usage_error("--%s=%s: must be an IPv4 or IPv6 address", option, text);
  }
  return endpoint;
}

int endpoint_family(const struct endpoint *endpoint) {
  return endpoint->address.ss_family;
}

const unsigned char *endpoint_octets(const struct endpoint *endpoint) {
  if (endpoint_family(endpoint) == AF_INET) return (const unsigned char *)&((const struct sockaddr_in *)&endpoint->address)->sin_addr;
  return (const unsigned char *)&((const struct sockaddr_in6 *)&endpoint->address)->sin6_addr;
}

void endpoint_octets_after(const struct endpoint *endpoint, unsigned offset, unsigned char *address) {
  int octets = endpoint_family(endpoint) == AF_INET ? 4 : 16;
  memcpy(address, endpoint_octets(endpoint), (size_t)octets);
  for (int i = octets - 1; i >= 0 && offset > 0; i--) {
    offset += address[i];
    address[i] = (unsigned char)offset;
    offset >>= 8;
  }
}
