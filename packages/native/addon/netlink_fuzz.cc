// Any octets as a message of the kernel, and any verdicts, for libFuzzer (scripts/fuzz.mjs): nothing is read outside of a message, a packet lies in it,
// and what Writer wrote reads back.

#include "netlink.h"

#include <cstdlib>
#include <memory>

using netlink::Kind;

static void require(bool holds) {
  if (!holds) abort();
}

/// The first four octets, or 0.
static uint32_t wordOf(const uint8_t* data, size_t size) {
  uint32_t word = 0;
  memcpy(&word, data, size < sizeof word ? size : sizeof word);
  return word;
}

static void read(const uint8_t* data, size_t size) {
  // Of exactly this size, so that any access beyond its end is detected.
  const std::unique_ptr<uint8_t[]> message(new uint8_t[size]);
  if (size > 0) memcpy(message.get(), data, size);
  netlink::Packet packet;
  const Kind kind = netlink::readMessage(message.get(), size, packet);
  require(packet.offset <= size && packet.length <= size - packet.offset);
  require(kind != Kind::error || packet.error != 0);
  require(kind == Kind::packet || kind == Kind::other || kind == Kind::error || kind == Kind::malformed);
  // A packet without a payload is one of 0 octets, not one somewhere else.
  require(packet.offset != 0 || packet.length == 0);
}

static void write(const uint8_t* data, size_t size) {
  const uint32_t id = wordOf(data, size);
  const int32_t mark = static_cast<int32_t>(size > 4 ? wordOf(data + 4, size - 4) : 0);
  uint8_t bytes[netlink::kVerdictSize];
  netlink::Writer writer(bytes);
  netlink::writeVerdict(writer, static_cast<uint16_t>(id), id, mark);
  require(writer.size() <= netlink::kVerdictSize);
  nlmsghdr header;
  memcpy(&header, bytes, sizeof header);
  require(header.nlmsg_len == writer.size() && header.nlmsg_type == netlink::kVerdictType);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  read(data, size);
  write(data, size);
  return 0;
}
