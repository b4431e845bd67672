// Operations on the ring itself: polls, timeouts, cancels.
#include <poll.h>

#include <vector>

#include "../clock.h"
#include "operations.h"
#include "user_ring.h"

namespace ringlet::user_ring {
namespace {

constexpr uint32_t kNopInjectResult = 1u << 0;
constexpr uint32_t kPollMultishot = 1u << 0;
constexpr uint32_t kTimeoutAbsolute = 1u << 0;
constexpr uint32_t kTimeoutUpdate = 1u << 1;
constexpr uint32_t kCancelFd = 1u << 1;

}  // namespace

Outcome AttemptNop(UserRing&, Request& request) {
  if ((request.sqe.op_flags & ~kNopInjectResult) != 0) return Done(-EINVAL);
  bool is_injected = (request.sqe.op_flags & kNopInjectResult) != 0;
  return Done(is_injected ? static_cast<int32_t>(request.sqe.len) : 0);
}

Outcome AttemptPoll(UserRing& ring, Request& request) {
  const abi::Sqe& sqe = request.sqe;
  if ((sqe.len & ~kPollMultishot) != 0) return Done(-EINVAL);
  bool is_multishot = (sqe.len & kPollMultishot) != 0;
  request.poll_events = (sqe.op_flags & 0xffff) | POLLERR | POLLHUP;
  pollfd asked = {sqe.fd, static_cast<short>(request.poll_events), 0};
  if (sqe.fd < 0) return Done(-EBADF);
  if (poll(&asked, 1, 0) < 0) return Done(-errno);
  if ((asked.revents & POLLNVAL) != 0) return Done(-EBADF);
  if (asked.revents != 0 && !is_multishot) return Done(asked.revents);
  int waits = ring.WaitForPoll(&request);
  // Always ready.
  if (waits == -EPERM && asked.revents != 0) return Done(asked.revents);
  if (waits < 0) return Done(waits);
  if (waits != Readiness::kIsTold && asked.revents != 0) ring.PostMore(request, asked.revents, 0);
  return {Next::kWaits};
}

Outcome AttemptPollRemove(UserRing& ring, Request& request) {
  if (request.sqe.len != 0) return Done(-EINVAL);
  abi::Sqe by_data = {};
  by_data.addr = request.sqe.addr;
  for (Request* found : ring.FindWaiting(by_data)) {
    if (found->place == Place::kPolls) return Done(ring.Cancel(found, -ECANCELED));
  }
  return Done(-ENOENT);
}

uint64_t DeadlineOf(uint64_t timespec_address, uint32_t flags) {
  const auto& time = *PointerOf<const abi::KernelTimespec>(timespec_address);
  if (time.tv_sec < 0 || time.tv_nsec < 0 || time.tv_nsec >= 1'000'000'000) return 0;
  constexpr int64_t kSecondsMax = INT64_MAX / 1'000'000'000 / 2;
  int64_t seconds = time.tv_sec > kSecondsMax ? kSecondsMax : time.tv_sec;
  uint64_t ns = static_cast<uint64_t>(seconds) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
  // A time that is past is no other than one that passes now.
  return (flags & kTimeoutAbsolute) != 0 ? std::max<uint64_t>(ns, 1) : NowNs() + ns;
}

Outcome AttemptTimeout(UserRing& ring, Request& request) {
  const abi::Sqe& sqe = request.sqe;
  // Nor one that ends with a number of completions.
  if ((sqe.op_flags & ~kTimeoutAbsolute) != 0 || sqe.off != 0 || sqe.len != 1) return Done(-EINVAL);
  request.deadline_ns = DeadlineOf(sqe.addr, sqe.op_flags);
  if (request.deadline_ns == 0) return Done(-EINVAL);
  ring.WaitForTimer(&request);
  return {Next::kWaits};
}

Outcome AttemptTimeoutRemove(UserRing& ring, Request& request) {
  const abi::Sqe& sqe = request.sqe;
  if ((sqe.op_flags & ~(kTimeoutAbsolute | kTimeoutUpdate)) != 0) return Done(-EINVAL);
  Request* timer = ring.FindTimer(sqe.addr);
  if (timer == nullptr) return Done(-ENOENT);
  if ((sqe.op_flags & kTimeoutUpdate) == 0) return Done(ring.Cancel(timer, -ECANCELED));
  uint64_t deadline_ns = DeadlineOf(sqe.off, sqe.op_flags);
  if (deadline_ns == 0) return Done(-EINVAL);
  ring.MoveTimer(timer, deadline_ns);
  return Done(0);
}

Outcome AttemptCancel(UserRing& ring, Request& request) {
  uint32_t flags = request.sqe.op_flags;
  if ((flags & ~(abi::kCancelAll | kCancelFd | abi::kCancelAny)) != 0) return Done(-EINVAL);
  bool is_all = (flags & (abi::kCancelAll | abi::kCancelAny)) != 0;
  int32_t result = is_all ? 0 : -ENOENT;
  for (Request* found : ring.FindWaiting(request.sqe)) {
    // Not found for now, or on its way to its end already.
    int lost = ring.LoseCancelRace(found);
    int cancelled = lost == -ENOENT ? lost : ring.Cancel(found, -ECANCELED);
    if (lost == -EALREADY) cancelled = lost;
    if (is_all) {
      result++;
    } else {
      result = cancelled;
    }
  }
  return Done(result);
}

}  // namespace ringlet::user_ring
