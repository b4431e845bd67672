// What a ring in user space does differently under a seed (simulation.h).
#include <cerrno>

#include "operations.h"
#include "user_ring.h"

namespace ringlet::user_ring {
namespace {

bool IsReceive(uint8_t opcode) { return opcode == abi::kOpRecv || opcode == abi::kOpRecvMsg; }

}  // namespace

// Whether an older kernel would not know what the entry asks for.
bool UserRing::IsUnknown(const Request& request) const {
  const KernelGaps& gaps = simulation_->gaps();
  const abi::Sqe& sqe = request.sqe;
  if (sqe.opcode < 64 && (gaps.opcodes >> sqe.opcode & 1) != 0) return true;
  return IsReceive(sqe.opcode) && (sqe.ioprio & gaps.receive_flags) != 0;
}

// Before anything is taken. Returns 0 or -errno.
int UserRing::DisturbEnter(uint32_t to_submit, uint32_t min_complete) {
  if (queues_.has_overflowed()) simulation_->NoteWithoutRoom();
  int error = simulation_->FailEnter(to_submit > 0);
  if (error < 0) return error;
  // What is waited for must come.
  bool is_withheld = min_complete == 0 && simulation_->WithholdRoom();
  queues_.Withhold(is_withheld);
  return 0;
}

// Before a request begins. Returns whether it has ended by that.
bool UserRing::Disturb(Request* request) {
  int error = IsUnknown(*request) ? -EINVAL : simulation_->FailRequest(*request);
  if (error < 0) {
    Finish(request, error, 0);
    return true;
  }
  request->is_cut = simulation_->ShortenTransfer(request);
  const Operation* operation = FindOperation(request->sqe.opcode);
  bool may_block = operation->work != nullptr && operation->attempt != nullptr;
  // What waits for a peer waits for readiness, unless it is sent to a thread.
  if (may_block && operation->queue != Place::kNone) may_block = IsSized(request->sqe.fd);
  if (!may_block || !simulation_->PreferWorker()) return false;
  GiveToWorker(request);
  return true;
}

// A request that has ended may be said to have later. Then no cancel finds it.
bool UserRing::Delay(Request* request, int64_t result, uint32_t flags) {
  // Parts of a buffer are told in the order in which they are taken.
  if ((flags & abi::kCqeBuffer) != 0) return false;
  uint32_t rounds = simulation_->DelayCompletion(*request);
  if (rounds == 0) return false;
  requests_.RemoveFromIndex(request);
  delayed_.push_back({request, result, flags, rounds, queues_.posted_count()});
  return true;
}

void UserRing::FinishDelayed() {
  if (delayed_.empty()) [[likely]]
    return;
  std::vector<Delayed> waiting;
  waiting.swap(delayed_);
  for (Delayed& each : waiting) {
    if (--each.rounds > 0) {
      delayed_.push_back(each);
    } else {
      if (queues_.posted_count() != each.posted_count) simulation_->NoteReordered();
      FinishNow(each.request, each.result, each.flags);
    }
  }
}

}  // namespace ringlet::user_ring
