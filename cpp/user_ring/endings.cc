// How requests of a ring in user space end, and what ends or begins with them; registrations.
#include <fcntl.h>

#include <cerrno>
#include <cstring>

#include "operations.h"
#include "user_ring.h"

namespace ringlet::user_ring {

UserRing::~UserRing() = default;

void UserRing::Finish(Request* request, int64_t result, uint32_t flags) {
  if (simulation_ != nullptr && Delay(request, result, flags)) return;
  FinishNow(request, result, flags);
}

void UserRing::FinishNow(Request* request, int64_t result, uint32_t flags) {
  requests_.RemoveFromIndex(request);
  if (request->saved_fd_flags >= 0) fcntl(request->sqe.fd, F_SETFL, request->saved_fd_flags);
  if (result < 0 || !request->has_flag(abi::kSqeCqeSkipSuccess))
    queues_.Post(request->sqe.user_data, static_cast<int32_t>(result), flags);
  EndLinkTimeout(request);
  Request* following = request->following;
  bool goes_on = request->lets_go_on(result);
  requests_.Free(request);
  if (following == nullptr) return;
  if (goes_on) {
    runnable_.Append(following);
    return;
  }
  while (following != nullptr) {
    Request* next = following->following;
    queues_.Post(following->sqe.user_data, -ECANCELED, 0);
    if (following->link_timeout != nullptr) {
      queues_.Post(following->link_timeout->sqe.user_data, -ECANCELED, 0);
      requests_.Free(following->link_timeout);
    }
    requests_.Free(following);
    following = next;
  }
}

// What it limits has ended in time.
void UserRing::EndLinkTimeout(Request* request) {
  Request* timeout = request->link_timeout;
  if (timeout == nullptr) return;
  timers_.Remove(timeout);
  queues_.Post(timeout->sqe.user_data, -ECANCELED, 0);
  requests_.Free(timeout);
}

int UserRing::FillProbe(void* into, uint32_t count) const {
  auto* header = static_cast<abi::ProbeHeader*>(into);
  auto* ops = reinterpret_cast<abi::ProbeOp*>(header + 1);
  constexpr uint32_t kLastOp = 62;
  if (count > 256) return -EINVAL;
  std::memset(into, 0, sizeof(*header) + count * sizeof(*ops));
  header->last_op = kLastOp;
  header->ops_len = static_cast<uint8_t>(count > kLastOp + 1 ? kLastOp + 1 : count);
  for (uint32_t op = 0; op < header->ops_len; op++) {
    ops[op].op = static_cast<uint8_t>(op);
    bool is_known = FindOperation(static_cast<uint8_t>(op)) != nullptr || op == abi::kOpLinkTimeout;
    if (simulation_ != nullptr && (simulation_->gaps().opcodes >> op & 1) != 0) is_known = false;
    ops[op].flags = is_known ? abi::kProbeOpSupported : 0;
  }
  return 0;
}

int UserRing::Register(uint32_t opcode, const void* arg, uint32_t arg_count) {
  void* writable = const_cast<void*>(arg);
  if (simulation_ != nullptr) {
    int error = simulation_->FailRegistration(opcode, arg);
    if (error < 0) return error;
  }
  switch (opcode) {
    case abi::kRegisterProbe:
      return FillProbe(writable, arg_count);
    case abi::kRegisterFiles2:
      return files_.Register(*static_cast<const abi::ResourceRegister*>(arg));
    case abi::kRegisterBufferRing:
      return buffers_.Register(*static_cast<const abi::BufferRingRegister*>(arg));
    case abi::kUnregisterBufferRing:
      return buffers_.Unregister(static_cast<const abi::BufferRingRegister*>(arg)->bgid);
    case abi::kRegisterIoWqMaxWorkers: {
      auto* limits = static_cast<uint32_t*>(writable);
      workers_.SetLimits(&limits[0], &limits[1]);
      return 0;
    }
    case abi::kRegisterResizeRings:
      return queues_.Resize(static_cast<abi::Params*>(writable));
    default:
      return -EINVAL;
  }
}

}  // namespace ringlet::user_ring
