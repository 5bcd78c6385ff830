// `traffic inject`: sends the packets of a file unchanged, including malformed ones: a classic pcap file or lines of hex digits.

#include <ctype.h>
#include <errno.h>
#include <net/ethernet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "clock.h"
#include "commands.h"
#include "failure.h"
#include "link.h"
#include "options.h"

#define LONGEST_FRAME 65535

// https://www.tcpdump.org/manpages/pcap-savefile.5.html
#define PCAP_MICROSECONDS 0xa1b2c3d4u
#define PCAP_NANOSECONDS 0xa1b23c4du
#define LINKTYPE_ETHERNET 1
#define LINKTYPE_RAW 101

struct injector {
  struct link link;
  int whole_frames;  // send Ethernet headers as they are
  uint64_t interval_ns;
  uint64_t next_ns;
  unsigned long sent, refused;
};

// A packet that the kernel refuses (longer than the MTU, shorter than a header) is counted; it is not an error.
static void send_frame(struct injector *injector, const unsigned char *frame, size_t length) {
  if (injector->interval_ns > 0) {
    sleep_until_ns(injector->next_ns);
    injector->next_ns += injector->interval_ns;
  }
  if (send(injector->link.socket, frame, length, 0) == (ssize_t)length) injector->sent++;
  else if (errno == EMSGSIZE || errno == EINVAL || errno == ENOBUFS) injector->refused++;
  else system_failure("send");
}

static void send_packet(struct injector *injector, const unsigned char *packet, size_t length, uint16_t ethertype) {
  static unsigned char frame[ETHERNET_HEADER + LONGEST_FRAME];
  link_header(&injector->link, frame, ethertype);
  memcpy(frame + ETHERNET_HEADER, packet, length);
  send_frame(injector, frame, ETHERNET_HEADER + length);
}

static void send_ip(struct injector *injector, const unsigned char *packet, size_t length) {
  send_packet(injector, packet, length, length > 0 && packet[0] >> 4 == 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP);
}

static void send_ethernet(struct injector *injector, const unsigned char *frame, size_t length) {
  if (injector->whole_frames || length < ETHERNET_HEADER) send_frame(injector, frame, length);
  else send_packet(injector, frame + ETHERNET_HEADER, length - ETHERNET_HEADER, (uint16_t)(frame[12] << 8 | frame[13]));
}

static uint32_t word(const unsigned char *bytes, int swapped) {
  uint32_t value;
  memcpy(&value, bytes, 4);
  return swapped ? __builtin_bswap32(value) : value;
}

static int is_pcap(uint32_t magic) {
  return magic == PCAP_MICROSECONDS || magic == PCAP_NANOSECONDS;
}

static void inject_pcap(struct injector *injector, FILE *file, const char *name) {
  unsigned char header[24], record[16];
  static unsigned char data[LONGEST_FRAME];
  if (fread(header, sizeof header, 1, file) != 1) usage_error("%s: the pcap header is cut off", name);
  int swapped = !is_pcap(word(header, 0));
  if (!is_pcap(word(header, swapped))) usage_error("%s: neither classic pcap nor hex digits", name);
  uint32_t link_type = word(header + 20, swapped) & 0xffff;
  if (link_type != LINKTYPE_ETHERNET && link_type != LINKTYPE_RAW) usage_error("%s: link type %u: must be 1 or 101", name, link_type);
  while (fread(record, sizeof record, 1, file) == 1) {
    uint32_t length = word(record + 8, swapped);
    if (length > sizeof data || fread(data, 1, length, file) != length) {
      usage_error("%s: a record is cut off or longer than %d", name, LONGEST_FRAME);
    }
    if (link_type == LINKTYPE_ETHERNET) send_ethernet(injector, data, length);
    else send_ip(injector, data, length);
  }
}

// IP packets, or Ethernet frames with --whole-frames; one per line, blanks anywhere, `#` starts a comment.
static void inject_hex(struct injector *injector, FILE *file, const char *name) {
  static unsigned char data[LONGEST_FRAME];
  char *line = NULL;
  size_t capacity = 0;
  for (int number = 1; getline(&line, &capacity, file) >= 0; number++) {
    size_t digits = 0;
    for (const char *at = line; *at && *at != '#'; at++) {
      if (isspace((unsigned char)*at)) continue;
      if (!isxdigit((unsigned char)*at) || digits / 2 == sizeof data) {
        usage_error("%s: line %d: hex digits of at most %d octets", name, number, LONGEST_FRAME);
      }
      int value = isdigit((unsigned char)*at) ? *at - '0' : tolower((unsigned char)*at) - 'a' + 10;
      data[digits / 2] = (unsigned char)(digits % 2 ? data[digits / 2] | value : value << 4);
      digits++;
    }
    if (digits % 2) usage_error("%s: line %d: half an octet", name, number);
    if (digits == 0) continue;
    if (injector->whole_frames) send_frame(injector, data, digits / 2);
    else send_ip(injector, data, digits / 2);
  }
  free(line);
}

int traffic_inject(int argc, char *const argv[]) {
  const char *device = NULL, *to_mac = NULL, *path = NULL;
  long rate = 0;
  struct injector injector = {0};
  options_read(argc, argv,
               (const struct option_spec[]){
                   {"device", OPTION_TEXT, &device},
                   {"to-mac", OPTION_TEXT, &to_mac},
                   {"file", OPTION_TEXT, &path},  // default: stdin
                   {"rate", OPTION_NUMBER, &rate},  // packets/s; 0 = as fast as possible
                   {"whole-frames", OPTION_FLAG, &injector.whole_frames},
                   {0},
               });
  injector.link = link_open(option_required("device", device), option_required("to-mac", to_mac));
  injector.interval_ns = rate > 0 ? NS_PER_SECOND / (uint64_t)rate : 0;
  injector.next_ns = now_ns();

  FILE *file = path ? fopen(path, "r") : stdin;
  if (!file) system_failure("%s", path);
  if (!path) path = "stdin";
  // No pcap magic number starts with a character that is valid in a hex file.
  int first = getc(file);
  ungetc(first, file);
  if (first == EOF || first == '#' || isxdigit(first) || isspace(first)) inject_hex(&injector, file, path);
  else inject_pcap(&injector, file, path);
  printf("{\"sent\":%lu,\"refused\":%lu}\n", injector.sent, injector.refused);
  return 0;
}
