#include "queue.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "errors.h"
#include "netlink.h"

namespace {

uint32_t number(const Napi::Object& options, const char* name) {
  return options.Get(name).As<Napi::Number>().Uint32Value();
}

/// Packets that it is worth to wait for, since they are cheaper together: no fewer, which would save little, and no more.
constexpr double kFew = 3;
constexpr double kEnough = 8;
/// Packets that come together although nobody waits.
constexpr uint32_t kMany = 16;

void pause(long microseconds) {
  const timespec time = {0, microseconds * 1000};
  nanosleep(&time, nullptr);
}

/// CLOCK_MONOTONIC in milliseconds, as it is in the time namespace of this process.
double monotonicNow() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

/// The kernel is temporarily short of memory.
bool isShortage(int error) {
  return error == ENOBUFS || error == ENOMEM;
}

}  // namespace

Napi::Function Queue::define(Napi::Env env) {
  return DefineClass(env, "Queue",
                     {InstanceMethod<&Queue::receive>("receive"), InstanceMethod<&Queue::settle>("settle"),
                      InstanceMethod<&Queue::configure>("configure"),
                      InstanceMethod<&Queue::close>("close"), InstanceAccessor<&Queue::fd>("fd"), InstanceAccessor<&Queue::errors>("errors"),
                      InstanceAccessor<&Queue::malformed>("malformed"), InstanceAccessor<&Queue::shortages>("shortages")});
}

