#include "passing.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "descriptor.h"
#include "errors.h"

namespace {

/// The kernel passes no more with one message (SCM_MAX_FD, net/scm.h).
constexpr size_t kMaxDescriptors = 253;
constexpr size_t kMaxText = 65536;

}  // namespace

Napi::Value sendDescriptors(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int fd = info[0].As<Napi::Number>().Int32Value();
  std::string text = info[1].As<Napi::String>();
  const Napi::Array list = info[2].As<Napi::Array>();
  std::vector<int> descriptors(list.Length());
  for (uint32_t i = 0; i < list.Length(); i++) descriptors[i] = list.Get(i).As<Napi::Number>().Int32Value();
  if (descriptors.size() > kMaxDescriptors) throwSystemError(env, E2BIG, "passing descriptors");

  iovec part = {text.data(), text.size()};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  std::vector<uint8_t> control(CMSG_SPACE(descriptors.size() * sizeof(int)));
  if (!descriptors.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
    memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size() * sizeof(int));
  }
  const ssize_t sent = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0) throwSystemError(env, errno, "passing descriptors");
  if (static_cast<size_t>(sent) < text.size()) throwSystemError(env, EMSGSIZE, "passing descriptors");
  return env.Undefined();
}

Napi::Value receiveDescriptors(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int fd = info[0].As<Napi::Number>().Int32Value();
  pollfd watched = {fd, POLLIN, 0};
  const int ready = poll(&watched, 1, info[1].As<Napi::Number>().Int32Value());
  if (ready < 0) throwSystemError(env, errno, "waiting for an answer");
  if (ready == 0) throwSystemError(env, ETIMEDOUT, "waiting for an answer");

  std::vector<char> text(kMaxText);
  std::vector<uint8_t> control(CMSG_SPACE(kMaxDescriptors * sizeof(int)));
  iovec part = {text.data(), text.size()};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t received = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (received < 0) throwSystemError(env, errno, "receiving descriptors");

  // Owned at once, so that none is left open if the caller cannot have them.
  std::vector<Descriptor> descriptors;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
      int descriptor;
      memcpy(&descriptor, CMSG_DATA(header) + i * sizeof descriptor, sizeof descriptor);
      descriptors.emplace_back(descriptor);
    }
  }
  if ((message.msg_flags & MSG_CTRUNC) != 0) throwSystemError(env, EMFILE, "receiving descriptors");
  Napi::Array list = Napi::Array::New(env, descriptors.size());
  for (size_t i = 0; i < descriptors.size(); i++) list.Set(static_cast<uint32_t>(i), Napi::Number::New(env, descriptors[i].get()));
  Napi::Object result = Napi::Object::New(env);
  result.Set("text", Napi::String::New(env, text.data(), static_cast<size_t>(received)));
  result.Set("descriptors", list);
  for (Descriptor& descriptor : descriptors) descriptor.release();
  return result;
}
