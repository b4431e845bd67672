// Receiving: into memory that the entry names, or into provided buffers, once or again and again.
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cstring>

#include "operations.h"
#include "user_ring.h"

namespace ringlet::user_ring {
namespace {

// What a multishot receive takes before others get their turn (MULTISHOT_MAX_RETRY in the kernel's
// io_uring/net.c).
constexpr uint32_t kRoundsMax = 32;
// Buffers of one bundle, and datagrams of one call.
constexpr uint32_t kBuffersMax = 16;

// struct io_uring_recvmsg_out, which comes before name, ancillary data and payload.
struct MessageHeader {
  uint32_t name_bytes;
  uint32_t control_bytes;
  uint32_t payload_bytes;
  uint32_t flags;
};

bool IsMultishot(const Request& request) { return (request.sqe.ioprio & abi::kReceiveMultishot) != 0; }

int FlagsOf(const Request& request) {
  return (static_cast<int>(request.sqe.op_flags) & ~MSG_WAITALL) | MSG_DONTWAIT;
}

bool WantsAll(const Request& request) { return (request.sqe.op_flags & MSG_WAITALL) != 0; }

Outcome FailedReceive(Request& request) {
  if (errno == EAGAIN) return {Next::kReadable};
  request.is_short = true;
  return Done(request.done > 0 ? request.done : -errno);
}

Outcome ReceiveOnce(Request& request) {
  const abi::Sqe& sqe = request.sqe;
  for (;;) {
    auto skipped = static_cast<size_t>(request.done);
    int64_t count = recv(sqe.fd, PointerOf<char>(sqe.addr) + skipped, sqe.len - skipped, FlagsOf(request));
    if (count < 0) return FailedReceive(request);
    request.done += count;
    bool is_short = request.done < sqe.len && WantsAll(request);
    if (is_short && count > 0) continue;
    request.is_short = is_short;
    return Done(request.done);
  }
}

bool IsTcp(Request& request) {
  if (request.socket_protocol < 0) {
    socklen_t bytes = sizeof(request.socket_protocol);
    if (getsockopt(request.sqe.fd, SOL_SOCKET, SO_PROTOCOL, &request.socket_protocol, &bytes) < 0)
      return false;
  }
  return request.socket_protocol == IPPROTO_TCP;
}

// Whether nothing but data can be behind what has just come, or an event will tell of it: the end, urgent
// data, an error. Then what was short was all there is, of TCP as of datagrams (epoll(7)).
bool HasPlainEvents(UserRing& ring, const Request& request) {
  return request.place == Place::kReads && !ring.FindWatched(request.sqe.fd)->has_other_events;
}

// As much of the next buffers as one receive may fill.
uint32_t Pieces(const Request& request, const BufferGroup& buffers, iovec* pieces, size_t* bytes) {
  const abi::Sqe& sqe = request.sqe;
  bool is_bundle = (sqe.ioprio & abi::kReceiveBundle) != 0;
  uint32_t count = buffers.Peek(pieces, is_bundle ? kBuffersMax : 1);
  auto limit = static_cast<uint32_t>(sqe.file_index);
  uint64_t left = sqe.len != 0 ? sqe.len : ~uint64_t{0};
  if (IsMultishot(request) && limit != 0) left = std::min<uint64_t>(left, limit - request.received);
  *bytes = 0;
  for (uint32_t i = 0; i < count; i++) {
    pieces[i].iov_len = std::min<uint64_t>(pieces[i].iov_len, left);
    left -= pieces[i].iov_len;
    *bytes += pieces[i].iov_len;
    if (left == 0) return i + 1;
  }
  return count;
}

Outcome ReceiveIntoBuffers(UserRing& ring, Request& request) {
  const abi::Sqe& sqe = request.sqe;
  BufferGroup* buffers = ring.FindBuffers(sqe.buf_index);
  auto limit = static_cast<uint32_t>(sqe.file_index);
  if (limit != 0 && !IsMultishot(request)) return Done(-EINVAL);
  for (uint32_t round = 0; round < kRoundsMax; round++) {
    iovec pieces[kBuffersMax];
    size_t wanted;
    uint32_t count = buffers == nullptr ? 0 : Pieces(request, *buffers, pieces, &wanted);
    if (count == 0) return Done(-ENOBUFS);
    msghdr message = {};
    message.msg_iov = pieces;
    message.msg_iovlen = count;
    int64_t received = count == 1 ? recv(sqe.fd, pieces[0].iov_base, wanted, FlagsOf(request))
                                  : recvmsg(sqe.fd, &message, FlagsOf(request));
    if (received < 0) return errno == EAGAIN ? Outcome{Next::kReadable} : Done(-errno);
    // Without anything received a buffer is not used up, yet named.
    if (received == 0) return Done(0);
    uint32_t flags = buffers->TakeBytes(static_cast<uint64_t>(received));
    request.received += static_cast<uint64_t>(received);
    bool is_through = limit != 0 && request.received >= limit;
    if (!IsMultishot(request) || is_through || !ring.HasRoom(2)) return Done(received, flags);
    ring.PostMore(request, static_cast<int32_t>(received), flags);
    bool is_short = static_cast<size_t>(received) < wanted;
    if (is_short && IsTcp(request) && HasPlainEvents(ring, request)) return {Next::kReadable};
  }
  return {Next::kAgain};
}

// Where the parts of a message lie in a buffer.
struct MessageLayout {
  size_t name_bytes;
  size_t control_bytes;
  size_t prefix_bytes() const { return sizeof(MessageHeader) + name_bytes + control_bytes; }
};

void Point(mmsghdr& message, iovec& payload, const iovec& buffer, const MessageLayout& layout) {
  auto* start = static_cast<char*>(buffer.iov_base);
  message = {};
  message.msg_hdr.msg_name = layout.name_bytes == 0 ? nullptr : start + sizeof(MessageHeader);
  message.msg_hdr.msg_namelen = static_cast<socklen_t>(layout.name_bytes);
  message.msg_hdr.msg_control =
      layout.control_bytes == 0 ? nullptr : start + sizeof(MessageHeader) + layout.name_bytes;
  message.msg_hdr.msg_controllen = layout.control_bytes;
  payload = {start + layout.prefix_bytes(), buffer.iov_len - layout.prefix_bytes()};
  message.msg_hdr.msg_iov = &payload;
  message.msg_hdr.msg_iovlen = 1;
}

// Writes what the message is before it. Returns how much of the buffer is used.
int32_t Describe(const mmsghdr& message, const iovec& buffer, const MessageLayout& layout) {
  MessageHeader header = {message.msg_hdr.msg_namelen, static_cast<uint32_t>(message.msg_hdr.msg_controllen),
                          message.msg_len, static_cast<uint32_t>(message.msg_hdr.msg_flags)};
  std::memcpy(buffer.iov_base, &header, sizeof(header));
  size_t payload = std::min<size_t>(message.msg_len, buffer.iov_len - layout.prefix_bytes());
  return static_cast<int32_t>(layout.prefix_bytes() + payload);
}

Outcome ReceiveMessages(UserRing& ring, Request& request) {
  const abi::Sqe& sqe = request.sqe;
  if (!request.has_flag(abi::kSqeBufferSelect)) return Done(-EINVAL);
  const auto& wanted = *PointerOf<const msghdr>(sqe.addr);
  MessageLayout layout = {wanted.msg_namelen, wanted.msg_controllen};
  BufferGroup* buffers = ring.FindBuffers(sqe.buf_index);
  int type = SocketTypeOf(request);
  if (type < 0) return Done(type);
  // Of others several messages can't be told from the end.
  uint32_t at_once = type == SOCK_DGRAM ? kBuffersMax : 1;
  for (uint32_t round = 0; round < kRoundsMax;) {
    iovec pieces[kBuffersMax];
    iovec payloads[kBuffersMax];
    mmsghdr messages[kBuffersMax];
    uint32_t room = std::min(at_once, kRoundsMax - round);
    if (!ring.HasRoom(room + 1)) room = 1;
    uint32_t count = buffers == nullptr ? 0 : buffers->Peek(pieces, room);
    if (count == 0) return Done(-ENOBUFS);
    for (uint32_t i = 0; i < count; i++) {
      if (pieces[i].iov_len < layout.prefix_bytes()) return Done(-EFAULT);
      Point(messages[i], payloads[i], pieces[i], layout);
    }
    int received = recvmmsg(sqe.fd, messages, count, FlagsOf(request), nullptr);
    if (received < 0) return errno == EAGAIN ? Outcome{Next::kReadable} : Done(-errno);
    for (uint32_t i = 0; i < static_cast<uint32_t>(received); i++) {
      int32_t result = Describe(messages[i], pieces[i], layout);
      uint32_t flags = buffers->TakeBytes(pieces[i].iov_len);
      bool is_last = i + 1 == static_cast<uint32_t>(received);
      bool is_end = at_once == 1 && messages[i].msg_len == 0;
      if (is_last && (is_end || !ring.HasRoom(2))) return Done(result, flags);
      ring.PostMore(request, result, flags);
    }
    round += static_cast<uint32_t>(received);
    if (static_cast<uint32_t>(received) < count && HasPlainEvents(ring, request)) return {Next::kReadable};
  }
  return {Next::kAgain};
}

}  // namespace

Outcome AttemptReceive(UserRing& ring, Request& request) {
  if (request.has_flag(abi::kSqeBufferSelect)) return ReceiveIntoBuffers(ring, request);
  return IsMultishot(request) ? Done(-EINVAL) : ReceiveOnce(request);
}

Outcome AttemptReceiveMessage(UserRing& ring, Request& request) {
  if (IsMultishot(request)) return ReceiveMessages(ring, request);
  if (request.has_flag(abi::kSqeBufferSelect)) return Done(-EINVAL);
  auto* message = PointerOf<msghdr>(request.sqe.addr);
  int64_t count = recvmsg(request.sqe.fd, message, FlagsOf(request));
  if (count < 0) return FailedReceive(request);
  return Done(count);
}

}  // namespace ringlet::user_ring
