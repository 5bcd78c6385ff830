// SCTP for the tests, using libusrsctp since few kernels support SCTP: transfers numbered messages over one or more paths. A separate
// program, so that the others build without libusrsctp.
//
//   sctp serve --bind ADDRESS… --port PORT [--udp PORT]
//   sctp send  --bind ADDRESS… --from-port PORT… --to ADDRESS --port PORT [--udp OWN-PORT --to-udp PORT] [--count N] [--rate N] [--octets N]
//
// Several --bind options make an endpoint multihomed; the families may be mixed. Each --from-port makes one association, all in one process:
// two processes would abort each other's associations, since a raw socket gets all incoming packets. --udp encapsulates (RFC 6951). The
// server checks number, order and content of the messages and sends a report after the last. Each event is a line of JSON on stdout.

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <usrsctp.h>

#include "clock.h"
#include "endpoint.h"
#include "failure.h"
#include "options.h"
#include "stop-signal.h"

#define LONGEST_MESSAGE 65536
// usrsctp numbers associations starting at 1.
#define ASSOCIATIONS_MAX 4096
#define PATHS_MAX 8

// Milliseconds. These detect a dead path within a second or two; the defaults of RFC 9260 take a minute.
#define RTO_MIN 100
#define RTO_INITIAL 200
#define RTO_MAX 400
#define HEARTBEAT_INTERVAL 200
#define DELAYED_SACK 20
// Retransmissions before a path is considered unreachable, and the association lost.
#define PATH_RETRANSMISSIONS 2
#define ASSOCIATION_RETRANSMISSIONS 20

// Starts each message; the rest is filled with octets derived from its number.
struct header {
  uint32_t number;  // starting at 0
  uint32_t last;  // not 0: this is the last message
};

// The server's answer to the last message.
struct report {
  uint32_t received;
  uint32_t disordered;  // not the expected number
  uint32_t damaged;  // content differs from what was sent
};

// One association of the sender, with a sending and a receiving thread.
struct association {
  struct socket *socket;
  long from_port;
  uint32_t sent;
  pthread_t sender, listener;
};

// What the sender sends in each association.
static long count = 100, rate = 0, octets = 1000;

static unsigned char octet(uint32_t number, size_t at) {
  return (unsigned char)(number * 31 + at);
}

static void set_up(long udp_port) {
  usrsctp_init((uint16_t)udp_port, NULL, NULL);
  usrsctp_sysctl_set_sctp_auto_asconf(0);
  usrsctp_sysctl_set_sctp_rto_min_default(RTO_MIN);
  usrsctp_sysctl_set_sctp_rto_initial_default(RTO_INITIAL);
  usrsctp_sysctl_set_sctp_rto_max_default(RTO_MAX);
  usrsctp_sysctl_set_sctp_init_rto_max_default(RTO_MAX);
  usrsctp_sysctl_set_sctp_heartbeat_interval_default(HEARTBEAT_INTERVAL);
  usrsctp_sysctl_set_sctp_delayed_sack_time_default(DELAYED_SACK);
  usrsctp_sysctl_set_sctp_path_rtx_max_default(PATH_RETRANSMISSIONS);
  usrsctp_sysctl_set_sctp_assoc_rtx_max_default(ASSOCIATION_RETRANSMISSIONS);
}

// A socket bound to the addresses, with notifications about associations and paths.
static struct socket *bound_socket(int type, const struct texts *addresses, long port) {
  if (addresses->count < 1 || addresses->count > PATHS_MAX) usage_error("--bind: must be given 1-%d times", PATHS_MAX);
  struct endpoint endpoints[PATHS_MAX];
  int family = AF_INET;
  for (int i = 0; i < addresses->count; i++) {
    endpoints[i] = endpoint_parse("bind", addresses->item[i], (uint16_t)port);
    if (endpoint_family(&endpoints[i]) == AF_INET6) family = AF_INET6;
  }
  struct socket *socket = usrsctp_socket(family, type, IPPROTO_SCTP, NULL, NULL, 0, NULL);
  if (!socket) system_failure("usrsctp_socket");
  int off = 0;
  if (family == AF_INET6) usrsctp_setsockopt(socket, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  for (int i = 0; i < addresses->count; i++) {
    if (usrsctp_bindx(socket, (struct sockaddr *)&endpoints[i].address, 1, SCTP_BINDX_ADD_ADDR)) system_failure("bind %s", addresses->item[i]);
  }
  const uint16_t events[] = {SCTP_ASSOC_CHANGE, SCTP_PEER_ADDR_CHANGE};
  for (unsigned i = 0; i < sizeof events / sizeof events[0]; i++) {
    struct sctp_event event = {.se_assoc_id = SCTP_FUTURE_ASSOC, .se_type = events[i], .se_on = 1};
    if (usrsctp_setsockopt(socket, IPPROTO_SCTP, SCTP_EVENT, &event, sizeof event)) system_failure("SCTP_EVENT");
  }
  int on = 1;
  if (usrsctp_setsockopt(socket, IPPROTO_SCTP, SCTP_RECVRCVINFO, &on, sizeof on)) system_failure("SCTP_RECVRCVINFO");
  if (usrsctp_setsockopt(socket, IPPROTO_SCTP, SCTP_NODELAY, &on, sizeof on)) system_failure("SCTP_NODELAY");
  return socket;
}

static void print_event(const struct association *association, const char *event) {
  printf("{\"port\":%ld,\"event\":\"%s\"}\n", association->from_port, event);
  fflush(stdout);
}

static const char *path_state(uint32_t state) {
  if (state == SCTP_ADDR_CONFIRMED) return "confirmed";
  if (state == SCTP_ADDR_AVAILABLE) return "available";
  return state == SCTP_ADDR_UNREACHABLE ? "unreachable" : "other";
}

static void print_path(const struct association *association, const struct sctp_paddr_change *change) {
  char text[INET6_ADDRSTRLEN] = "?";
  const struct sockaddr_storage *address = &change->spc_aaddr;
  if (address->ss_family == AF_INET) inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, text, sizeof text);
  if (address->ss_family == AF_INET6) inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr, text, sizeof text);
  printf("{\"port\":%ld,\"event\":\"path\",\"address\":\"%s\",\"state\":\"%s\"}\n", association->from_port, text,
         path_state(change->spc_state));
  fflush(stdout);
}

