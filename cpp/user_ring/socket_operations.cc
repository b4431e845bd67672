// Connecting, accepting, sending. Calls that have no flag for not waiting are made on descriptors with
// O_NONBLOCK.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "operations.h"
#include "user_ring.h"

namespace ringlet::user_ring {
namespace {

constexpr uint16_t kAcceptMultishot = 1u << 0;
// What a multishot accept takes before others get their turn.
constexpr int kAcceptsMax = 32;

// Whether accept(2) and connect(2) on it return at once: from now on, if not before.
int StopBlocking(int fd, int* flags_before) {
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0) return -errno;
  *flags_before = flags;
  return (flags & O_NONBLOCK) != 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 ? 0 : -errno;
}

// What is left of several pieces of memory.
std::vector<iovec> RestOf(const msghdr& message, size_t skipped) {
  std::vector<iovec> rest;
  for (size_t i = 0; i < message.msg_iovlen; i++) {
    const iovec& piece = message.msg_iov[i];
    size_t here = std::min(skipped, piece.iov_len);
    skipped -= here;
    if (here < piece.iov_len)
      rest.push_back({static_cast<char*>(piece.iov_base) + here, piece.iov_len - here});
  }
  return rest;
}

int64_t SendOnce(const Request& request, int flags) {
  const abi::Sqe& sqe = request.sqe;
  auto skipped = static_cast<size_t>(request.done);
  if (sqe.opcode == abi::kOpSend)
    return send(sqe.fd, PointerOf<char>(sqe.addr) + skipped, sqe.len - skipped, flags);
  msghdr message = *PointerOf<const msghdr>(sqe.addr);
  if (skipped == 0) return sendmsg(sqe.fd, &message, flags);
  // Ancillary data went with the first bytes.
  std::vector<iovec> rest = RestOf(message, skipped);
  message.msg_iov = rest.data();
  message.msg_iovlen = rest.size();
  message.msg_control = nullptr;
  message.msg_controllen = 0;
  return sendmsg(sqe.fd, &message, flags);
}

size_t BytesOf(const Request& request) {
  if (request.sqe.opcode == abi::kOpSend) return request.sqe.len;
  const auto& message = *PointerOf<const msghdr>(request.sqe.addr);
  size_t bytes = 0;
  for (size_t i = 0; i < message.msg_iovlen; i++) bytes += message.msg_iov[i].iov_len;
  return bytes;
}

}  // namespace

int SocketTypeOf(Request& request) {
  if (request.socket_type != 0) return request.socket_type;
  int type;
  socklen_t bytes = sizeof(type);
  if (getsockopt(request.sqe.fd, SOL_SOCKET, SO_TYPE, &type, &bytes) < 0) return -errno;
  return request.socket_type = type;
}

Outcome AttemptConnect(UserRing&, Request& request) {
  const abi::Sqe& sqe = request.sqe;
  if (request.was_woken) {
    int error = 0;
    socklen_t bytes = sizeof(error);
    if (getsockopt(sqe.fd, SOL_SOCKET, SO_ERROR, &error, &bytes) < 0) return Done(-errno);
    return Done(-error);
  }
  int error = StopBlocking(sqe.fd, &request.saved_fd_flags);
  if (error < 0) return Done(error);
  if (connect(sqe.fd, PointerOf<const sockaddr>(sqe.addr), static_cast<socklen_t>(sqe.off)) == 0)
    return Done(0);
  if (errno == EINPROGRESS) return {Next::kWritable};
  // A Unix listener without room for it: no descriptor tells when there is some.
  return errno == EAGAIN ? Outcome{Next::kWorker} : Done(-errno);
}

int32_t WorkConnect(Request& request) {
  const abi::Sqe& sqe = request.sqe;
  if (request.saved_fd_flags >= 0) fcntl(sqe.fd, F_SETFL, request.saved_fd_flags & ~O_NONBLOCK);
  return Interruptibly(request, [&] {
    return connect(sqe.fd, PointerOf<const sockaddr>(sqe.addr), static_cast<socklen_t>(sqe.off));
  });
}

Outcome AttemptAccept(UserRing& ring, Request& request) {
  const abi::Sqe& sqe = request.sqe;
  if (sqe.file_index != 0) return Done(-EINVAL);
  int unused;
  if (!request.was_woken) {
    int error = StopBlocking(sqe.fd, &unused);
    if (error < 0) return Done(error);
  }
  bool is_multishot = (sqe.ioprio & kAcceptMultishot) != 0;
  auto* name = PointerOf<sockaddr>(sqe.addr);
  auto* name_bytes = PointerOf<socklen_t>(sqe.off);
  for (int count = 0; count < kAcceptsMax; count++) {
    int fd = accept4(sqe.fd, name, name_bytes, static_cast<int>(sqe.op_flags));
    // As accept(2) has it, a connection that is gone is no reason to stop.
    if (fd < 0 && (errno == ECONNABORTED || errno == EINTR)) continue;
    if (fd < 0) return errno == EAGAIN ? Outcome{Next::kReadable} : Done(-errno);
    if (!is_multishot || !ring.HasRoom(2)) return Done(fd);
    ring.PostMore(request, fd, 0);
  }
  return {Next::kAgain};
}

Outcome AttemptSend(UserRing&, Request& request) {
  const abi::Sqe& sqe = request.sqe;
  int flags = static_cast<int>(sqe.op_flags) | MSG_NOSIGNAL | MSG_DONTWAIT;
  for (;;) {
    int64_t count = SendOnce(request, flags & ~MSG_WAITALL);
    if (count < 0 && errno == EAGAIN) return {Next::kWritable};
    if (count < 0) {
      request.is_short = true;
      return Done(request.done > 0 ? request.done : -errno);
    }
    request.done += count;
    bool wants_all = (sqe.op_flags & MSG_WAITALL) != 0;
    request.is_short = wants_all && static_cast<size_t>(request.done) < BytesOf(request);
    // Until it says that it must wait: no event tells of room that there is already. What a socket of a kind
    // is costs a call, and hardly a send is short.
    if (request.is_short && SocketTypeOf(request) == SOCK_STREAM) continue;
    return Done(request.done);
  }
}

Outcome AttemptShutdown(UserRing&, Request& request) {
  return Done(ResultOf(shutdown(request.sqe.fd, static_cast<int>(request.sqe.len))));
}

}  // namespace ringlet::user_ring
