// `traffic send`: sends UDP packets of many flows to one address, whole or fragmented, at a given rate or as fast as possible.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "clock.h"
#include "commands.h"
#include "datagram.h"
#include "endpoint.h"
#include "failure.h"
#include "fragment.h"
#include "options.h"
#include "stop-signal.h"

// Frames per sendmmsg(2).
#define BATCH 64
#define LONGEST_PACKET 1500

// Which fragments of a datagram are sent, and in which order.
struct order {
  const char *name;
  int reversed;
  int first, rest;  // whether the first fragment is sent, and whether the others are
};

static struct order order_named(const char *name) {
  static const struct order orders[] = {
      {"forward", 0, 1, 1},
      {"reversed", 1, 1, 1},
      {"first-alone", 0, 1, 0},
      {"without-first", 0, 0, 1},
  };
  for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
    if (strcmp(orders[i].name, name) == 0) return orders[i];
  }
  usage_error("--order=%s: must be forward, reversed, first-alone or without-first", name);
}

static void send_all(int socket, struct mmsghdr *messages, unsigned count) {
  for (unsigned done = 0; done < count;) {
    int sent = sendmmsg(socket, messages + done, count - done, 0);
    // ENOBUFS: the device refused the frame. It counts as sent, so the receiver reports it as lost.
    if (sent < 0 && errno == ENOBUFS) sent = 1;
    if (sent < 0 && errno != EINTR) system_failure("sendmmsg");
    if (sent > 0) done += (unsigned)sent;
  }
}