// Prints a notification of the sender.
static void notify(const struct association *association, const union sctp_notification *notification) {
  if (notification->sn_header.sn_type == SCTP_PEER_ADDR_CHANGE) print_path(association, &notification->sn_paddr_change);
  if (notification->sn_header.sn_type != SCTP_ASSOC_CHANGE) return;
  uint16_t state = notification->sn_assoc_change.sac_state;
  if (state == SCTP_COMM_UP) print_event(association, "associated");
  if (state != SCTP_COMM_LOST && state != SCTP_CANT_STR_ASSOC) return;
  print_event(association, "lost");
  _exit(1);
}

static ssize_t receive(struct socket *socket, void *data, size_t length, struct sctp_rcvinfo *info, int *flags) {
  struct sockaddr_storage from;
  socklen_t from_length = sizeof from, info_length = sizeof *info;
  unsigned type;
  *flags = 0;
  return usrsctp_recvv(socket, data, length, (struct sockaddr *)&from, &from_length, info, &info_length, &type, flags);
}

static void serve(struct socket *socket) {
  static unsigned char message[LONGEST_MESSAGE];
  // Indexed by association.
  static struct {
    uint32_t next;
    struct report report;
  } transfers[ASSOCIATIONS_MAX];
  for (;;) {
    struct sctp_rcvinfo info;
    int flags;
    ssize_t length = receive(socket, message, sizeof message, &info, &flags);
    if (length < 0) system_failure("usrsctp_recvv");
    if ((flags & MSG_NOTIFICATION) || length < (ssize_t)sizeof(struct header)) continue;
    if (info.rcv_assoc_id >= ASSOCIATIONS_MAX) usage_error("more than %d associations", ASSOCIATIONS_MAX);
    struct header header;
    memcpy(&header, message, sizeof header);
    struct report *report = &transfers[info.rcv_assoc_id].report;
    uint32_t *next = &transfers[info.rcv_assoc_id].next;
    report->received++;
    report->disordered += header.number != *next;
    *next = header.number + 1;
    for (size_t i = sizeof header; i < (size_t)length; i++) {
      if (message[i] == octet(header.number, i)) continue;
      report->damaged++;
      break;
    }
    if (!header.last) continue;
    struct sctp_sndinfo to = {.snd_assoc_id = info.rcv_assoc_id};
    usrsctp_sendv(socket, report, sizeof *report, NULL, 0, &to, sizeof to, SCTP_SENDV_SNDINFO, 0);
  }
}

// Receives notifications, and the report at the end.
static void *listen_to_server(void *context) {
  const struct association *association = context;
  char message[1024];
  for (;;) {
    struct sctp_rcvinfo info;
    int flags;
    ssize_t length = receive(association->socket, message, sizeof message, &info, &flags);
    if (length <= 0) {
      print_event(association, "closed");
      _exit(1);
    }
    if (flags & MSG_NOTIFICATION) {
      notify(association, (const union sctp_notification *)message);
      continue;
    }
    struct report report;
    memcpy(&report, message, sizeof report);
    printf("{\"port\":%ld,\"event\":\"done\",\"sent\":%u,\"received\":%u,\"disordered\":%u,\"damaged\":%u}\n", association->from_port,
           association->sent, report.received, report.disordered, report.damaged);
    fflush(stdout);
    usrsctp_close(association->socket);
    return NULL;
  }
}

