// `traffic receive`: counts the packets of `send` on all targets at once. Prints `ready`; on SIGTERM it waits until no more packets arrive,
// then prints its counts.

#include <errno.h>
#include <linux/sock_diag.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "clock.h"
#include "commands.h"
#include "failure.h"
#include "histogram.h"
#include "options.h"
#include "payload.h"
#include "sequences.h"
#include "site.h"
#include "stop-signal.h"

// Packets per recvmmsg(2).
#define BATCH 256
// Packets that the receiver drops would look like losses of the load balancer. At 1 kB per packet in the kernel this holds 100,000.
#define SOCKET_BUFFER (128 << 20)
// After SIGTERM: an LB may still have a full queue.
#define SILENCE_MS 200
#define GAPS_PRINTED 8

struct receiver {
  struct sites sites;
  int socket[SITES_MAX];
  int targets;  // the highest target number
  uint32_t flows;
  uint32_t *by_flow;  // [flow][target - 1]
  uint32_t *last_sequence;  // of the flow, plus one
  uint64_t by_target[SITES_MAX];
  uint64_t received, foreign, reordered;
  uint64_t first_ns, last_ns;
  struct sequences sequences;
  struct histogram latency;
};

static void open_sockets(struct receiver *receiver) {
  for (int i = 0; i < receiver->sites.count; i++) {
    const struct site *site = &receiver->sites.site[i];
    int size = SOCKET_BUFFER;
    receiver->socket[i] = site_socket(site, SOCK_DGRAM | SOCK_NONBLOCK);
    if (setsockopt(receiver->socket[i], SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size)) system_failure("SO_RCVBUFFORCE");
    if (site->target > receiver->targets) receiver->targets = site->target;
  }
}

static void count(struct receiver *receiver, int target, const struct payload *payload, size_t length, uint64_t now) {
  receiver->received++;
  if (length < sizeof *payload || payload->flow >= receiver->flows) {
    receiver->foreign++;
    return;
  }
  receiver->by_target[target - 1]++;
  receiver->by_flow[(size_t)payload->flow * (size_t)receiver->targets + (size_t)(target - 1)]++;
  uint32_t *last = &receiver->last_sequence[payload->flow];
  if (payload->sequence + 1 < *last) receiver->reordered++;
  else *last = payload->sequence + 1;
  sequences_add(&receiver->sequences, payload->sequence);
  histogram_add(&receiver->latency, now > payload->sent_ns ? now - payload->sent_ns : 0);
  if (receiver->first_ns == 0) receiver->first_ns = now;
  receiver->last_ns = now;
}

// Reads a socket until it is empty. Returns how many packets there were.
static int drain(struct receiver *receiver, int at) {
  static struct payload payloads[BATCH];
  static struct iovec parts[BATCH];
  static struct mmsghdr messages[BATCH];
  if (!parts[0].iov_base) {
    for (int i = 0; i < BATCH; i++) {
      parts[i] = (struct iovec){.iov_base = &payloads[i], .iov_len = sizeof payloads[i]};
      messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    }
  }
  int total = 0;
  for (;;) {
    int got = recvmmsg(receiver->socket[at], messages, BATCH, MSG_DONTWAIT, NULL);
    if (got < 0 && errno != EAGAIN && errno != EINTR) system_failure("recvmmsg");
    if (got <= 0) return total;
    uint64_t now = now_ns();
    for (int i = 0; i < got; i++) count(receiver, receiver->sites.site[at].target, &payloads[i], messages[i].msg_len, now);
    total += got;
    if (got < BATCH) return total;
  }
}

// Wakes up for every packet, for latency measurements.
static void receive_immediately(struct receiver *receiver, const sigset_t *unblocked) {
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  for (int i = 0; i < receiver->sites.count; i++) {
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, receiver->socket[i], &event)) system_failure("epoll_ctl");
  }
  struct epoll_event events[SITES_MAX];
  for (;;) {
    int ready = epoll_pwait(epoll, events, SITES_MAX, stop_requested ? SILENCE_MS : -1, unblocked);
    if (ready == 0) return;
    for (int i = 0; i < ready; i++) drain(receiver, (int)events[i].data.u32);
  }
}

// Polls every `period_us`, for CPU time measurements: a wake-up per packet would add more CPU time the smaller a load balancer's
// batches are.
static void receive_periodically(struct receiver *receiver, long period_us) {
  uint64_t quiet_since = now_ns();
  for (;;) {
    int got = 0;
    for (int i = 0; i < receiver->sites.count; i++) got += drain(receiver, i);
    uint64_t now = now_ns();
    if (got > 0) quiet_since = now;
    if (stop_requested && now - quiet_since > SILENCE_MS * 1000000ull) return;
    sleep_until_ns(now + (uint64_t)period_us * 1000);
  }
}