int traffic_send(int argc, char *const argv[]) {
  const char *device = NULL, *to_mac = NULL, *from = NULL, *to = NULL;
  long sources = 1, port = 1024, ports = 1, to_port = 5000, length = 64;
  long rate = 0, burst = 1, milliseconds = 0, count = 0, first_flow = 0, first_sequence = 0, fragment_octets = 0;
  const char *order_name = "forward";
  options_read(argc, argv,
               (const struct option_spec[]){
                   {"device", OPTION_TEXT, &device},
                   {"to-mac", OPTION_TEXT, &to_mac},
                   {"from", OPTION_TEXT, &from},  // first source address
                   {"sources", OPTION_NUMBER, &sources},  // number of consecutive addresses
                   {"port", OPTION_NUMBER, &port},  // first source port
                   {"ports", OPTION_NUMBER, &ports},  // number of consecutive ports; flows = sources * ports
                   {"to", OPTION_TEXT, &to},
                   {"to-port", OPTION_NUMBER, &to_port},
                   {"length", OPTION_NUMBER, &length},  // of the IP packet, octets
                   {"rate", OPTION_NUMBER, &rate},  // packets/s; 0 = as fast as possible
                   {"burst", OPTION_NUMBER, &burst},  // packets per wake-up, with --rate
                   {"milliseconds", OPTION_NUMBER, &milliseconds},  // 0 = no limit
                   {"count", OPTION_NUMBER, &count},  // 0 = no limit
                   {"first-flow", OPTION_NUMBER, &first_flow},
                   {"first-sequence", OPTION_NUMBER, &first_sequence},
                   {"fragment-octets", OPTION_NUMBER, &fragment_octets},  // of data in each fragment; 0 = whole packets
                   {"order", OPTION_TEXT, &order_name},  // of a datagram's fragments
                   {0},
               });

  struct endpoint source = endpoint_parse("from", option_required("from", from), 0);
  struct endpoint destination = endpoint_parse("to", option_required("to", to), 0);
  if (source.length != destination.length) usage_error("--from, --to: must be of the same family");
  struct datagram_shape shape = {
      .family = endpoint_family(&destination),
      .destination_port = (uint16_t)to_port,
      .length = (uint16_t)length,
  };
  memcpy(shape.destination, endpoint_octets(&destination), shape.family == AF_INET ? 4 : 16);
  if (length < datagram_minimum(shape.family) || length > LONGEST_PACKET) {
    usage_error("--length=%ld: must be %u-%u", length, datagram_minimum(shape.family), LONGEST_PACKET);
  }
  if (sources < 1 || ports < 1 || port < 0 || port + ports > 65536) usage_error("--sources, --port, --ports: no such flows");
  if (burst < 1 || burst > BATCH) usage_error("--burst=%ld: must be 1-%d", burst, BATCH);

  struct order order = order_named(order_name);
  unsigned octets = (unsigned)fragment_octets;
  if (fragment_octets < 0 || fragment_octets % 8 != 0 || fragment_octets >= length) usage_error("--fragment-octets=%ld", fragment_octets);
  unsigned parts_each = octets > 0 ? fragment_count(&shape, octets) : 1;
  if (octets > 0 && (parts_each < 2 || parts_each > BATCH)) usage_error("--fragment-octets=%ld: %u fragments", fragment_octets, parts_each);

  // Consecutive packets differ in port first, then in address.
  unsigned flows = (unsigned)(sources * ports);
  struct datagram_flow *flow = calloc(flows, sizeof *flow);
  if (!flow) system_failure("%u flows", flows);
  for (unsigned i = 0; i < flows; i++) {
    unsigned char address[16];
    endpoint_octets_after(&source, i / (unsigned)ports, address);
    flow[i] = datagram_flow(&shape, address, (uint16_t)(port + i % (unsigned)ports));
  }

  struct link link = link_open(option_required("device", device), option_required("to-mac", to_mac));
  static unsigned char frames[BATCH][ETHERNET_HEADER + LONGEST_PACKET + FRAGMENT_OVERHEAD];
  static unsigned char whole[ETHERNET_HEADER + LONGEST_PACKET];
  datagram_prepare(whole, &link, &shape);
  struct iovec parts[BATCH];
  struct mmsghdr messages[BATCH] = {0};
  for (int i = 0; i < BATCH; i++) {
    parts[i] = (struct iovec){.iov_base = frames[i], .iov_len = datagram_prepare(frames[i], &link, &shape)};
    messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
  }

  stop_signals(0);
  // The default of 50 microseconds would send packets in bursts at rates above 20,000/s.
  prctl(PR_SET_TIMERSLACK, 1);
  uint64_t limit = count > 0 ? (uint64_t)count : UINT64_MAX;
  uint64_t sent = 0, start = now_ns(), now = start;
  uint64_t end = milliseconds > 0 ? start + (uint64_t)milliseconds * 1000000 : UINT64_MAX;
  unsigned next_flow = 0;
  while (!stop_requested && sent < limit && (now = now_ns()) < end) {
    uint64_t due = limit - sent;
    if (rate > 0) {
      // A late sender catches up, so that the average rate is kept.
      uint64_t by_now = (uint64_t)((double)(now - start) * (double)rate / NS_PER_SECOND) + (uint64_t)burst;
      if (by_now < sent + (uint64_t)burst) {
        sleep_until_ns(start + (uint64_t)((double)sent * NS_PER_SECOND / (double)rate) + 1);
        continue;
      }
      if (by_now - sent < due) due = by_now - sent;
    }
    unsigned batch = due < BATCH / parts_each ? (unsigned)due : BATCH / parts_each;
    unsigned messages_made = 0;
    for (unsigned i = 0; i < batch; i++) {
      struct payload payload = {
          .sequence = (uint32_t)(first_sequence + (long)sent + i),
          .flow = (uint32_t)first_flow + next_flow,
          .sent_ns = now,
      };
      if (octets == 0) {
        datagram_fill(frames[messages_made++], &shape, &flow[next_flow], payload);
      } else {
        datagram_fill(whole, &shape, &flow[next_flow], payload);
        for (unsigned part = 0; part < parts_each; part++) {
          unsigned index = order.reversed ? parts_each - 1 - part : part;
          if (!(index == 0 ? order.first : order.rest)) continue;
          parts[messages_made].iov_len = fragment_write(frames[messages_made], whole, &shape, octets, index, payload.sequence + 1);
          messages_made++;
        }
      }
      if (++next_flow == flows) next_flow = 0;
    }
    send_all(link.socket, messages, messages_made);
    sent += batch;
  }
  printf("{\"sent\":%llu,\"seconds\":%.6f}\n", (unsigned long long)sent, (double)(now_ns() - start) / NS_PER_SECOND);
  return 0;
}
