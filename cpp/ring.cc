#include "ring.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "check.h"
#include "clock.h"
#include "static_probes.h"
#include "uring_syscalls.h"

namespace ringlet {
namespace {

uint32_t LoadAcquire(const uint32_t* shared) {
  return std::atomic_ref(*const_cast<uint32_t*>(shared)).load(std::memory_order_acquire);
}

uint32_t LoadRelaxed(const uint32_t* shared) {
  return std::atomic_ref(*const_cast<uint32_t*>(shared)).load(std::memory_order_relaxed);
}

void StoreRelease(uint32_t* shared, uint32_t value) {
  std::atomic_ref(*shared).store(value, std::memory_order_release);
}

template <typename Value>
Value* At(void* base, uint32_t offset) {
  return reinterpret_cast<Value*>(static_cast<char*>(base) + offset);
}

}  // namespace

void Ring::Use(const QueueMemory& memory, const abi::Params& params) {
  RINGLET_CHECK(memory_.queues == nullptr);
  memory_ = memory;
  void* queues = memory.queues;
  const bool has_array = (params.flags & abi::kSetupNoSqArray) == 0;
  ksqes_ = static_cast<abi::Sqe*>(memory.sqes);
  ksq_head_ = At<uint32_t>(queues, params.sq_off.head);
  ksq_tail_ = At<uint32_t>(queues, params.sq_off.tail);
  ksq_flags_ = At<uint32_t>(queues, params.sq_off.flags);
  ksq_array_ = has_array ? At<uint32_t>(queues, params.sq_off.array) : nullptr;
  sq_mask_ = *At<uint32_t>(queues, params.sq_off.ring_mask);
  kcq_head_ = At<uint32_t>(queues, params.cq_off.head);
  kcq_tail_ = At<uint32_t>(queues, params.cq_off.tail);
  kcq_flags_ = At<uint32_t>(queues, params.cq_off.flags);
  kcq_overflow_ = At<uint32_t>(queues, params.cq_off.overflow);
  kcqes_ = At<abi::Cqe>(queues, params.cq_off.cqes);
  cq_mask_ = *At<uint32_t>(queues, params.cq_off.ring_mask);
  sq_tail_ = *ksq_tail_;
  // Older layout: an array of indices between tail and entries. Ours is the identity, set once.
  for (uint32_t i = 0; has_array && i <= sq_mask_; i++) ksq_array_[i] = i;
}

int Ring::Open(const RingSetup& setup) {
  Use(setup.memory, setup.params);
  ring_ = enter_ring_ = setup.ring;
  setup_flags_ = setup.params.flags;
  // Waiting for sockets and timers is no waiting for a disk: it must not look like that in the accounts of
  // load and idle time, nor raise the CPU's clock as that does (io_uring_enter(2)).
  if (setup.params.features & abi::kFeatNoIoWait) wait_flags_ = abi::kEnterNoIoWait;
  if (is_sq_poll() || ring_.user != nullptr) return 0;
  // epoll on the descriptor of a DEFER_TASKRUN ring is never woken by pending task work, and on a
  // plain one epoll_wait first fails with EINTR; a registered eventfd is signalled on both.
  event_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  int registered = event_fd_ < 0 ? -errno : UringRegister(ring_, abi::kRegisterEventFd, &event_fd_, 1);
  if (registered < 0) Unmap();
  return std::min(registered, 0);
}

void Ring::Unmap() {
  if (enter_fd_flag_ != 0) {
    // A registered descriptor is a reference: the ring, and its SQ thread, would outlive their close.
    abi::ResourceUpdate update = {static_cast<uint32_t>(enter_ring_.fd), 0, 0};
    UringRegister(ring_, abi::kUnregisterRingFds, &update, 1);
    enter_fd_flag_ = 0;
  }
  if (event_fd_ >= 0) close(event_fd_);
  UnmapQueues(&memory_);
  event_fd_ = -1;
  ring_ = {};
}

int Ring::MoveQueues(uint32_t submission_entries, uint32_t completion_entries) {
  abi::Params params = {};
  params.sq_entries = submission_entries;
  params.cq_entries = completion_entries;
  params.flags = abi::kSetupCqSize | abi::kSetupClamp;
  int resized = UringRegister(ring_, abi::kRegisterResizeRings, &params, 1);
  if (resized < 0) return resized;
  UnmapQueues(&memory_);
  params.features = abi::kFeatSingleMmap;
  params.flags = setup_flags_;
  QueueMemory memory;
  int mapped = MapQueues(ring_, params, &memory);
  if (mapped == 0) Use(memory, params);
  return mapped;
}

int Ring::Resize(uint32_t submission_entries, uint32_t completion_entries) {
  // Only what the kernel has been told of survives the move.
  if (QueuedCount() > 0) return -EBUSY;
  uint32_t submission_before = sq_mask_ + 1;
  uint32_t completion_before = cq_mask_ + 1;
  int moved = MoveQueues(submission_entries, completion_entries);
  if (moved == 0 || memory_.queues != nullptr) return moved;
  // The kernel has moved, and there is no room for its new queues. For the old ones there was a moment ago;
  // without a mapping the ring is lost.
  RINGLET_CHECK(MoveQueues(submission_before, completion_before) == 0);
  return moved;
}

int Ring::RegisterRingFd() {
  constexpr uint32_t kAnyIndex = ~0u;
  abi::ResourceUpdate update = {kAnyIndex, 0, static_cast<uint64_t>(ring_.fd)};
  int registered = UringRegister(ring_, abi::kRegisterRingFds, &update, 1);
  if (registered != 1) return registered < 0 ? registered : -EINVAL;
  enter_ring_.fd = static_cast<int>(update.offset);
  enter_fd_flag_ = abi::kEnterRegisteredRing;
  return 0;
}

uint32_t Ring::FreeEntries() const {
  // Acquire: an entry is ours again only after the kernel has read it and moved the head.
  return sq_mask_ + 1 - (sq_tail_ - LoadAcquire(ksq_head_));
}

void Ring::Push(const abi::Sqe& sqe) {
  ksqes_[sq_tail_ & sq_mask_] = sqe;
  sq_tail_++;
  has_links_ |= (sqe.flags & (abi::kSqeIoLink | abi::kSqeIoHardlink)) != 0;
}

uint32_t Ring::QueuedCount() const { return sq_tail_ - LoadAcquire(ksq_head_); }

int Ring::EnterOnce(uint32_t to_submit, uint32_t min_complete, uint32_t flags, const void* arg,
                    uint64_t bytes) {
  enter_count_++;
  int result = UringEnter(enter_ring_, to_submit, min_complete, flags | enter_fd_flag_, arg, bytes);
  RINGLET_PROBE_ENTER(ring_.fd, to_submit, result);
  return result;
}

int Ring::Enter(uint32_t to_submit, uint32_t min_complete, uint32_t flags, const void* arg, uint64_t bytes) {
  for (;;) {
    int result = EnterOnce(to_submit, min_complete, flags, arg, bytes);
    // A signal came before anything was taken: nothing is lost by asking again.
    if (result != -EINTR) return result;
  }
}

int Ring::Submit() {
  // Release: the kernel must see the entries before it sees the tail that covers them.
  StoreRelease(ksq_tail_, sq_tail_);
  if (is_sq_poll()) {
    // The thread sets NEED_WAKEUP and then looks at the tail; we store the tail and then look at
    // NEED_WAKEUP. Without a full fence between ours both sides can miss each other.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    uint32_t sq_flags = LoadRelaxed(ksq_flags_);
    uint32_t enter_flags = 0;
    bool is_coming = IsSqThreadComing();
    if (sq_flags & abi::kSqNeedWakeup && QueuedCount() > 0 && !is_coming) {
      enter_flags |= abi::kEnterSqWakeup;
      sq_wakeup_count_++;
    }
    if (sq_flags & abi::kSqCqOverflow) enter_flags |= abi::kEnterGetEvents;
    if (enter_flags == 0) return 0;
    int entered = Enter(QueuedCount(), 0, enter_flags, nullptr, 0);
    if (entered >= 0 && (enter_flags & abi::kEnterSqWakeup) != 0) sq_woken_for_ = sq_tail_;
    return std::min(entered, 0);
  }
  while (QueuedCount() > 0) {
    // What completes inline is posted by submitting alone; reaping costs extra and is for what else waits.
    // What is linked runs as deferred work: a whole link of three in the enter that submits it.
    uint32_t flags = 0;
    if (has_links_ || HasUnposted()) flags |= abi::kEnterGetEvents;
    has_links_ = false;
    int taken = Enter(QueuedCount(), 0, flags, nullptr, 0);
    if (taken < 0) return taken;
    // Without SUBMIT_ALL the kernel stops behind an entry that failed; nothing taken means it is
    // out of something, and the caller tries again later.
    if (taken == 0) return -EAGAIN;
    if (QueuedCount() == 0) return 0;
  }
  if (!HasUnposted()) return 0;
  // The kernel adds work and then sets its flag: where the work is done in between, the flag stays up for
  // nothing, and no enter takes it down before the next work. So it is taken down here; what is added before
  // the enter is done by it, and what is added later puts the flag up again.
  std::atomic_ref(*ksq_flags_).fetch_and(~uint32_t{abi::kSqTaskRun});
  int entered = Enter(0, 0, abi::kEnterGetEvents, nullptr, 0);
  // Refused, so the work may not be done yet.
  if (entered < 0) std::atomic_ref(*ksq_flags_).fetch_or(uint32_t{abi::kSqTaskRun});
  return std::min(entered, 0);
}

// Woken, and not there yet: it will look at the tail before it sleeps again, so it sees later entries, too.
bool Ring::IsSqThreadComing() {
  uint32_t head = LoadAcquire(ksq_head_);
  bool is_coming = static_cast<int32_t>(sq_woken_for_ - head) > 0;
  // Kept up with at each submit: left behind, it would lie ahead again after 2^31 entries.
  if (!is_coming) sq_woken_for_ = head;
  return is_coming;
}

int Ring::SubmitAndWait(uint32_t count, uint32_t timeout_us) {
  StoreRelease(ksq_tail_, sq_tail_);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  uint32_t flags = abi::kEnterGetEvents | abi::kEnterExtArg | wait_flags_;
  if (is_sq_poll()) flags |= abi::kEnterSqWakeup;
  uint64_t left_ns = timeout_us * 1000ull;
  uint64_t deadline_ns = NowNs() + left_ns;
  for (;;) {
    abi::KernelTimespec timespec = {static_cast<int64_t>(left_ns / 1'000'000'000),
                                    static_cast<int64_t>(left_ns % 1'000'000'000)};
    abi::GetEventsArg arg = {0, 0, 0, reinterpret_cast<uint64_t>(&timespec)};
    // With a thread that submits, a count here would be the result, whatever had become of the wait.
    uint32_t to_submit = is_sq_poll() ? 0 : QueuedCount();
    int result = EnterOnce(to_submit, count, flags, &arg, sizeof(arg));
    if (result == -ETIME) return 0;
    if (result != -EINTR) return std::min(result, 0);
    // A signal stopped the wait: what is left of the time, and not all of it again, or signals that keep
    // coming would make it endless.
    uint64_t now_ns = NowNs();
    if (now_ns >= deadline_ns) return 0;
    left_ns = deadline_ns - now_ns;
  }
}

int Ring::SubmitAndWaitMin(uint32_t count, uint32_t min_wait_us, uint32_t timeout_us) {
  // Release: as in Submit.
  StoreRelease(ksq_tail_, sq_tail_);
  abi::KernelTimespec timespec = {0, timeout_us * 1000ll};
  abi::GetEventsArg arg = {0, 0, min_wait_us, reinterpret_cast<uint64_t>(&timespec)};
  uint32_t flags = abi::kEnterGetEvents | abi::kEnterExtArg | wait_flags_;
  int result = EnterOnce(QueuedCount(), count, flags, &arg, sizeof(arg));
  return result == -ETIME || result == -EINTR ? 0 : std::min(result, 0);
}

int Ring::WaitForFreeEntries() {
  StoreRelease(ksq_tail_, sq_tail_);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return std::min(Enter(0, 0, abi::kEnterSqWakeup | abi::kEnterSqWait, nullptr, 0), 0);
}

uint32_t Ring::Drain(abi::Cqe* out, uint32_t max) {
  if (aside_.empty()) return DrainQueue(out, max);
  uint32_t count = std::min(static_cast<uint32_t>(aside_.size()), max);
  std::copy_n(aside_.begin(), count, out);
  aside_.erase(aside_.begin(), aside_.begin() + count);
  return count + DrainQueue(out + count, max - count);
}

uint32_t Ring::DrainQueue(abi::Cqe* out, uint32_t max) {
  uint32_t head = *kcq_head_;
  // Acquire: the entries below the tail were written before it moved.
  uint32_t count = std::min(LoadAcquire(kcq_tail_) - head, max);
  for (uint32_t i = 0; i < count; i++) out[i] = kcqes_[(head + i) & cq_mask_];
  // Release: the kernel may overwrite these entries only after we have copied them.
  if (count > 0) StoreRelease(kcq_head_, head + count);
  return count;
}

const abi::Cqe* Ring::FindLast(uint64_t user_data) const {
  auto is_last = [user_data](const abi::Cqe& cqe) {
    return cqe.user_data == user_data && (cqe.flags & abi::kCqeMore) == 0;
  };
  auto found = std::find_if(aside_.begin(), aside_.end(), is_last);
  if (found != aside_.end()) return &*found;
  uint32_t tail = LoadAcquire(kcq_tail_);
  for (uint32_t at = *kcq_head_; at != tail; at++) {
    const abi::Cqe& cqe = kcqes_[at & cq_mask_];
    if (is_last(cqe)) return &cqe;
  }
  return nullptr;
}

bool Ring::SetAside() {
  size_t count = aside_.size();
  aside_.resize(count + QueuedCompletions());
  DrainQueue(aside_.data() + count, aside_.size() - count);
  return Enter(0, 0, abi::kEnterGetEvents, nullptr, 0) == 0 && QueuedCompletions() > 0;
}

uint32_t Ring::QueuedCompletions() const { return LoadAcquire(kcq_tail_) - *kcq_head_; }

uint32_t Ring::ReadyCount() const { return static_cast<uint32_t>(aside_.size()) + QueuedCompletions(); }

bool Ring::HasDeferredWork() const { return (LoadRelaxed(ksq_flags_) & abi::kSqTaskRun) != 0; }

bool Ring::HasOverflowed() const { return (LoadRelaxed(ksq_flags_) & abi::kSqCqOverflow) != 0; }

bool Ring::HasDropped() const { return LoadRelaxed(kcq_overflow_) != 0; }

void Ring::SilenceWakeups(bool is_silent) {
  if (event_fd_ < 0) return;
  std::atomic_ref(*kcq_flags_).store(is_silent ? abi::kCqEventFdDisabled : 0, std::memory_order_relaxed);
  // Orders this store before the look at the queues that the caller owes after un-silencing.
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

void Ring::AcknowledgeWakeup() {
  // An enter finds out what it is.
  if (ring_.user != nullptr) std::atomic_ref(*ksq_flags_).fetch_or(uint32_t{abi::kSqTaskRun});
  if (event_fd_ < 0) return;
  uint64_t count;
  // EAGAIN is fine: it has been read before.
  [[maybe_unused]] ssize_t bytes = read(event_fd_, &count, sizeof(count));
}

}  // namespace ringlet
