// `traffic arrivals`: counts the packets that reach each target, by connection; ICMP errors by the connection they refer to. It parses
// packets on its own and shares no code with the load balancer. Prints `ready`; after SIGTERM it
// stops when no more packets arrive.

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "commands.h"
#include "failure.h"
#include "options.h"
#include "site.h"
#include "stop-signal.h"

#define KINDS_MAX 8192
// Octets parsed of each packet: enough for an ICMP error's own headers and the quoted ones.
#define SNAP_LENGTH 256
// Holds a burst that arrives between two reads.
#define SOCKET_OCTETS (64 << 20)

struct kind {
  int target;
  int family;
  unsigned char source[16], destination[16];  // of the packet itself
  int protocol;  // of the connection: for an ICMP error, that of the quoted packet
  int client_port, service_port;  // 0 if none
  int encapsulated;  // SCTP in UDP
  int icmp_type, icmp_code;  // -1: not ICMP
};

static struct {
  struct kind kind;
  unsigned long packets;
} kinds[KINDS_MAX];
static int kinds_count;
static unsigned long unreadable;
static long encap_port;

static int word16(const unsigned char *at) {
  return at[0] << 8 | at[1];
}

// Reads the ports if the transport header is present. `reply`: the packet goes from the service to the client.
static void read_transport(struct kind *kind, const unsigned char *at, const unsigned char *end, int reply) {
  if (kind->protocol != IPPROTO_TCP && kind->protocol != IPPROTO_UDP && kind->protocol != IPPROTO_SCTP) return;
  if (end - at < 4) return;
  int service = word16(at + (reply ? 0 : 2));
  if (encap_port != 0 && kind->protocol == IPPROTO_UDP && service == encap_port && end - at >= 12) {
    kind->protocol = IPPROTO_SCTP;
    kind->encapsulated = 1;
    at += 8;
  }
  kind->service_port = word16(at + (reply ? 0 : 2));
  kind->client_port = word16(at + (reply ? 2 : 0));
}

static int is_error(const struct kind *kind) {
  if (kind->family == 6) return kind->icmp_type < 128;
  return kind->icmp_type == ICMP_DEST_UNREACH || kind->icmp_type == ICMP_TIME_EXCEEDED || kind->icmp_type == ICMP_PARAMETERPROB;
}

static int read_ip(struct kind *kind, const unsigned char *at, const unsigned char *end, int quoted);

static int read_icmp(struct kind *kind, const unsigned char *at, const unsigned char *end) {
  if (end - at < 8) return 0;
  kind->icmp_type = at[0];
  kind->icmp_code = at[1];
  return !is_error(kind) || read_ip(kind, at + 8, end, 1);
}

// Returns 0 if the packet cannot be parsed.
static int read_ip(struct kind *kind, const unsigned char *at, const unsigned char *end, int quoted) {
  if (end - at < 20) return 0;
  int later_fragment = 0;
  const unsigned char *transport;
  if (at[0] >> 4 == 4) {
    kind->family = 4;
    kind->protocol = at[9];
    later_fragment = (word16(at + 6) & 0x1fff) != 0;
    transport = at + 4 * (at[0] & 15);
    if (!quoted) {
      memcpy(kind->source, at + 12, 4);
      memcpy(kind->destination, at + 16, 4);
    }
  } else {
    if (end - at < 40) return 0;
    kind->family = 6;
    kind->protocol = at[6];
    transport = at + 40;
    if (!quoted) {
      memcpy(kind->source, at + 8, 16);
      memcpy(kind->destination, at + 24, 16);
    }
    if (kind->protocol == IPPROTO_FRAGMENT && end - transport >= 8) {
      kind->protocol = transport[0];
      later_fragment = (word16(transport + 2) & 0xfff8) != 0;
      transport += 8;
    }
  }
  if (transport > end) return 0;
  if (later_fragment) return 1;
  if (!quoted && (kind->protocol == IPPROTO_ICMP || kind->protocol == IPPROTO_ICMPV6)) return read_icmp(kind, transport, end);
  read_transport(kind, transport, end, quoted);
  return 1;
}

