// SCTP over libusrsctp: answers every message with this machine's host name, or asks once and prints the answer.
//
//   sctp answer PORT UDP-PORT                      over IP, and encapsulated in UDP (RFC 6951)
//   sctp ask ADDRESS PORT SOURCE-PORT [UDP-PORT]   over IP, or in UDP with a port
//
// Every ask needs its own source port: the answerer keeps the association of an ask that has ended, and libusrsctp may not answer
// the next one from the same port.

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <usrsctp.h>

static const int ANSWER_TIMEOUT_S = 5;

static void fail(const char* what) {
  perror(what);
  exit(1);
}

// For each message: the host name.
static int answer_message(struct socket* socket, union sctp_sockstore from, void* data, size_t length, struct sctp_rcvinfo info,
                          int flags, void* context) {
  (void)from, (void)length, (void)info, (void)context;
  if (data == NULL) {
    usrsctp_close(socket);
    return 1;
  }
  if (!(flags & MSG_NOTIFICATION)) {
    char name[256] = "";
    gethostname(name, sizeof name - 1);
    usrsctp_sendv(socket, name, strlen(name), NULL, 0, NULL, 0, SCTP_SENDV_NOINFO, 0);
  }
  free(data);
  return 1;
}

static _Noreturn void answer(int port) {
  struct socket* listener = usrsctp_socket(AF_INET6, SOCK_STREAM, IPPROTO_SCTP, answer_message, NULL, 0, NULL);
  if (listener == NULL) fail("usrsctp_socket");
  // IPv4 too.
  int off = 0;
  usrsctp_setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
  if (usrsctp_bind(listener, (struct sockaddr*)&any, sizeof any) < 0) fail("usrsctp_bind");
  if (usrsctp_listen(listener, 100) < 0) fail("usrsctp_listen");
  for (;;) {
    if (usrsctp_accept(listener, NULL, NULL) == NULL) fail("usrsctp_accept");
  }
}

static int print_message(struct socket* socket, union sctp_sockstore from, void* data, size_t length, struct sctp_rcvinfo info,
                         int flags, void* context) {
  (void)socket, (void)from, (void)info, (void)context;
  if (data == NULL || (flags & MSG_NOTIFICATION)) return 1;
  printf("%.*s\n", (int)length, (const char*)data);
  fflush(stdout);
  _exit(0);
}

static _Noreturn void ask(const char* address, int port, int source_port, int udp_port) {
  struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
  int is_six = strchr(address, ':') != NULL;
  if (inet_pton(is_six ? AF_INET6 : AF_INET, address, is_six ? (void*)&six.sin6_addr : (void*)&four.sin_addr) != 1) {
    fprintf(stderr, "%s is no address\n", address);
    exit(1);
  }
  struct sockaddr* to = is_six ? (struct sockaddr*)&six : (struct sockaddr*)&four;
  struct socket* socket = usrsctp_socket(is_six ? AF_INET6 : AF_INET, SOCK_STREAM, IPPROTO_SCTP, print_message, NULL, 0, NULL);
  if (socket == NULL) fail("usrsctp_socket");
  struct sockaddr_in source4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)source_port)};
  struct sockaddr_in6 source6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)source_port)};
  struct sockaddr* source = is_six ? (struct sockaddr*)&source6 : (struct sockaddr*)&source4;
  if (usrsctp_bind(socket, source, is_six ? sizeof source6 : sizeof source4) < 0) fail("usrsctp_bind");
  if (udp_port != 0) {
    struct sctp_udpencaps encapsulation = {.sue_port = htons((uint16_t)udp_port)};
    encapsulation.sue_address.ss_family = to->sa_family;
    if (usrsctp_setsockopt(socket, IPPROTO_SCTP, SCTP_REMOTE_UDP_ENCAPS_PORT, &encapsulation, sizeof encapsulation) < 0) {
      fail("SCTP_REMOTE_UDP_ENCAPS_PORT");
    }
  }
  alarm((unsigned)ANSWER_TIMEOUT_S);
  if (usrsctp_connect(socket, to, is_six ? sizeof six : sizeof four) < 0) fail("usrsctp_connect");
  if (usrsctp_sendv(socket, "?", 1, NULL, 0, NULL, 0, SCTP_SENDV_NOINFO, 0) < 0) fail("usrsctp_sendv");
  for (;;) pause();
}

int main(int count, char** arguments) {
  int answers = count == 4 && strcmp(arguments[1], "answer") == 0;
  int asks = (count == 5 || count == 6) && strcmp(arguments[1], "ask") == 0;
  if (!answers && !asks) {
    fprintf(stderr, "usage: sctp answer PORT UDP-PORT | sctp ask ADDRESS PORT SOURCE-PORT [UDP-PORT]\n");
    return 1;
  }
  int own_udp_port = answers ? atoi(arguments[3]) : count == 6 ? 9899 : 0;
  usrsctp_init((uint16_t)own_udp_port, NULL, NULL);
  // Send no ABORT for packets of another program's associations.
  usrsctp_sysctl_set_sctp_blackhole(2);
  if (answers) answer(atoi(arguments[2]));
  ask(arguments[2], atoi(arguments[3]), atoi(arguments[4]), count == 6 ? atoi(arguments[5]) : 0);
}
