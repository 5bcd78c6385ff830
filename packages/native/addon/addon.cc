// The addon's JavaScript interface; binding.ts types it.
//
// Only sigbus_guard.cc and privileges.cc have static state, so each worker thread that loads the addon has its own objects. When a thread ends, Node runs the
// destructors of all objects not yet collected: sockets, descriptors and mappings are released with their thread.

#include <napi.h>

#include "bpf.h"
#include "connection.h"
#include "mapping.h"
#include "netlink.h"
#include "passing.h"
#include "peer.h"
#include "privileges.h"
#include "queue.h"
#include "scheduling.h"
#include "tun.h"
#include "unix_datagram.h"
#include "unix_socket.h"
#include "use_mark.h"
#include "wakeup.h"
#include "watchdog.h"

static Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("Queue", Queue::define(env));
  exports.Set("Mapping", Mapping::define(env));
  exports.Set("Tun", Tun::define(env));
  exports.Set("PacketWriter", PacketWriter::define(env));
  exports.Set("Wakeup", Wakeup::define(env));
  exports.Set("Watchdog", Watchdog::define(env));
  exports.Set("packetOverhead", Napi::Number::New(env, netlink::kPacketOverhead));
  exports.Set("bpf", Napi::Function::New<bpf>(env, "bpf"));
  exports.Set("interfaceIndex", Napi::Function::New<interfaceIndex>(env, "interfaceIndex"));
  exports.Set("allocate", Napi::Function::New<allocate>(env, "allocate"));
  exports.Set("lock", Napi::Function::New<lock>(env, "lock"));
  exports.Set("unlock", Napi::Function::New<unlock>(env, "unlock"));
  exports.Set("markUse", Napi::Function::New<markUse>(env, "markUse"));
  exports.Set("isUsedElsewhere", Napi::Function::New<isUsedElsewhere>(env, "isUsedElsewhere"));
  exports.Set("listenAbstract", Napi::Function::New<listenAbstract>(env, "listenAbstract"));
  exports.Set("connectAbstract", Napi::Function::New<connectAbstract>(env, "connectAbstract"));
  exports.Set("sendDatagram", Napi::Function::New<sendDatagram>(env, "sendDatagram"));
  exports.Set("sendDescriptors", Napi::Function::New<sendDescriptors>(env, "sendDescriptors"));
  exports.Set("receiveDescriptors", Napi::Function::New<receiveDescriptors>(env, "receiveDescriptors"));
  exports.Set("connectSocket", Napi::Function::New<connectSocket>(env, "connectSocket"));
  exports.Set("pollSockets", Napi::Function::New<pollSockets>(env, "pollSockets"));
  exports.Set("socketError", Napi::Function::New<socketError>(env, "socketError"));
  exports.Set("setSlice", Napi::Function::New<setSlice>(env, "setSlice"));
  exports.Set("setNice", Napi::Function::New<setNice>(env, "setNice"));
  exports.Set("setRealTime", Napi::Function::New<setRealTime>(env, "setRealTime"));
  exports.Set("setCpus", Napi::Function::New<setCpus>(env, "setCpus"));
  exports.Set("restrictPrivileges", Napi::Function::New<restrictPrivileges>(env, "restrictPrivileges"));
  exports.Set("peerCredentials", Napi::Function::New<peerCredentials>(env, "peerCredentials"));
  return exports;
}

NODE_API_MODULE(nfqlb, init)
