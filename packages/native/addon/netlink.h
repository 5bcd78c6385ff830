#pragma once

// Writes and reads the netlink messages of NFQUEUE (linux/netfilter/nfnetlink_queue.h), without any library. No N-API here: netlink_test.cc
// runs this alone, under sanitizers.
//
// A message:  | nlmsghdr 16 | nfgenmsg 4 | attributes: | u16 length | u16 type | value, padded to 4 | … |

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace netlink {

constexpr uint16_t kPacketType = (NFNL_SUBSYS_QUEUE << 8) | NFQNL_MSG_PACKET;
constexpr uint16_t kVerdictType = (NFNL_SUBSYS_QUEUE << 8) | NFQNL_MSG_VERDICT;
constexpr uint16_t kConfigType = (NFNL_SUBSYS_QUEUE << 8) | NFQNL_MSG_CONFIG;

/// Octets of the longest verdict: headers, NFQA_VERDICT_HDR and NFQA_MARK.
constexpr size_t kVerdictSize = 16 + 4 + (4 + 8) + (4 + 4);

/// Octets of a packet message without the packet: headers and the attributes that the kernel puts before the payload. 512 is 1.5 times what
/// all attributes of Linux 6.18 take together.
constexpr size_t kPacketOverhead = 512;

/// MAX_ERRNO of include/linux/err.h.
constexpr int32_t kMaxErrno = 4095;

/// Writes consecutive messages into memory, which must be large enough.
class Writer {
 public:
  explicit Writer(uint8_t* at) : begin_(at), at_(at) {}

  void begin(uint16_t type, uint16_t flags, uint16_t queue) {
    header_ = at_;
    nlmsghdr header = {};
    header.nlmsg_type = type;
    header.nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
    put(&header, sizeof header);
    nfgenmsg generic = {};
    generic.nfgen_family = AF_UNSPEC;
    generic.version = NFNETLINK_V0;
    generic.res_id = htons(queue);
    put(&generic, sizeof generic);
  }

  void attribute(uint16_t type, const void* value, uint16_t length) {
    nlattr attribute = {static_cast<uint16_t>(sizeof attribute + length), type};
    put(&attribute, sizeof attribute);
    put(value, length);
    while ((at_ - begin_) % NLA_ALIGNTO != 0) *at_++ = 0;
  }

  void attributeU32(uint16_t type, uint32_t value) {
    const uint32_t ordered = htonl(value);
    attribute(type, &ordered, sizeof ordered);
  }

  void end() {
    const uint32_t length = static_cast<uint32_t>(at_ - header_);
    memcpy(header_, &length, sizeof length);
  }

  size_t size() const { return static_cast<size_t>(at_ - begin_); }

 private:
  void put(const void* value, size_t length) {
    memcpy(at_, value, length);
    at_ += length;
  }

  uint8_t* begin_;
  uint8_t* at_;
  uint8_t* header_ = nullptr;
};

/// Writes a configuration command, with acknowledgement requested.
inline void writeCommand(Writer& writer, uint16_t queue, uint8_t command) {
  writer.begin(kConfigType, NLM_F_ACK, queue);
  const nfqnl_msg_config_cmd cmd = {command, 0, htons(AF_UNSPEC)};
  writer.attribute(NFQA_CFG_CMD, &cmd, sizeof cmd);
  writer.end();
}

inline void putSettings(Writer& writer, uint32_t queueLength, uint32_t copyRange) {
  const nfqnl_msg_config_params params = {htonl(copyRange), NFQNL_COPY_PACKET};
  writer.attribute(NFQA_CFG_PARAMS, &params, sizeof params);
  writer.attributeU32(NFQA_CFG_QUEUE_MAXLEN, queueLength);
  // GSO: large packets arrive whole, instead of being segmented and checksummed for us. Fail-open is off: when the queue is full, packets
  // are dropped, not accepted unmarked.
  writer.attributeU32(NFQA_CFG_FLAGS, NFQA_CFG_F_GSO);
  writer.attributeU32(NFQA_CFG_MASK, NFQA_CFG_F_GSO | NFQA_CFG_F_FAIL_OPEN);
}

/// Writes the message that binds us to a queue, with acknowledgement requested.
inline void writeBind(Writer& writer, uint16_t queue, uint32_t queueLength, uint32_t copyRange) {
  writer.begin(kConfigType, NLM_F_ACK, queue);
  const nfqnl_msg_config_cmd cmd = {NFQNL_CFG_CMD_BIND, 0, htons(AF_UNSPEC)};
  writer.attribute(NFQA_CFG_CMD, &cmd, sizeof cmd);
  putSettings(writer, queueLength, copyRange);
  writer.end();
}

/// Writes the message that changes all settings of a queue that this socket is bound to. Only an error is answered.
inline void writeSettings(Writer& writer, uint16_t queue, uint32_t queueLength, uint32_t copyRange) {
  writer.begin(kConfigType, 0, queue);
  putSettings(writer, queueLength, copyRange);
  writer.end();
}

/// Writes the verdict on a packet: a mark of 0 or more accepts it with that mark, a negative one drops it.
inline void writeVerdict(Writer& writer, uint16_t queue, uint32_t packetId, int32_t mark) {
  writer.begin(kVerdictType, 0, queue);
  const nfqnl_msg_verdict_hdr verdict = {htonl(mark < 0 ? NF_DROP : NF_ACCEPT), packetId};
  writer.attribute(NFQA_VERDICT_HDR, &verdict, sizeof verdict);
  if (mark >= 0) writer.attributeU32(NFQA_MARK, static_cast<uint32_t>(mark));
  writer.end();
}

/// Kind of a message from the kernel.
enum class Kind {
  /// A packet.
  packet,
  /// An acknowledgement, or an irrelevant message.
  other,
  /// An error that the kernel returns for a message sent.
  error,
  /// Not a complete message.
  malformed,
};

struct Packet {
  /// As in the message, big-endian: it is sent back unchanged.
  uint32_t id;
  /// Host byte order.
  uint16_t etherType;
  /// Offset of the packet in the message, and its length; 0 if the kernel sent none.
  size_t offset;
  size_t length;
  /// For an error: the errno.
  int error;
};

/// Reads the message of `length` octets at `message`, and nothing beyond them.
inline Kind readMessage(const uint8_t* message, size_t length, Packet& packet) {
  packet = {};
  nlmsghdr header;
  if (length < sizeof header) return Kind::malformed;
  memcpy(&header, message, sizeof header);
  if (header.nlmsg_type == NLMSG_ERROR) {
    int32_t error;
    if (length < sizeof header + sizeof error) return Kind::malformed;
    memcpy(&error, message + sizeof header, sizeof error);
    // A negative errno: the kernel has none beyond MAX_ERRNO.
    if (error > 0 || error < -kMaxErrno) return Kind::malformed;
    packet.error = -error;
    return error == 0 ? Kind::other : Kind::error;
  }
  if (header.nlmsg_type != kPacketType) return Kind::other;

  bool known = false;
  const size_t end = length < header.nlmsg_len ? length : header.nlmsg_len;
  for (size_t at = sizeof header + sizeof(nfgenmsg); at + sizeof(nlattr) <= end;) {
    nlattr attribute;
    memcpy(&attribute, message + at, sizeof attribute);
    if (attribute.nla_len < sizeof attribute) break;
    const size_t value = at + sizeof attribute;
    size_t valueLength = attribute.nla_len - sizeof attribute;
    // The last one can be truncated, if the message was longer than its slot.
    if (valueLength > end - value) valueLength = end - value;
    switch (attribute.nla_type & NLA_TYPE_MASK) {
      case NFQA_PACKET_HDR: {
        nfqnl_msg_packet_hdr hdr;
        if (valueLength < sizeof hdr) return Kind::malformed;
        memcpy(&hdr, message + value, sizeof hdr);
        packet.id = hdr.packet_id;
        packet.etherType = ntohs(hdr.hw_protocol);
        known = true;
        break;
      }
      case NFQA_PAYLOAD:
        packet.offset = value;
        packet.length = valueLength;
        break;
    }
    at += NLA_ALIGN(attribute.nla_len);
  }
  return known ? Kind::packet : Kind::malformed;
}

}  // namespace netlink
