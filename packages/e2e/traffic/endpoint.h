#pragma once
#include <netinet/in.h>
#include <sys/socket.h>

// An IPv4 or IPv6 address with a port, as the socket calls take it.
struct endpoint {
  struct sockaddr_storage address;
  socklen_t length;
};

// Exits with status 2 and the option's name if `text` is not an address.
struct endpoint endpoint_parse(const char *option, const char *text, uint16_t port);

// AF_INET or AF_INET6.
int endpoint_family(const struct endpoint *endpoint);

// The address alone, 4 or 16 octets in network byte order.
const unsigned char *endpoint_octets(const struct endpoint *endpoint);

// Computes the address `offset` after the endpoint's, 4 or 16 octets in network byte order.
void endpoint_octets_after(const struct endpoint *endpoint, unsigned offset, unsigned char *address);