static void *send_messages(void *context) {
  struct association *association = context;
  unsigned char message[LONGEST_MESSAGE];
  uint64_t next_ns = now_ns();
  for (uint32_t number = 0;; number++) {
    struct header header = {.number = number, .last = count > 0 ? number + 1 == (uint32_t)count : stop_requested != 0};
    memcpy(message, &header, sizeof header);
    for (size_t i = sizeof header; i < (size_t)octets; i++) message[i] = octet(number, i);
    association->sent++;
    ssize_t sent = usrsctp_sendv(association->socket, message, (size_t)octets, NULL, 0, NULL, 0, SCTP_SENDV_NOINFO, 0);
    // The association is gone: the thread that listens is told so, too, reports it, and ends the program.
    if (sent < 0 && (errno == ENOENT || errno == ENOTCONN || errno == ECONNRESET || errno == EPIPE)) return NULL;
    if (sent != octets) system_failure("usrsctp_sendv");
    if (header.last) return NULL;
    if (rate == 0) continue;
    next_ns += NS_PER_SECOND / (uint64_t)rate;
    sleep_until_ns(next_ns);
  }
}

static void associate(struct association *association, const struct texts *bind, const struct endpoint *server, long to_udp) {
  association->socket = bound_socket(SOCK_STREAM, bind, association->from_port);
  if (to_udp != 0) {
    struct sctp_udpencaps encapsulation = {.sue_port = htons((uint16_t)to_udp)};
    encapsulation.sue_address.ss_family = (sa_family_t)endpoint_family(server);
    if (usrsctp_setsockopt(association->socket, IPPROTO_SCTP, SCTP_REMOTE_UDP_ENCAPS_PORT, &encapsulation, sizeof encapsulation)) {
      system_failure("SCTP_REMOTE_UDP_ENCAPS_PORT");
    }
  }
  struct sockaddr_storage address = server->address;
  if (usrsctp_connect(association->socket, (struct sockaddr *)&address, server->length)) {
    if (errno != ECONNRESET) system_failure("connect");
    // Aborted as soon as it was set up: the thread that listens does not run yet.
    print_event(association, "lost");
    _exit(1);
  }
  errno = pthread_create(&association->listener, NULL, listen_to_server, association);
  if (errno == 0) errno = pthread_create(&association->sender, NULL, send_messages, association);
  if (errno) system_failure("thread");
}

int main(int argc, char *argv[]) {
  if (argc < 2) usage_error("missing command: serve or send");
  int serves = strcmp(argv[1], "serve") == 0;
  if (!serves && strcmp(argv[1], "send") != 0) usage_error("%s: no such command; must be serve or send", argv[1]);
  static struct texts bind, from_ports;
  static struct association associations[ASSOCIATIONS_MAX];
  const char *to = NULL;
  long port = 0, udp = 0, to_udp = 0;
  options_read(argc - 2, argv + 2,
               (const struct option_spec[]){
                   {"bind", OPTION_TEXTS, &bind},
                   {"port", OPTION_NUMBER, &port},  // the server's
                   {"from-port", OPTION_TEXTS, &from_ports},
                   {"to", OPTION_TEXT, &to},  // the primary path; the server announces the others
                   {"udp", OPTION_NUMBER, &udp},  // own UDP port; 0: plain SCTP
                   {"to-udp", OPTION_NUMBER, &to_udp},
                   {"count", OPTION_NUMBER, &count},  // messages; 0: until SIGTERM
                   {"rate", OPTION_NUMBER, &rate},  // messages/s; 0: as fast as possible
                   {"octets", OPTION_NUMBER, &octets},  // of a message
                   {0},
               });
  if (octets < (long)sizeof(struct header) || octets > LONGEST_MESSAGE) usage_error("--octets=%ld: must be 8-%d", octets, LONGEST_MESSAGE);
  sigset_t unblocked;
  // Block the signals in the threads of usrsctp, which inherit this mask.
  if (!serves) unblocked = stop_signals(1);
  set_up(udp);
  if (serves) {
    struct socket *socket = bound_socket(SOCK_SEQPACKET, &bind, port);
    if (usrsctp_listen(socket, 1)) system_failure("usrsctp_listen");
    puts("{\"event\":\"ready\"}");
    fflush(stdout);
    serve(socket);
  }
  struct endpoint server = endpoint_parse("to", option_required("to", to), (uint16_t)port);
  for (int i = 0; i < from_ports.count; i++) {
    associations[i].from_port = atol(from_ports.item[i]);
    associate(&associations[i], &bind, &server, to_udp);
  }
  sigprocmask(SIG_SETMASK, &unblocked, NULL);
  for (int i = 0; i < from_ports.count; i++) {
    pthread_join(associations[i].sender, NULL);
    pthread_join(associations[i].listener, NULL);
  }
  // Time for the three packets of each shutdown.
  usleep(100000);
  return 0;
}