// Packets that the kernel dropped because a socket buffer was full.
static uint64_t overflows(const struct receiver *receiver) {
  uint64_t drops = 0;
  for (int i = 0; i < receiver->sites.count; i++) {
    uint32_t values[SK_MEMINFO_VARS] = {0};
    socklen_t length = sizeof values;
    if (getsockopt(receiver->socket[i], SOL_SOCKET, SO_MEMINFO, values, &length)) system_failure("SO_MEMINFO");
    drops += values[SK_MEMINFO_DROPS];
  }
  return drops;
}

static double percentile_us(const struct receiver *receiver, double share) {
  return (double)histogram_percentile(&receiver->latency, share) / 1000;
}

// Packets of the flow, for each target.
static const uint32_t *flow_counts(const struct receiver *receiver, uint32_t flow) {
  return receiver->by_flow + (size_t)flow * (size_t)receiver->targets;
}

static void print(const struct receiver *receiver, int each_flow) {
  uint64_t flows = 0, split = 0;
  for (uint32_t flow = 0; flow < receiver->flows; flow++) {
    int targets = 0;
    for (int i = 0; i < receiver->targets; i++) targets += flow_counts(receiver, flow)[i] > 0;
    flows += targets > 0;
    split += targets > 1;
  }
  printf("{\"received\":%llu,\"distinct\":%llu,\"duplicates\":%llu,\"reordered\":%llu,\"foreign\":%llu,\"overflows\":%llu",
         (unsigned long long)receiver->received, (unsigned long long)receiver->sequences.distinct,
         (unsigned long long)receiver->sequences.duplicates, (unsigned long long)receiver->reordered,
         (unsigned long long)receiver->foreign, (unsigned long long)overflows(receiver));
  printf(",\"seconds\":%.6f,\"gaps\":", (double)(receiver->last_ns - receiver->first_ns) / NS_PER_SECOND);
  sequences_print_gaps(&receiver->sequences, GAPS_PRINTED);
  printf(",\"byTarget\":[");
  for (int i = 0; i < receiver->targets; i++) printf("%s%llu", i ? "," : "", (unsigned long long)receiver->by_target[i]);
  printf("],\"flows\":%llu,\"splitFlows\":%llu", (unsigned long long)flows, (unsigned long long)split);
  printf(",\"latency\":{\"p50\":%.3f,\"p90\":%.3f,\"p99\":%.3f,\"p999\":%.3f,\"longest\":%.3f}", percentile_us(receiver, 0.5),
         percentile_us(receiver, 0.9), percentile_us(receiver, 0.99), percentile_us(receiver, 0.999),
         (double)receiver->latency.longest / 1000);
  if (each_flow) {
    printf(",\"byFlow\":[");
    for (uint32_t flow = 0; flow < receiver->flows; flow++) {
      printf("%s[", flow ? "," : "");
      for (int i = 0; i < receiver->targets; i++) printf("%s%u", i ? "," : "", flow_counts(receiver, flow)[i]);
      printf("]");
    }
    printf("]");
  }
  printf("}\n");
}

int traffic_receive(int argc, char *const argv[]) {
  struct texts at = {0};
  long port = 5000, flows = 65536, period_us = 0;
  int each_flow = 0;
  options_read(argc, argv,
               (const struct option_spec[]){
                   {"at", OPTION_TEXTS, &at},  // TARGET,NAMESPACE,ADDRESS
                   {"port", OPTION_NUMBER, &port},
                   {"flows", OPTION_NUMBER, &flows},  // counts flow numbers below this
                   {"period-us", OPTION_NUMBER, &period_us},  // polling interval; 0 = wake up for every packet
                   {"each-flow", OPTION_FLAG, &each_flow},  // print byFlow
                   {0},
               });
  if (flows < 1 || flows > 1 << 24) usage_error("--flows=%ld: must be 1-%d", flows, 1 << 24);

  static struct receiver receiver;
  receiver.sites = sites_parse(&at, (uint16_t)port);
  open_sockets(&receiver);
  receiver.flows = (uint32_t)flows;
  receiver.by_flow = calloc((size_t)flows * (size_t)receiver.targets, sizeof *receiver.by_flow);
  receiver.last_sequence = calloc((size_t)flows, sizeof *receiver.last_sequence);
  if (!receiver.by_flow || !receiver.last_sequence) system_failure("%ld flows", flows);
  receiver.sequences = sequences_new();

  sigset_t unblocked = stop_signals(period_us == 0);
  puts("ready");
  fflush(stdout);
  if (period_us > 0) receive_periodically(&receiver, period_us);
  else receive_immediately(&receiver, &unblocked);
  print(&receiver, each_flow);
  return 0;
}
