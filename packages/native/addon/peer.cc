#include "peer.h"

#include <sys/socket.h>
#include <sys/types.h>

#include <cerrno>
#include <vector>

#include "errors.h"

// Since Linux 4.13; missing in musl's headers. The same number on all architectures that Node runs on, except sparc and parisc.
#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

Napi::Value peerCredentials(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int fd = info[0].As<Napi::Number>().Int32Value();
  ucred peer = {};
  socklen_t length = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0) throwSystemError(env, errno, "reading the peer's credentials");
  // If the buffer is too short, this fails with ERANGE and returns the size needed. The groups cannot change in between: they are those at
  // connect().
  std::vector<gid_t> groups(64);
  length = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
  int result = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &length);
  if (result < 0 && errno == ERANGE) {
    groups.resize(length / sizeof(gid_t));
    result = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &length);
  }
  if (result < 0) throwSystemError(env, errno, "reading the peer's groups");
  groups.resize(length / sizeof(gid_t));

  Napi::Array list = Napi::Array::New(env, groups.size());
  for (size_t i = 0; i < groups.size(); i++) list.Set(static_cast<uint32_t>(i), Napi::Number::New(env, groups[i]));
  Napi::Object credentials = Napi::Object::New(env);
  credentials.Set("pid", Napi::Number::New(env, peer.pid));
  credentials.Set("uid", Napi::Number::New(env, peer.uid));
  credentials.Set("gid", Napi::Number::New(env, peer.gid));
  credentials.Set("groups", list);
  return credentials;
}
