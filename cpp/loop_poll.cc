#include "loop_poll.h"

#include <poll.h>

#include <algorithm>

#include "layout.h"

namespace ringlet {
namespace {

// No slot's, and no cancel request's.
constexpr uint64_t kLoopPollData = 0xfffffffd'00000000 | SLOT_UNTRACKED;

}  // namespace

bool LoopPoll::Arm(Ring& ring, int loop_fd) {
  if (is_armed_) return true;
  if (ring.FreeEntries() == 0) return false;
  // For one event, and looked at anew when it is armed again: what stays ready in epoll wakes no waiter
  // twice.
  abi::Sqe poll = {};
  poll.opcode = abi::kOpPollAdd;
  poll.fd = loop_fd;
  poll.op_flags = POLLIN;
  poll.user_data = kLoopPollData;
  ring.Push(poll);
  is_armed_ = true;
  return true;
}

uint32_t LoopPoll::Sift(abi::Cqe* completions, uint32_t count) {
  if (!is_armed_) return count;
  abi::Cqe* end = completions + count;
  auto is_own = [](const abi::Cqe& cqe) { return cqe.user_data == kLoopPollData; };
  abi::Cqe* own = std::find_if(completions, end, is_own);
  if (own == end) return count;
  is_armed_ = false;
  std::copy(own + 1, end, own);
  return count - 1;
}

}  // namespace ringlet
