// Tests netlink.h alone, without Node and without a kernel: with AddressSanitizer and UBSan by netlink.test.ts, and under valgrind by
// scripts/valgrind.mjs. Checks that arbitrary octets are read within their bounds, and that written messages read back.

#include "netlink.h"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

using netlink::Kind;

static int failures = 0;
static int checks = 0;

static void check(bool holds, const char* what) {
  checks++;
  if (holds) return;
  failures++;
  fprintf(stderr, "FAILED: %s\n", what);
}

/// A packet message as the kernel sends it, with `payload` octets of payload.
static std::vector<uint8_t> packetMessage(uint32_t id, uint16_t etherType, size_t payload) {
  std::vector<uint8_t> bytes(256 + payload);
  netlink::Writer writer(bytes.data());
  writer.begin(netlink::kPacketType, 0, 2);
  const nfqnl_msg_packet_hdr hdr = {htonl(id), htons(etherType), 0};
  writer.attribute(NFQA_PACKET_HDR, &hdr, sizeof hdr);
  writer.attributeU32(NFQA_IFINDEX_INDEV, 7);
  const std::vector<uint8_t> octets(payload, 0x45);
  writer.attribute(NFQA_PAYLOAD, octets.data(), static_cast<uint16_t>(payload));
  writer.end();
  bytes.resize(writer.size());
  return bytes;
}

/// Reads a copy of exactly this size, so that a sanitizer detects any access beyond its end.
static Kind readExactly(const std::vector<uint8_t>& bytes, size_t length, netlink::Packet& packet) {
  const std::unique_ptr<uint8_t[]> copy(new uint8_t[length]);
  if (length > 0) memcpy(copy.get(), bytes.data(), length);
  const Kind kind = netlink::readMessage(copy.get(), length, packet);
  check(packet.length == 0 || packet.offset + packet.length <= length, "a payload lies within its message");
  return kind;
}

int main() {
  netlink::Packet packet;
  const std::vector<uint8_t> good = packetMessage(0x01020304, 0x86dd, 61);
  check(readExactly(good, good.size(), packet) == Kind::packet, "a packet is recognized");
  check(packet.id == htonl(0x01020304) && packet.etherType == 0x86dd && packet.length == 61, "its fields are read");
  for (size_t length = 0; length < good.size(); length++) {
    const Kind kind = readExactly(good, length, packet);
    check(kind == Kind::packet || kind == Kind::malformed, "a truncated packet is a shorter packet, or malformed");
    check(kind != Kind::packet || packet.id == htonl(0x01020304), "its id is right, or it is malformed");
  }

  srand(1);
  for (int run = 0; run < 200000; run++) {
    std::vector<uint8_t> bytes = good;
    for (int change = rand() % 6; change >= 0; change--) bytes[static_cast<size_t>(rand()) % bytes.size()] = static_cast<uint8_t>(rand());
    readExactly(bytes, bytes.size() - static_cast<size_t>(rand()) % 8, packet);
  }

  uint8_t verdicts[2 * netlink::kVerdictSize];
  netlink::Writer writer(verdicts);
  netlink::writeVerdict(writer, 3, htonl(5), 101);
  check(writer.size() == netlink::kVerdictSize, "a verdict with a mark takes kVerdictSize");
  netlink::writeVerdict(writer, 3, htonl(6), -1);
  check(writer.size() == 2 * netlink::kVerdictSize - 8, "a drop has no mark");
  uint32_t value;
  memcpy(&value, verdicts, 4);
  check(value == netlink::kVerdictSize, "its length is written");
  memcpy(&value, verdicts + 36, 4);
  check(value == htonl(101), "its mark is written, big-endian");

  nlmsghdr error = {};
  error.nlmsg_type = NLMSG_ERROR;
  std::vector<uint8_t> answer(sizeof error + 4);
  memcpy(answer.data(), &error, sizeof error);
  check(readExactly(answer, answer.size(), packet) == Kind::other, "an error of 0 is an acknowledgement");
  const int32_t code = -1;
  memcpy(answer.data() + sizeof error, &code, sizeof code);
  check(readExactly(answer, answer.size(), packet) == Kind::error && packet.error == 1, "an error is read");

  for (const int32_t impossible : {INT32_MIN, -4096, 1, INT32_MAX}) {
    memcpy(answer.data() + sizeof error, &impossible, sizeof impossible);
    check(readExactly(answer, answer.size(), packet) == Kind::malformed, "an error that is no errno is malformed");
  }

  printf("netlink: %d checks, %d failed\n", checks, failures);
  return failures == 0 ? 0 : 1;
}