static void count(int target, const unsigned char *packet, size_t length) {
  struct kind kind;
  memset(&kind, 0, sizeof kind);
  kind.target = target;
  kind.icmp_type = kind.icmp_code = -1;
  if (!read_ip(&kind, packet, packet + length, 0)) {
    unreadable++;
    return;
  }
  // The same connection often comes twice in a row.
  for (int i = kinds_count - 1; i >= 0; i--) {
    if (memcmp(&kinds[i].kind, &kind, sizeof kind) == 0) {
      kinds[i].packets++;
      return;
    }
  }
  if (kinds_count == KINDS_MAX) usage_error("more than %d connections", KINDS_MAX);
  kinds[kinds_count].kind = kind;
  kinds[kinds_count++].packets = 1;
}

// Reads all pending packets of a target.
static void drain(int fd, int target) {
  unsigned char packet[SNAP_LENGTH];
  struct sockaddr_ll from;
  for (;;) {
    socklen_t from_length = sizeof from;
    ssize_t got = recvfrom(fd, packet, sizeof packet, MSG_DONTWAIT, (struct sockaddr *)&from, &from_length);
    if (got < 0 && errno == EAGAIN) return;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) system_failure("recvfrom");
    int ip = from.sll_protocol == htons(ETH_P_IP) || from.sll_protocol == htons(ETH_P_IPV6);
    if (ip && from.sll_pkttype == PACKET_HOST) count(target, packet, (size_t)got);
  }
}

static void print(unsigned long overflows) {
  printf("{\"overflows\":%lu,\"unreadable\":%lu,\"arrivals\":[", overflows, unreadable);
  for (int i = 0; i < kinds_count; i++) {
    const struct kind *kind = &kinds[i].kind;
    char source[INET6_ADDRSTRLEN], destination[INET6_ADDRSTRLEN];
    int family = kind->family == 4 ? AF_INET : AF_INET6;
    inet_ntop(family, kind->source, source, sizeof source);
    inet_ntop(family, kind->destination, destination, sizeof destination);
    printf("%s{\"target\":%d,\"family\":%d,\"source\":\"%s\",\"destination\":\"%s\",\"protocol\":%d,", i > 0 ? "," : "", kind->target,
           kind->family, source, destination, kind->protocol);
    if (kind->icmp_type >= 0) printf("\"icmp\":[%d,%d],", kind->icmp_type, kind->icmp_code);
    printf("\"clientPort\":%d,\"servicePort\":%d,\"encapsulated\":%s,\"packets\":%lu}", kind->client_port, kind->service_port,
           kind->encapsulated ? "true" : "false", kinds[i].packets);
  }
  printf("]}\n");
}

int traffic_arrivals(int argc, char *const argv[]) {
  struct texts at = {0};
  long silence_ms = 0;
  options_read(argc, argv,
               (const struct option_spec[]){
                   {"at", OPTION_TEXTS, &at},  // TARGET,NAMESPACE,ADDRESS; counts everything that arrives, whatever the address
                   {"encap-port", OPTION_NUMBER, &encap_port},  // UDP port that carries SCTP
                   {"silence-ms", OPTION_NUMBER, &silence_ms},  // how long no packet arrives at the end; an LB may still have some
                   {0},
               });
  static struct sites sites;
  sites = sites_parse(&at, 0);
  struct pollfd sockets[SITES_MAX];
  int targets[SITES_MAX], count = 0;
  for (int i = 0; i < sites.count; i++) {
    int seen = 0;
    for (int j = 0; j < count; j++) seen |= targets[j] == sites.site[i].target;
    if (seen) continue;
    site_enter(&sites.site[i]);
    int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_ALL));
    if (fd < 0) system_failure("packet socket in %s", sites.site[i].namespace);
    int octets = SOCKET_OCTETS;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &octets, sizeof octets);
    targets[count] = sites.site[i].target;
    sockets[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
  }

  sigset_t unblocked = stop_signals(1);
  puts("ready");
  fflush(stdout);
  const struct timespec silence = {.tv_sec = silence_ms / 1000, .tv_nsec = silence_ms % 1000 * 1000000};
  for (int silent = 0; !silent;) {
    silent = ppoll(sockets, (nfds_t)count, stop_requested ? &silence : NULL, &unblocked) == 0;
    for (int i = 0; i < count; i++) drain(sockets[i].fd, targets[i]);
  }
  unsigned long overflows = 0;
  for (int i = 0; i < count; i++) {
    drain(sockets[i].fd, targets[i]);
    struct tpacket_stats statistics;
    socklen_t length = sizeof statistics;
    if (getsockopt(sockets[i].fd, SOL_PACKET, PACKET_STATISTICS, &statistics, &length)) system_failure("PACKET_STATISTICS");
    overflows += statistics.tp_drops;
  }
  print(overflows);
  return 0;
}
