// What stream sockets and listeners need beyond the ring: calls that never block, each one system call.
// All return a number that is negative for an errno, unless stated.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "engine.h"
#include "exports.h"
#include "napi_values.h"

namespace ringlet {
namespace {

Napi::Value Number(const Napi::CallbackInfo& info, int value) {
  return Napi::Number::New(info.Env(), value < 0 ? -errno : value);
}

// openStream(family): a blocking, close-on-exec descriptor. Blocking, because the ring waits by itself and
// O_NONBLOCK would make it report EAGAIN instead (io_uring_enter(2)).
Napi::Value OpenStream(const Napi::CallbackInfo& info) {
  int fd = socket(ToInt(info[0]), SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0) Engine::Of(info.Env())->owned_fds().Add(fd);
  return Number(info, fd);
}

// listenOn(fd, backlog)
Napi::Value ListenOn(const Napi::CallbackInfo& info) {
  return Number(info, listen(ToInt(info[0]), ToInt(info[1])));
}

// shutDown(fd, how)
Napi::Value ShutDown(const Napi::CallbackInfo& info) {
  return Number(info, shutdown(ToInt(info[0]), ToInt(info[1])));
}

// peerCredentials(fd): [pid, uid, gid] of who connected or listened (unix(7)), or a negative errno.
Napi::Value PeerCredentials(const Napi::CallbackInfo& info) {
  ucred credentials;
  socklen_t bytes = sizeof(credentials);
  int got = getsockopt(ToInt(info[0]), SOL_SOCKET, SO_PEERCRED, &credentials, &bytes);
  if (got < 0) return Number(info, got);
  Napi::Array array = Napi::Array::New(info.Env(), 3);
  array.Set(0u, static_cast<double>(credentials.pid));
  array.Set(1u, static_cast<double>(credentials.uid));
  array.Set(2u, static_cast<double>(credentials.gid));
  return array;
}

// adoptFd(fd): the environment closes it if nothing else does; makes it blocking and close-on-exec.
Napi::Value AdoptFd(const Napi::CallbackInfo& info) {
  int fd = ToInt(info[0]);
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0) return Number(info, flags);
  if (flags & O_NONBLOCK) fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  Engine::Of(info.Env())->owned_fds().Add(fd);
  return Number(info, 0);
}

// duplicateFd(fd): another descriptor for the same, which the environment owns, or a negative errno.
Napi::Value DuplicateFd(const Napi::CallbackInfo& info) {
  int fd = fcntl(ToInt(info[0]), F_DUPFD_CLOEXEC, 0);
  if (fd >= 0) Engine::Of(info.Env())->owned_fds().Add(fd);
  return Number(info, fd);
}

// disownFd(fd): its new owner closes it.
void DisownFd(const Napi::CallbackInfo& info) { Engine::Of(info.Env())->owned_fds().Remove(ToInt(info[0])); }

}  // namespace

void ExportStreams(Napi::Env env, Napi::Object exports) {
  exports.Set("openStream", Napi::Function::New<OpenStream>(env));
  exports.Set("listenOn", Napi::Function::New<ListenOn>(env));
  exports.Set("shutDown", Napi::Function::New<ShutDown>(env));
  exports.Set("peerCredentials", Napi::Function::New<PeerCredentials>(env));
  exports.Set("adoptFd", Napi::Function::New<AdoptFd>(env));
  exports.Set("duplicateFd", Napi::Function::New<DuplicateFd>(env));
  exports.Set("disownFd", Napi::Function::New<DisownFd>(env));
}

}  // namespace ringlet
