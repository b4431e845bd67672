// Sockets and their addresses (socket_calls.h) as TypeScript sees them.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "check.h"
#include "engine.h"
#include "exports.h"
#include "napi_values.h"
#include "socket_calls.h"

namespace ringlet {
namespace {

Napi::Value AddressObject(Napi::Env env, const sockaddr_storage& address) {
  uint16_t port = 0;
  std::string text = DecodeAddress(address, &port);
  Napi::Object object = Napi::Object::New(env);
  object.Set("address", text);
  object.Set("port", port);
  object.Set("family", address.ss_family == AF_INET6 ? "IPv6" : "IPv4");
  return object;
}

// Copies a name into the view at `argument`; returns its bytes, or the errno as it came.
Napi::Value CopyName(const Napi::CallbackInfo& info, size_t argument, const sockaddr_storage& name,
                     int bytes) {
  size_t room;
  void* out = BytesOf(info.Env(), info[argument], &room);
  if (bytes > 0) {
    RINGLET_CHECK(room >= static_cast<size_t>(bytes));
    std::memcpy(out, &name, static_cast<size_t>(bytes));
  }
  return Napi::Number::New(info.Env(), bytes);
}

// openDatagramSocket(family): a descriptor that the environment owns, or a negative errno.
Napi::Value OpenDatagram(const Napi::CallbackInfo& info) {
  int fd = OpenDatagramSocket(ToInt(info[0]));
  if (fd >= 0) Engine::Of(info.Env())->owned_fds().Add(fd);
  return Napi::Number::New(info.Env(), fd);
}

// bindSocket(fd, name), connectSocket(fd, name): 0 or a negative errno.
template <int Call(int, const void*, uint32_t)>
Napi::Value CallWithName(const Napi::CallbackInfo& info) {
  size_t bytes;
  void* name = BytesOf(info.Env(), info[1], &bytes);
  return Napi::Number::New(info.Env(), Call(ToInt(info[0]), name, static_cast<uint32_t>(bytes)));
}

// localName(fd, view), peerName(fd, view): bytes of the name, or a negative errno.
template <int Call(int, sockaddr_storage*)>
Napi::Value ReadName(const Napi::CallbackInfo& info) {
  sockaddr_storage name = {};
  int bytes = Call(ToInt(info[0]), &name);
  return CopyName(info, 1, name, bytes);
}

// setSocketOption(fd, level, name, value): a number, or a view of the option's structure.
Napi::Value SetOption(const Napi::CallbackInfo& info) {
  int number = info[3].IsNumber() ? ToInt(info[3]) : 0;
  size_t bytes = sizeof(number);
  void* value = info[3].IsNumber() ? &number : BytesOf(info.Env(), info[3], &bytes);
  int error =
      SetSocketOption(ToInt(info[0]), ToInt(info[1]), ToInt(info[2]), value, static_cast<uint32_t>(bytes));
  return Napi::Number::New(info.Env(), error);
}

// getSocketOption(fd, level, name)
Napi::Value GetOption(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), GetSocketOption(ToInt(info[0]), ToInt(info[1]), ToInt(info[2])));
}

// sendMany(fd, headers, count): how many of the messages left, or a negative errno.
Napi::Value SendMany(const Napi::CallbackInfo& info) {
  size_t bytes;
  auto* messages = static_cast<mmsghdr*>(BytesOf(info.Env(), info[1], &bytes));
  uint32_t count = ToUint32(info[2]);
  RINGLET_CHECK(count <= bytes / sizeof(mmsghdr));
  return Napi::Number::New(info.Env(), SendMessages(ToInt(info[0]), messages, count));
}

// sendNow(fd, address, bytes): what the kernel takes at once of memory that TypeScript knows to be there.
Napi::Value SendNowFrom(const Napi::CallbackInfo& info) {
  auto* memory = reinterpret_cast<void*>(info[1].As<Napi::Number>().Int64Value());
  iovec piece = {memory, ToUint32(info[2])};
  return Napi::Number::New(info.Env(), SendNow(ToInt(info[0]), &piece, 1));
}

// sendPiecesNow(fd, address, count): the same of memory that so many iovecs name.
Napi::Value SendPiecesNow(const Napi::CallbackInfo& info) {
  auto* pieces = reinterpret_cast<const iovec*>(info[1].As<Napi::Number>().Int64Value());
  return Napi::Number::New(info.Env(), SendNow(ToInt(info[0]), pieces, ToUint32(info[2])));
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
  return CopyName(info, 2, address, bytes);
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
  exports.Set("openDatagramSocket", Napi::Function::New<OpenDatagram>(env));
  exports.Set("bindSocket", Napi::Function::New<CallWithName<BindSocket>>(env));
  exports.Set("connectSocket", Napi::Function::New<CallWithName<ConnectSocket>>(env));
  exports.Set("localName", Napi::Function::New<ReadName<LocalName>>(env));
  exports.Set("peerName", Napi::Function::New<ReadName<PeerName>>(env));
  exports.Set("setSocketOption", Napi::Function::New<SetOption>(env));
  exports.Set("getSocketOption", Napi::Function::New<GetOption>(env));
  exports.Set("sendMany", Napi::Function::New<SendMany>(env));
  exports.Set("sendNow", Napi::Function::New<SendNowFrom>(env));
  exports.Set("sendPiecesNow", Napi::Function::New<SendPiecesNow>(env));
  exports.Set("localAddress", Napi::Function::New<LocalAddress>(env));
  exports.Set("encodeAddress", Napi::Function::New<EncodeAddressInto>(env));
  exports.Set("decodeAddress", Napi::Function::New<DecodeAddressFrom>(env));
  exports.Set("closeFd", Napi::Function::New<CloseFd>(env));
}

}  // namespace ringlet
