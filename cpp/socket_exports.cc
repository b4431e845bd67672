#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "check.h"
#include "engine.h"
#include "exports.h"
#include "napi_values.h"
#include "socket_calls.h"

namespace ringlet {
namespace {

// bindDatagram(address, port, reuseAddress, reusePort, ipv6Only, broadcast, receiveBytes, sendBytes):
// { fd, syscall }, fd negative when `syscall` failed.
Napi::Value BindDatagram(const Napi::CallbackInfo& info) {
  DatagramSocketOptions options;
  options.reuse_address = info[2].ToBoolean();
  options.reuse_port = info[3].ToBoolean();
  options.ipv6_only = info[4].ToBoolean();
  options.broadcast = info[5].ToBoolean();
  options.receive_buffer_bytes = ToInt(info[6]);
  options.send_buffer_bytes = ToInt(info[7]);
  sockaddr_storage address;
  int bytes = EncodeAddress(info[0].ToString(), static_cast<uint16_t>(ToUint32(info[1])), &address);
  SocketOutcome outcome = {bytes, "bind"};
  if (bytes > 0) outcome = BindDatagramSocket(address, static_cast<socklen_t>(bytes), options);
  if (outcome.fd >= 0) Engine::Of(info.Env())->owned_fds().Add(outcome.fd);
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("fd", outcome.fd);
  result.Set("syscall", outcome.syscall == nullptr ? "" : outcome.syscall);
  return result;
}

Napi::Value AddressObject(Napi::Env env, const sockaddr_storage& address) {
  uint16_t port = 0;
  std::string text = DecodeAddress(address, &port);
  Napi::Object object = Napi::Object::New(env);
  object.Set("address", text);
  object.Set("port", port);
  object.Set("family", address.ss_family == AF_INET6 ? "IPv6" : "IPv4");
  return object;
}

// localAddress(fd)
Napi::Value LocalAddress(const Napi::CallbackInfo& info) {
  sockaddr_storage address = {};
  LocalName(ToInt(info[0]), &address);
  return AddressObject(info.Env(), address);
}

// encodeAddress(text, port, view): bytes written, or a negative errno.
Napi::Value EncodeAddressInto(const Napi::CallbackInfo& info) {
  sockaddr_storage address;
  int bytes = EncodeAddress(info[0].ToString(), static_cast<uint16_t>(ToUint32(info[1])), &address);
  size_t room;
  void* out = BytesOf(info.Env(), info[2], &room);
  if (bytes > 0) {
    RINGLET_CHECK(room >= static_cast<size_t>(bytes));
    std::memcpy(out, &address, static_cast<size_t>(bytes));
  }
  return Napi::Number::New(info.Env(), bytes);
}

// decodeAddress(view): the kernel's form as { address, port, family }.
Napi::Value DecodeAddressFrom(const Napi::CallbackInfo& info) {
  size_t bytes;
  void* from = BytesOf(info.Env(), info[0], &bytes);
  sockaddr_storage address = {};
  std::memcpy(&address, from, std::min(bytes, sizeof(address)));
  return AddressObject(info.Env(), address);
}

// closeFd(fd): for descriptors that no ring operation refers to any more.
Napi::Value CloseFd(const Napi::CallbackInfo& info) {
  int fd = ToInt(info[0]);
  Engine::Of(info.Env())->owned_fds().Remove(fd);
  return Napi::Number::New(info.Env(), close(fd) < 0 ? -errno : 0);
}

}  // namespace

void ExportSockets(Napi::Env env, Napi::Object exports) {
  exports.Set("bindDatagram", Napi::Function::New<BindDatagram>(env));
  exports.Set("localAddress", Napi::Function::New<LocalAddress>(env));
  exports.Set("encodeAddress", Napi::Function::New<EncodeAddressInto>(env));
  exports.Set("decodeAddress", Napi::Function::New<DecodeAddressFrom>(env));
  exports.Set("closeFd", Napi::Function::New<CloseFd>(env));
}

}  // namespace ringlet
