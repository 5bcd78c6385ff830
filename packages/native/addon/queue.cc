#include "queue.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "netlink.h"
#include "system_error.h"

namespace {

template <typename T>
T* dataOf(const Napi::Object& arrays, const char* name, std::vector<Napi::ObjectReference>& keep) {
  const Napi::TypedArray array = arrays.Get(name).As<Napi::TypedArray>();
  keep.push_back(Napi::Persistent(array.As<Napi::Object>()));
  return reinterpret_cast<T*>(static_cast<uint8_t*>(array.ArrayBuffer().Data()) + array.ByteOffset());
}

uint32_t number(const Napi::Object& options, const char* name) {
  return options.Get(name).As<Napi::Number>().Uint32Value();
}

}  // namespace

Napi::Function Queue::define(Napi::Env env) {
  return DefineClass(env, "Queue",
                     {InstanceMethod<&Queue::receive>("receive"), InstanceMethod<&Queue::settle>("settle"),
                      InstanceMethod<&Queue::close>("close"), InstanceAccessor<&Queue::errors>("errors")});
}

Queue::Queue(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Queue>(info) {
  const Napi::Env env = info.Env();
  const Napi::Object options = info[0].As<Napi::Object>();
  const Napi::Object arrays = info[1].As<Napi::Object>();
  queue_ = static_cast<uint16_t>(number(options, "queue"));
  wakeup_ = options.Get("wakeup").As<Napi::Number>().Int32Value();
  const uint32_t copyRange = number(options, "copyRange");
  const uint32_t length = number(options, "length");

  bytes_ = dataOf<uint8_t>(arrays, "bytes", arrays_);
  offset_ = dataOf<uint32_t>(arrays, "offset", arrays_);
  length_ = dataOf<uint32_t>(arrays, "length", arrays_);
  etherType_ = dataOf<uint16_t>(arrays, "etherType", arrays_);
  mark_ = dataOf<int32_t>(arrays, "mark", arrays_);
  batch_ = number(options, "batch");
  slot_ = arrays.Get("bytes").As<Napi::TypedArray>().ByteLength() / batch_;

  ids_.resize(batch_);
  messages_.resize(batch_);
  slots_.resize(batch_);
  verdicts_.resize(batch_ * netlink::kVerdictSize);
  for (uint32_t i = 0; i < batch_; i++) {
    slots_[i] = {bytes_ + i * slot_, slot_};
    messages_[i] = {};
    messages_[i].msg_hdr.msg_iov = &slots_[i];
    messages_[i].msg_hdr.msg_iovlen = 1;
  }

  fd_ = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  if (fd_ < 0) throwSystemError(env, errno, "opening a netfilter socket");
  try {
    growSocketBuffer(length, copyRange);
    bind(env, length, copyRange);
  } catch (...) {
    ::close(fd_);
    fd_ = -1;
    throw;
  }
}

Queue::~Queue() {
  if (fd_ >= 0) ::close(fd_);
}

/// One message does it all, so that no packet comes before the queue is set up as it shall be.
void Queue::bind(Napi::Env env, uint32_t length, uint32_t copyRange) {
  uint8_t buffer[256];
  netlink::Writer writer(buffer);
  writer.begin(netlink::kConfigType, NLM_F_ACK, queue_);
  const nfqnl_msg_config_cmd command = {NFQNL_CFG_CMD_BIND, 0, htons(AF_UNSPEC)};
  writer.attribute(NFQA_CFG_CMD, &command, sizeof command);
  const nfqnl_msg_config_params params = {htonl(copyRange), NFQNL_COPY_PACKET};
  writer.attribute(NFQA_CFG_PARAMS, &params, sizeof params);
  writer.attributeU32(NFQA_CFG_QUEUE_MAXLEN, length);
  // GSO: large packets come whole, instead of being cut up and summed for our sake. Fail-open stays off: what finds the queue
  // full is dropped, not let through unmarked.
  writer.attributeU32(NFQA_CFG_FLAGS, NFQA_CFG_F_GSO);
  writer.attributeU32(NFQA_CFG_MASK, NFQA_CFG_F_GSO | NFQA_CFG_F_FAIL_OPEN);
  writer.end();
  const std::string operation = "listening to NFQUEUE " + std::to_string(queue_);
  if (send(fd_, buffer, writer.size(), 0) < 0) throwSystemError(env, errno, operation);

  // The kernel has answered when send() returns. A refusal comes first, since no packet can come then; a packet in its place
  // means that all is well, and stays for receive().
  netlink::Packet answer;
  const ssize_t received = recv(fd_, buffer, sizeof buffer, MSG_PEEK | MSG_DONTWAIT);
  if (received < 0) throwSystemError(env, errno, operation);
  if (netlink::readMessage(buffer, static_cast<size_t>(received), answer) == netlink::Kind::error) {
    throwSystemError(env, answer.error, operation);
  }
}

/// The socket must hold a whole queue, or the kernel drops what does not fit. A packet costs its octets and the kernel's own
/// book-keeping for it (struct sk_buff and its alignment: about 1 KiB).
void Queue::growSocketBuffer(uint32_t length, uint32_t copyRange) {
  const uint64_t wanted = static_cast<uint64_t>(length) * (copyRange + netlink::kPacketOverhead + 1024);
  const int size = static_cast<int>(std::min<uint64_t>(wanted, INT32_MAX / 2));
  if (setsockopt(fd_, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0) setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  // What did not fit is counted by the queue (/proc/net/netfilter/nfnetlink_queue); an error for it would only be in the way.
  const int on = 1;
  setsockopt(fd_, SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof on);
}

/// receive(timeout in ms, linger in µs) → number of packets
Napi::Value Queue::receive(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (fd_ < 0) throwSystemError(env, EBADF, "receiving from a closed queue");
  // Under load there is something already: a wait for it would be a system call for nothing.
  int count = receiveAvailable(env);
  if (count == 0 && wait(env, info[0].As<Napi::Number>().Int32Value(), info[1].As<Napi::Number>().Int32Value())) {
    count = receiveAvailable(env);
  }
  return Napi::Number::New(env, count);
}

/// Takes what is there, up to a batch.
int Queue::receiveAvailable(Napi::Env env) {
  int received;
  do received = recvmmsg(fd_, messages_.data(), batch_, MSG_DONTWAIT, nullptr);
  while (received < 0 && errno == EINTR);
  if (received < 0) {
    if (errno == EAGAIN) return 0;
    // Memory was short: the queue's own counters say what was lost.
    if (errno == ENOBUFS || errno == ENOMEM) {
      errors_++;
      return 0;
    }
    throwSystemError(env, errno, "receiving from NFQUEUE " + std::to_string(queue_));
  }
  int count = 0;
  for (int i = 0; i < received; i++) {
    netlink::Packet packet;
    const uint8_t* message = bytes_ + static_cast<size_t>(i) * slot_;
    switch (netlink::readMessage(message, messages_[i].msg_len, packet)) {
      case netlink::Kind::packet:
        ids_[count] = packet.id;
        offset_[count] = static_cast<uint32_t>(static_cast<size_t>(i) * slot_ + packet.offset);
        length_[count] = static_cast<uint32_t>(packet.length);
        etherType_[count] = packet.etherType;
        count++;
        break;
      case netlink::Kind::error:
      case netlink::Kind::malformed:
        errors_++;
        break;
      case netlink::Kind::other:
        break;
    }
  }
  return count;
}

/// Waits until packets come; false when it was woken, or waited long enough.
bool Queue::wait(Napi::Env env, int timeout, long linger) {
  pollfd watched[2] = {{fd_, POLLIN, 0}, {wakeup_, POLLIN, 0}};
  const int ready = poll(watched, wakeup_ < 0 ? 1 : 2, timeout);
  if (ready < 0 && errno != EINTR) throwSystemError(env, errno, "waiting for NFQUEUE " + std::to_string(queue_));
  if (ready <= 0) return false;
  if (watched[1].revents != 0) {
    uint64_t signals;
    // Non-blocking; somebody else may have taken it.
    if (read(wakeup_, &signals, sizeof signals) < 0 && errno != EAGAIN) throwSystemError(env, errno, "reading the wake-up");
  }
  if (watched[0].revents == 0) return false;
  // More come while we sleep: one wake-up for several of them.
  if (linger > 0) {
    const timespec pause = {0, linger * 1000};
    nanosleep(&pause, nullptr);
  }
  return true;
}

/// settle(count): all verdicts in one message, in arrival order.
void Queue::settle(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (fd_ < 0) throwSystemError(env, EBADF, "settling packets of a closed queue");
  const uint32_t count = std::min(info[0].As<Napi::Number>().Uint32Value(), batch_);
  if (count == 0) return;
  netlink::Writer writer(verdicts_.data());
  for (uint32_t i = 0; i < count; i++) netlink::writeVerdict(writer, queue_, ids_[i], mark_[i]);
  while (send(fd_, verdicts_.data(), writer.size(), 0) < 0) {
    if (errno == EINTR) continue;
    // Memory is short for a moment; the packets wait for us, so wait for it.
    if (errno == ENOBUFS || errno == ENOMEM || errno == EAGAIN) {
      errors_++;
      const timespec pause = {0, 1000000};
      nanosleep(&pause, nullptr);
      continue;
    }
    throwSystemError(env, errno, "sending verdicts to NFQUEUE " + std::to_string(queue_));
  }
}

/// The kernel drops what waits in the queue when its socket is closed.
void Queue::close(const Napi::CallbackInfo&) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Napi::Value Queue::errors(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), errors_);
}
