#include "ring_host.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "check.h"
#include "engine.h"
#include "layout.h"
#include "static_probes.h"
#include "turn_budget.h"
#include "uring_syscalls.h"

namespace ringlet {
namespace {

// How long shutdown waits for completions before it asks for cancellation once more.
constexpr uint32_t kShutdownWaitMs = 100;
constexpr uint32_t kEmptyRoundsMax = 2;
// The request to cancel everything: no slot's, and no other cancel request's.
constexpr uint64_t kCancelAllData = 0xfffffffe'00000000 | SLOT_UNTRACKED;
constexpr uint32_t kMultishotRound = 32;

uint32_t SlotOf(const abi::Cqe& cqe) { return static_cast<uint32_t>(cqe.user_data); }

bool YieldsFd(const abi::Cqe& cqe) {
  return ((cqe.user_data >> 32) & GENERATION_YIELDS_FD) != 0 && SlotOf(cqe) != SLOT_UNTRACKED;
}

// An entry with either is followed by another one of its link.
constexpr uint8_t kSqeLinked = abi::kSqeIoLink | abi::kSqeIoHardlink;

// As it lies in the flags.
constexpr uint8_t kSqeNoThread = SQE_NO_THREAD >> 8;

// Transfers of files: READV, WRITEV, READ_FIXED, WRITE_FIXED, READ, WRITE.
constexpr uint64_t kTransferOps = 1 << 1 | 1 << 2 | 1 << 4 | 1 << 5 | 1 << 22 | 1 << 23;

bool IsTransfer(const abi::Sqe& sqe) { return sqe.opcode < 64 && (kTransferOps >> sqe.opcode & 1) != 0; }

}  // namespace

RingHost::RingHost(Engine* engine, const RingHostOptions& options)
    : engine_(engine), options_(options), busy_poll_(options.busy_poll_us), coalescing_(options.coalesce) {}

RingHost::~RingHost() { RINGLET_CHECK(is_closed_); }

int RingHost::Open() {
  if (options_.group) {
    join_ = JoinSqPollGroup(*options_.group, options_.request);
    setup_ = join_.setup;
    if (setup_.ring.fd >= 0) seat_ = join_.seat;
  } else {
    setup_ = SetUpRing(options_.request);
  }
  if (setup_.ring.fd < 0) return setup_.ring.fd;
  is_closed_ = false;
  int opened = ring_.Open(setup_);
  coalescing_.Open(setup_.params);
  if (opened == 0 && options_.is_ring_fd_registered) ring_fd_registration_ = ring_.RegisterRingFd();
  if (opened == 0 && (options_.io_workers_bounded > 0 || options_.io_workers_unbounded > 0)) {
    uint32_t limits[2] = {options_.io_workers_bounded, options_.io_workers_unbounded};
    opened = std::min(UringRegister(setup_.ring, abi::kRegisterIoWqMaxWorkers, limits, 2), 0);
  }
  if (opened < 0) Close();
  return opened;
}

bool RingHost::Start(Napi::Env env, const SharedBlocks& blocks, Napi::Object keep_alive,
                     Napi::Function settle) {
  blocks_ = blocks;
  keep_alive_ = Napi::Persistent(keep_alive);
  settle_ = Napi::Persistent(settle);
  async_context_ = std::make_unique<Napi::AsyncContext>(env, "ringlet");
  wake_watch_ = WakeWatch::Start(engine_->loop(), ring_.wake_fd(), [this] {
    Engine* engine = engine_;
    wakeups_++;
    if (!is_woken_on_edges_) {
      ring_.AcknowledgeWakeup();
      // The loop has begun to watch the eventfd: that much is sure only now.
      is_woken_on_edges_ = ring_.WakesOnEdges() && wake_watch_->WakeOnEdges();
    }
    Turn(false);
    engine->Refresh();
  });
  return wake_watch_ != nullptr;
}

void RingHost::Close() {
  if (is_closed_) return;
  is_closed_ = true;
  // SAFETY: the kernel may hold pointers into the environment's heap until in_kernel_ is 0. There is no
  // deadline, because there is nowhere to leave that memory behind: the same requests would hold up the
  // thread's exit in the kernel too.
  abi::Cqe drained[64];
  // Where completions were dropped the count can't reach 0; then it is enough that cancelling finds nothing
  // and nothing completes, twice, because what is between two places of the kernel is not found.
  uint32_t empty_rounds = 0;
  bool is_waiting = false;
  while (in_kernel_ > 0 && empty_rounds < kEmptyRoundsMax) {
    if (!is_waiting && ring_.FreeEntries() > 0) {
      abi::Sqe cancel = {};
      cancel.opcode = abi::kOpAsyncCancel;
      cancel.fd = -1;
      cancel.op_flags = abi::kCancelAll | abi::kCancelAny;
      cancel.user_data = kCancelAllData;
      ring_.Push(cancel);
    }
    ring_.SubmitAndWait(1, kShutdownWaitMs * 1000);
    bool has_found_nothing = false;
    bool has_completed = false;
    uint32_t count;
    while ((count = ring_.Drain(drained, std::size(drained))) > 0) {
      for (uint32_t i = 0; i < count; i++) {
        if (YieldsFd(drained[i]) && drained[i].res >= 0) close(drained[i].res);
        if (!chained_closes_.empty()) NoteChainedClose(drained[i]);
        bool is_tracked = SlotOf(drained[i]) != SLOT_UNTRACKED;
        has_completed |= is_tracked;
        has_found_nothing |= drained[i].user_data == kCancelAllData && drained[i].res == 0;
        bool is_terminal = (drained[i].flags & abi::kCqeMore) == 0;
        if (is_terminal && is_tracked && in_kernel_ > 0) in_kernel_--;
      }
    }
    bool is_idle = !has_completed && (has_found_nothing || is_waiting);
    if (!is_idle) {
      empty_rounds = 0;
    } else if (!is_waiting && ring_.HasDropped()) {
      empty_rounds++;
    }
    // What no cancel finds and what does not complete by itself has been sent without a copy, to a peer that
    // may never acknowledge it.
    if (is_idle && is_waiting) engine_->owned_fds().DisconnectAll();
    is_waiting = is_idle && !is_waiting;
  }
  ring_.Unmap();
  if (seat_) {
    LeaveSqPollGroup(*seat_, setup_.ring.fd);
  } else {
    UringClose(setup_.ring);
  }
  // Its number may be another ring's from now on.
  setup_.ring = {};
  settle_.Reset();
  keep_alive_.Reset();
  async_context_.reset();
  if (wake_watch_ == nullptr) return;
  engine_->ExpectClose();
  wake_watch_->Close([engine = engine_] { engine->NoteClosed(); });
  wake_watch_ = nullptr;
}

// How many staged entries must go next, and together: 1, or the length of a chain. 0 when there are none,
// or they do not fit now. The kernel ends a chain where it stops taking entries, so no chain may lie across
// two of its passes.
uint32_t RingHost::NextPush(uint32_t free_entries) const {
  uint32_t tail = blocks_.control[CONTROL_SUBMISSION_TAIL];
  uint32_t head = blocks_.control[CONTROL_SUBMISSION_HEAD];
  if (head == tail || free_entries == 0) return 0;
  uint32_t length = 1;
  while (head + length != tail &&
         (blocks_.submissions[(head + length - 1) & blocks_.submission_mask].flags & kSqeLinked) != 0) {
    length++;
  }
  if (length == 1) return 1;
  if (length > free_entries) return 0;
  // A thread that serves several rings stops after so many. The head only rests where a pass has ended, so
  // what lies this close behind it is taken whole.
  if (seat_ && ring_.QueuedCount() + length > SHARED_SQ_THREAD_PASS) return 0;
  return length;
}

// Whether staged entries must wait until the SQ thread has taken others.
bool RingHost::IsStalled() const {
  return blocks_.control[CONTROL_SUBMISSION_TAIL] != blocks_.control[CONTROL_SUBMISSION_HEAD] &&
         NextPush(ring_.FreeEntries()) == 0;
}

void RingHost::PushStaged() {
  uint32_t head = blocks_.control[CONTROL_SUBMISSION_HEAD];
  uint32_t free_entries = ring_.FreeEntries();
  bool is_delayed = engine_->delays().is_delayed();
  uint32_t count;
  while ((count = NextPush(free_entries)) > 0) {
    for (uint32_t i = 0; i < count; i++, head++) {
      abi::Sqe& sqe = blocks_.submissions[head & blocks_.submission_mask];
      if (is_delayed && IsTransfer(sqe) && (sqe.flags & kSqeNoThread) == 0) sqe.flags |= abi::kSqeAsync;
      sqe.flags &= ~kSqeNoThread;
      // A cancel request says nothing when it succeeds, so nothing waits for it.
      bool is_tracked = static_cast<uint32_t>(sqe.user_data) != SLOT_UNTRACKED;
      in_kernel_ += is_tracked;
      submitted_ += is_tracked;
      // One with a file index closes a slot of the file table, and no descriptor.
      if (sqe.opcode == abi::kOpClose && sqe.file_index == 0) {
        engine_->owned_fds().Remove(sqe.fd);
        if (count > 1) chained_closes_[static_cast<uint32_t>(sqe.user_data)] = sqe.fd;
      }
      ring_.Push(sqe);
    }
    free_entries -= count;
    blocks_.control[CONTROL_SUBMISSION_HEAD] = head;
  }
}

// The close of a broken chain never happens: its descriptor is still open.
void RingHost::NoteChainedClose(const abi::Cqe& cqe) {
  auto found = chained_closes_.find(SlotOf(cqe));
  if (found == chained_closes_.end()) return;
  if (cqe.res == -ECANCELED) engine_->owned_fds().Add(found->second);
  chained_closes_.erase(found);
}

// What the kernel does at once it does in here. A thread that submits is not our concern: it has other rings.
int RingHost::SubmitQueued() {
  if (ring_.is_sq_poll() || ring_.QueuedCount() == 0) return ring_.Submit();
  engine_->delays().Begin();
  int error = ring_.Submit();
  engine_->delays().End();
  return error;
}

bool RingHost::SubmitStaged() {
  if (is_closed_) return false;
  for (;;) {
    PushStaged();
    int error = SubmitQueued();
    bool is_empty = blocks_.control[CONTROL_SUBMISSION_TAIL] == blocks_.control[CONTROL_SUBMISSION_HEAD];
    if (error < 0 || is_empty) return error == 0 && is_empty && ring_.QueuedCount() == 0;
    if (!IsStalled()) continue;
    // More staged than the queue has entries: the SQ thread must take some first. The kernel waits for one
    // free entry only; for the several that a chain needs, look again soon.
    if (ring_.FreeEntries() > 0) {
      constexpr timespec kLookAgain = {0, 20'000};
      nanosleep(&kLookAgain, nullptr);
    } else if (ring_.WaitForFreeEntries() < 0) {
      return false;
    }
  }
}

bool RingHost::HasWork() const {
  // What the kernel has refused to take, in the middle of JavaScript, is tried again. A thread takes it by
  // itself.
  if (!is_broken_ && !ring_.is_sq_poll() && ring_.QueuedCount() > 0) return true;
  return ring_.HasCompletions() || ring_.HasDeferredWork() || ring_.HasOverflowed() ||
         blocks_.control[CONTROL_SUBMISSION_TAIL] != blocks_.control[CONTROL_SUBMISSION_HEAD];
}

// Takes the completions that are there. A multishot receive stops after 32 of them and leaves the rest as
// deferred work (MULTISHOT_MAX_RETRY in the kernel's io_uring/net.c), which is run at once, up to a bound:
// each batch costs a call into JavaScript and the step of an iterator.
uint32_t RingHost::Collect() {
  uint32_t count = ring_.Drain(blocks_.completions, blocks_.completion_capacity);
  uint32_t seen = 0;
  while (count - seen >= kMultishotRound && count < options_.collect_max && ring_.HasDeferredWork()) {
    if (ring_.Submit() < 0) break;
    seen = count;
    count += ring_.Drain(blocks_.completions + count, blocks_.completion_capacity - count);
  }
  return coalescing_.Sift(blocks_.completions, count);
}

bool RingHost::IsFlow() {
  return in_kernel_ > 0 && coalescing_.IsFlow(blocks_.control[CONTROL_SUBMISSION_HEAD]);
}

void RingHost::GrowCompletionQueue() {
  uint32_t entries = ring_.completion_entries();
  if (!ring_.is_resizable() || entries * 2 > options_.completion_entries_max) return;
  // The backlog moves into the larger queue at the next enter.
  if (ring_.Submit() < 0 || ring_.Resize(ring_.submission_entries(), entries * 2) < 0) return;
  setup_.params.cq_entries = ring_.completion_entries();
  resizes_++;
}

bool RingHost::Turn(bool may_wait) {
  if (is_turning_ || is_closed_) return false;
  may_wait = may_wait && IsFlow();
  if (!may_wait && !has_more_ && !HasWork()) {
    UnrefLoopIfIdle();
    return false;
  }
  uint64_t batches_before = batches_;
  // The JavaScript that a turn runs may close this ring and drop the last reference to it.
  std::shared_ptr<RingHost> self = shared_from_this();
  // One handle scope a turn, and one look at each reference: a settling call adds but a handle or two.
  Napi::HandleScope scope(settle_.Env());
  SettleCall call = {settle_.Env(), *async_context_, keep_alive_.Value(), settle_.Value()};
  TurnBudget budget(may_wait);
  is_turning_ = true;
  turns_++;
  has_more_ = false;
  ring_.SilenceWakeups(true);
  Next next = Next::kRound;
  while (next == Next::kRound && !is_closed_) next = Round(call, budget);
  has_more_ = next == Next::kTurn;
  if (!is_closed_) {
    if (has_more_) ring_.SilenceWakeups(false);
    UnrefLoopIfIdle();
  }
  is_turning_ = false;
  return batches_ != batches_before;
}

// Submits what is staged, and settles what has completed.
RingHost::Next RingHost::Round(const SettleCall& call, TurnBudget& budget) {
  PushStaged();
  if (ring_.HasOverflowed()) {
    overflows_++;
    GrowCompletionQueue();
  }
  int error = SubmitQueued();
  uint32_t count = Collect();
  if (count > 0) {
    Settle(call, count);
    uint64_t now_ns = budget.NoteBatch(count);
    if (now_ns > 0) coalescing_.NoteTime(now_ns);
    budget_stops_ += budget.is_spent();
    return budget.is_spent() ? Next::kTurn : Next::kRound;
  }
  if (!is_broken_ && (error == -EBADR || ring_.HasDropped())) {
    is_broken_ = true;
    Fail(call, EBADR);
    return Next::kNothing;
  }
  // EAGAIN, EBUSY, ENOMEM: the kernel is short of something; come back after everybody else.
  if (error < 0) return Next::kTurn;
  return WaitOrEnd(budget);
}

// Nothing has completed: waits for more where that pays, and otherwise lets the loop be woken again.
RingHost::Next RingHost::WaitOrEnd(TurnBudget& budget) {
  if (in_kernel_ > 0 && busy_poll_.Spin(ring_)) return Next::kRound;
  if (in_kernel_ > 0 && coalescing_.WantsMore()) {
    // One wait a turn: in between the event loop looks at everything else.
    if (budget.has_waited()) return Next::kTurn;
    budget.NoteWait();
    if (coalescing_.Coalesce(ring_, has_multishot_ ? UINT64_MAX : in_kernel_)) return Next::kRound;
  }
  if (budget.may_wait_for_flow() && IsFlow() && engine_->WouldBlock(this)) {
    budget.NoteWait();
    if (coalescing_.CoalesceFlow(ring_, engine_->loop_fd())) return Next::kRound;
  }
  ring_.SilenceWakeups(false);
  if (!HasWork()) return Next::kNothing;
  if (ring_.is_sq_poll() && IsStalled() && !ring_.HasCompletions()) return Next::kTurn;
  ring_.SilenceWakeups(true);
  return Next::kRound;
}

void RingHost::Count(uint32_t completions) {
  completed_ += completions;
  has_multishot_ = false;
  for (uint32_t i = 0; i < completions; i++) {
    abi::Cqe& cqe = blocks_.completions[i];
    if (SlotOf(cqe) == SLOT_UNTRACKED) continue;
    if ((cqe.flags & abi::kCqeMore) == 0) {
      in_kernel_--;
    } else {
      has_multishot_ = true;
    }
    if (!chained_closes_.empty()) NoteChainedClose(cqe);
    if (!YieldsFd(cqe) || cqe.res < 0) continue;
    engine_->owned_fds().Add(cqe.res);
    if (lseek(cqe.res, 0, SEEK_CUR) < 0) cqe.flags |= COMPLETION_UNSEEKABLE;
  }
}

void RingHost::Settle(const SettleCall& call, uint32_t completions) {
  Count(completions);
  batches_++;
  RINGLET_PROBE_BATCH(ring_.fd(), completions);
  blocks_.control[CONTROL_COMPLETIONS] = completions;
  blocks_.control[CONTROL_RECEIVED] = 0;
  napi_value result;
  napi_status status =
      napi_make_callback(call.env, call.async_context, call.receiver, call.settle, 0, nullptr, &result);
  coalescing_.NoteBatch(!is_closed_ && blocks_.control[CONTROL_RECEIVED] == completions);
  if (status == napi_ok) return;
  napi_value thrown;
  bool has_thrown = false;
  napi_is_exception_pending(call.env, &has_thrown);
  if (has_thrown && napi_get_and_clear_last_exception(call.env, &thrown) == napi_ok) {
    napi_fatal_exception(call.env, thrown);
  }
}

void RingHost::Fail(const SettleCall& call, int error) {
  blocks_.control[CONTROL_FAILURE] = static_cast<uint32_t>(error);
  Settle(call, 0);
}

void RingHost::RefLoop() {
  is_loop_ref_ = is_ref_;
  blocks_.control[CONTROL_IS_LOOP_REF] = 1;
  engine_->Refresh();
}

void RingHost::SetRef(bool is_ref) {
  is_ref_ = is_ref;
  // Not only while there are refs: those that follow before the next turn take the loop as they find it.
  if (!is_closed_ && blocks_.control[CONTROL_IS_LOOP_REF] != 0) RefLoop();
}

void RingHost::UnrefLoopIfIdle() {
  if (blocks_.control[CONTROL_REFS] > 0) return;
  is_loop_ref_ = false;
  blocks_.control[CONTROL_IS_LOOP_REF] = 0;
}

void RingHost::ReadStats(double* stats) const {
  stats[STAT_SUBMITTED] = static_cast<double>(submitted_);
  stats[STAT_COMPLETED] = static_cast<double>(completed_);
  stats[STAT_ENTERS] = static_cast<double>(ring_.enter_count());
  stats[STAT_BATCHES] = static_cast<double>(batches_);
  stats[STAT_WAKEUPS] = static_cast<double>(wakeups_);
  stats[STAT_OVERFLOWS] = static_cast<double>(overflows_);
  stats[STAT_IN_KERNEL] = static_cast<double>(in_kernel_);
  stats[STAT_TURNS] = static_cast<double>(turns_);
  stats[STAT_BUDGET_STOPS] = static_cast<double>(budget_stops_);
  stats[STAT_SQ_WAKEUPS] = static_cast<double>(ring_.sq_wakeup_count());
  stats[STAT_RESIZES] = static_cast<double>(resizes_);
  stats[STAT_GATHERS] = static_cast<double>(coalescing_.wait_count());
}

}  // namespace ringlet