Queue::Queue(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Queue>(info) {
  const Napi::Env env = info.Env();
  const Napi::Object options = info[0].As<Napi::Object>();
  queue_ = static_cast<uint16_t>(number(options, "queue"));
  batch_ = number(options, "batch");
  copyRange_ = number(options, "copyRange");
  clockOffset_ = options.Get("clockOffset").As<Napi::Number>().DoubleValue();
  takeArrays(info[1].As<Napi::Object>());

  ids_.resize(batch_);
  verdicts_.resize(batch_ * netlink::kVerdictSize);
  slots_.resize(batch_);
  messages_.resize(batch_);
  for (uint32_t i = 0; i < batch_; i++) {
    slots_[i] = {bytes_ + i * slotSize_, slotSize_};
    messages_[i].msg_hdr.msg_iov = &slots_[i];
    messages_[i].msg_hdr.msg_iovlen = 1;
  }

  const int wakeup = options.Get("wakeup").As<Napi::Number>().Int32Value();
  if (wakeup >= 0) {
    // Our own copy: the other thread may close its descriptor at any time.
    wakeup_ = Descriptor(fcntl(wakeup, F_DUPFD_CLOEXEC, 0));
    if (!wakeup_.isOpen()) throwSystemError(env, errno, "duplicating the wake-up descriptor");
  }
  const int bound = options.Get("socket").As<Napi::Number>().Int32Value();
  if (bound >= 0) {
    adopt(env, bound);
    return;
  }
  const uint32_t length = number(options, "length");
  openSocket(env);
  setReceiveBuffer(length);
  checkPermission(env);
  bind(env, length);
}

void Queue::takeArrays(const Napi::Object& arrays) {
  const auto take = [&](const char* name) {
    const Napi::TypedArray array = arrays.Get(name).As<Napi::TypedArray>();
    arrays_.push_back(Napi::Persistent(array.As<Napi::Object>()));
    return static_cast<uint8_t*>(array.ArrayBuffer().Data()) + array.ByteOffset();
  };
  bytes_ = take("bytes");
  offset_ = reinterpret_cast<uint32_t*>(take("offset"));
  length_ = reinterpret_cast<uint32_t*>(take("length"));
  etherType_ = reinterpret_cast<uint16_t*>(take("etherType"));
  mark_ = reinterpret_cast<int32_t*>(take("mark"));
  clock_ = reinterpret_cast<double*>(take("clock"));
  slotSize_ = arrays.Get("bytes").As<Napi::TypedArray>().ByteLength() / batch_;
}

/// Takes a socket that another process has bound to the queue.
void Queue::adopt(Napi::Env env, int bound) {
  socket_ = Descriptor(fcntl(bound, F_DUPFD_CLOEXEC, 0));
  if (!socket_.isOpen()) throwSystemError(env, errno, "taking over");
  int domain = 0;
  int protocol = 0;
  socklen_t size = sizeof domain;
  if (getsockopt(socket_.get(), SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0) throwSystemError(env, errno, "taking over");
  if (getsockopt(socket_.get(), SOL_SOCKET, SO_PROTOCOL, &protocol, &size) < 0) throwSystemError(env, errno, "taking over");
  if (domain != AF_NETLINK || protocol != NETLINK_NETFILTER) throwSystemError(env, ENOTSOCK, "taking over");
}

/// configure(packets)
void Queue::configure(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!socket_.isOpen()) throwSystemError(env, EBADF, "configuring");
  const uint32_t length = info[0].As<Napi::Number>().Uint32Value();
  setReceiveBuffer(length);
  uint8_t buffer[256];
  netlink::Writer writer(buffer);
  // No answer is requested: receive() counts an error.
  netlink::writeSettings(writer, queue_, length, copyRange_);
  if (send(socket_.get(), buffer, writer.size(), 0) < 0) throwSystemError(env, errno, "configuring");
}

void Queue::openSocket(Napi::Env env) {
  socket_ = Descriptor(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
  if (!socket_.isOpen()) throwSystemError(env, errno, "opening a socket");
  // To the kernel: a connected socket receives messages from nobody else.
  sockaddr_nl kernel = {};
  kernel.nl_family = AF_NETLINK;
  if (connect(socket_.get(), reinterpret_cast<sockaddr*>(&kernel), sizeof kernel) < 0) throwSystemError(env, errno, "connecting");
  // The queue counts what did not fit (/proc/net/netfilter/nfnetlink_queue); an error for it would only get in the way.
  const int on = 1;
  setsockopt(socket_.get(), SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof on);
}

void Queue::setReceiveBuffer(uint32_t length) {
  // The socket buffer must hold a whole queue, or the kernel drops what does not fit. The kernel counts each message with its bookkeeping
  // (struct sk_buff, struct skb_shared_info: less than 1 KiB), rounded up to a power of two; and it grants twice the requested size, which
  // makes up for the rounding.
  const uint64_t wanted = static_cast<uint64_t>(length) * (copyRange_ + netlink::kPacketOverhead + 1024);
  const int size = static_cast<int>(std::min<uint64_t>(wanted, INT32_MAX / 2));
  if (setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0) {
    setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  }
}

/// The kernel returns EPERM both if the capability is missing and if another program listens. NFQNL_CFG_CMD_PF_BIND, a no-op since Linux
/// 3.8, tells which.
void Queue::checkPermission(Napi::Env env) {
  uint8_t buffer[256];
  netlink::Writer writer(buffer);
  netlink::writeCommand(writer, queue_, NFQNL_CFG_CMD_PF_BIND);
  if (send(socket_.get(), buffer, writer.size(), 0) < 0) throwSystemError(env, errno, "checking permission");
  const ssize_t received = recv(socket_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  if (received < 0) throwSystemError(env, errno, "checking permission");
  netlink::Packet answer;
  if (netlink::readMessage(buffer, static_cast<size_t>(received), answer) == netlink::Kind::error && answer.error == EPERM) {
    throwSystemError(env, EPERM, "binding");
  }
}

/// Binds and configures in one message, so that hardly any packet arrives before the queue is configured.
void Queue::bind(Napi::Env env, uint32_t length) {
  uint8_t buffer[256];
  netlink::Writer writer(buffer);
  netlink::writeBind(writer, queue_, length, copyRange_);
  if (send(socket_.get(), buffer, writer.size(), 0) < 0) throwSystemError(env, errno, "binding");

  // The kernel has answered when send() returns. No packet can come before an error, but one can come before an acknowledgement: then both
  // are left for receive(), which skips the acknowledgement.
  const ssize_t received = recv(socket_.get(), buffer, sizeof buffer, MSG_PEEK | MSG_DONTWAIT);
  if (received < 0) throwSystemError(env, errno, "binding");
  netlink::Packet answer;
  const netlink::Kind kind = netlink::readMessage(buffer, static_cast<size_t>(received), answer);
  if (kind == netlink::Kind::error) throwSystemError(env, answer.error == EPERM ? EBUSY : answer.error, "binding");
  if (kind == netlink::Kind::other) recv(socket_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
}

/// receive(timeout in ms, linger in µs, busy poll in µs) → number of packets
Napi::Value Queue::receive(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!socket_.isOpen()) throwSystemError(env, EBADF, "receiving");
  const int timeout = info[0].As<Napi::Number>().Int32Value();
  const long linger = info[1].As<Napi::Number>().Int32Value();
  // Waiting for the first packet as well would be a second wake-up, and what has come since the last batch would be a small batch of its own.
  if (isSteady_) gather(linger);
  // Under load there are packets already: waiting for them would waste a system call.
  unsettled_ = receiveAvailable(env);
  if (unsettled_ == 0) unsettled_ = poll(env, info[2].As<Napi::Number>().Int32Value());
  if (unsettled_ == 0) {
    const double begin = monotonicNow();
    const bool hasCome = wait(env, timeout);
    isSteady_ = hasCome && (monotonicNow() - begin) * 1000 < static_cast<double>(linger);
    if (hasCome) {
      gather(linger);
      unsettled_ = receiveAvailable(env);
    }
  } else if (unsettled_ >= kMany) {
    isSteady_ = false;
  }
  const double end = monotonicNow();
  clock_[0] = end - clockOffset_;
  // Whether one comes in the time of two is all that matters.
  if (linger > 0) arrivals_.add(unsettled_, end, 2e-3 * static_cast<double>(linger));
  return Napi::Number::New(env, unsettled_);
}

/// Asks for packets again and again, rather than sleep and be woken up.
uint32_t Queue::poll(Napi::Env env, long microseconds) {
  if (microseconds == 0) return 0;
  const double end = monotonicNow() + static_cast<double>(microseconds) / 1000;
  uint32_t count = 0;
  do count = receiveAvailable(env);
  while (count == 0 && monotonicNow() < end);
  return count;
}

/// Sleeps while more packets come: one wake-up for several. Not for fewer than a few, and no longer than it takes until there are
/// enough: the more come together, the less each gains by another.
void Queue::gather(long linger) {
  const double expected = arrivals_.within(linger);
  if (expected < kFew) return;
  if (!exact_) {
    // Or timers may be late by 50 µs (PR_SET_TIMERSLACK(2const)).
    prctl(PR_SET_TIMERSLACK, 1);
    exact_ = true;
  }
  pause(expected > kEnough ? static_cast<long>(static_cast<double>(linger) * kEnough / expected) : linger);
}

/// Receives what is available, up to a batch.
uint32_t Queue::receiveAvailable(Napi::Env env) {
  int received;
  do received = recvmmsg(socket_.get(), messages_.data(), batch_, MSG_DONTWAIT, nullptr);
  while (received < 0 && errno == EINTR);
  if (received < 0) {
    if (errno == EAGAIN) return 0;
    if (!isShortage(errno)) throwSystemError(env, errno, "receiving");
    shortages_++;
    return 0;
  }
  uint32_t count = 0;
  for (int i = 0; i < received; i++) {
    const size_t at = static_cast<size_t>(i) * slotSize_;
    netlink::Packet packet;
    switch (netlink::readMessage(bytes_ + at, messages_[i].msg_len, packet)) {
      case netlink::Kind::packet:
        ids_[count] = packet.id;
        offset_[count] = static_cast<uint32_t>(at + packet.offset);
        length_[count] = static_cast<uint32_t>(packet.length);
        etherType_[count] = packet.etherType;
        count++;
        break;
      case netlink::Kind::error:
        errors_++;
        break;
      case netlink::Kind::malformed:
        malformed_++;
        break;
      case netlink::Kind::other:
        break;
    }
  }
  return count;
}

/// Waits for packets; false when woken up or timed out.
bool Queue::wait(Napi::Env env, int timeout) {
  if (timeout == 0) return false;
  pollfd watched[2] = {{socket_.get(), POLLIN, 0}, {wakeup_.get(), POLLIN, 0}};
  const int ready = ::poll(watched, wakeup_.isOpen() ? 2 : 1, timeout);
  if (ready < 0 && errno != EINTR) throwSystemError(env, errno, "waiting");
  if (ready <= 0) return false;
  if (watched[1].revents != 0) {
    uint64_t signals;
    // Non-blocking; somebody else may have read it.
    if (read(wakeup_.get(), &signals, sizeof signals) < 0 && errno != EAGAIN) throwSystemError(env, errno, "reading the wake-up");
  }
  return watched[0].revents != 0;
}

/// settle(count): sends all verdicts in one message, in arrival order.
void Queue::settle(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!socket_.isOpen()) throwSystemError(env, EBADF, "settling");
  const uint32_t count = std::min(info[0].As<Napi::Number>().Uint32Value(), unsettled_);
  unsettled_ = 0;
  if (count == 0) return;
  netlink::Writer writer(verdicts_.data());
  for (uint32_t i = 0; i < count; i++) netlink::writeVerdict(writer, queue_, ids_[i], mark_[i]);
  while (send(socket_.get(), verdicts_.data(), writer.size(), 0) < 0) {
    if (errno == EINTR) continue;
    if (!isShortage(errno)) throwSystemError(env, errno, "sending verdicts");
    // The packets need their verdicts, so wait for memory.
    shortages_++;
    pause(1000);
  }
  clock_[1] = monotonicNow() - clockOffset_;
}

/// The kernel drops packets waiting in the queue when its socket is closed.
void Queue::close(const Napi::CallbackInfo&) {
  socket_.close();
  wakeup_.close();
  unsettled_ = 0;
}

Napi::Value Queue::fd(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), socket_.get());
}

Napi::Value Queue::errors(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), errors_);
}

Napi::Value Queue::malformed(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), malformed_);
}

Napi::Value Queue::shortages(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), shortages_);
}
