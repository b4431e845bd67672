#include "user_ring.h"

#include <poll.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <utility>

#include "../check.h"
#include "../clock.h"
#include "operations.h"

namespace ringlet::user_ring {
namespace {

constexpr uint32_t kSetupFlags = abi::kSetupCqSize | abi::kSetupClamp | abi::kSetupSubmitAll |
                                 abi::kSetupCoopTaskRun | abi::kSetupTaskRunFlag | abi::kSetupSingleIssuer |
                                 abi::kSetupDeferTaskRun | abi::kSetupNoSqArray;
constexpr uint32_t kFeatures =
    abi::kFeatSingleMmap | abi::kFeatNoDrop | abi::kFeatRwCurPos | abi::kFeatExtArg | abi::kFeatCqeSkip;

// No draining.
constexpr uint8_t kSqeFlags = abi::kSqeFixedFile | abi::kSqeIoLink | abi::kSqeIoHardlink | abi::kSqeAsync |
                              abi::kSqeBufferSelect | abi::kSqeCqeSkipSuccess;

constexpr uint64_t kForever = ~uint64_t{0};

}  // namespace

int UserRing::Setup(uint32_t entries, abi::Params* params) {
  simulation_ = Simulation::OfNextRing();
  uint32_t known_flags = kSetupFlags & ~(simulation_ == nullptr ? 0 : simulation_->gaps().setup_flags);
  if ((params->flags & ~known_flags) != 0) return -EINVAL;
  bool is_clamped = (params->flags & abi::kSetupClamp) != 0;
  if (entries == 0 || (entries > abi::kMaxSubmissionEntries && !is_clamped)) return -EINVAL;
  params->sq_entries = std::bit_ceil(std::min(entries, abi::kMaxSubmissionEntries));
  uint32_t completions = params->sq_entries * 2;
  if ((params->flags & abi::kSetupCqSize) != 0) {
    completions = params->cq_entries;
    if (completions == 0 || (completions > abi::kMaxCompletionEntries && !is_clamped)) return -EINVAL;
    completions = std::bit_ceil(std::min(completions, abi::kMaxCompletionEntries));
    if (completions < params->sq_entries) return -EINVAL;
  }
  params->cq_entries = completions;
  params->features = kFeatures;
  int error = queues_.Make(params);
  if (error == 0) error = readiness_.Open();
  if (error < 0) return error;
  workers_.SetEventFd(readiness_.worker_event_fd());
  return readiness_.fd();
}

int UserRing::Enter(uint32_t to_submit, uint32_t min_complete, uint32_t flags, const void* arg,
                    uint64_t arg_bytes) {
  constexpr uint32_t kKnown = abi::kEnterGetEvents | abi::kEnterExtArg | abi::kEnterNoIoWait;
  if ((flags & ~kKnown) != 0) return -EINVAL;
  if (simulation_ != nullptr) {
    int error = DisturbEnter(to_submit, min_complete);
    if (error < 0) return error;
  }
  uint32_t submitted = Submit(to_submit);
  int waited = 0;
  if ((flags & abi::kEnterGetEvents) != 0) {
    waited = Wait(min_complete, flags, arg, arg_bytes);
  } else if (workers_.HasDone()) {
    CollectWorkers();
    StartRunnable();
  }
  if (HasMoreToDo()) queues_.SetTaskRun();
  SetTimer();
  return submitted > 0 ? static_cast<int>(submitted) : waited;
}

int UserRing::Wait(uint32_t min_complete, uint32_t flags, const void* arg, uint64_t arg_bytes) {
  uint64_t deadline_ns = kForever;
  if ((flags & abi::kEnterExtArg) != 0) {
    if (arg_bytes != sizeof(abi::GetEventsArg)) return -EINVAL;
    uint64_t time = static_cast<const abi::GetEventsArg*>(arg)->ts;
    if (time != 0) deadline_ns = DeadlineOf(time, 0);
    if (deadline_ns == 0) return -EINVAL;
  }
  for (;;) {
    Collect();
    if (queues_.ReadyCount() >= min_complete) return 0;
    if (HasMoreToDo()) continue;
    uint64_t now_ns = deadline_ns == kForever ? 0 : NowNs();
    if (now_ns >= deadline_ns) return -ETIME;
    int error = readiness_.Wait(deadline_ns == kForever ? kForever : deadline_ns - now_ns);
    if (error < 0) return error;
  }
}

uint32_t UserRing::Submit(uint32_t count) {
  uint32_t submitted = 0;
  Request* first = nullptr;
  Request* last = nullptr;
  while (submitted < count) {
    // Not within a chain.
    bool may_stop = simulation_ != nullptr && submitted > 0 && first == nullptr;
    if (may_stop && simulation_->StopSubmitting()) break;
    const abi::Sqe* sqe = queues_.TakeSubmitted();
    if (sqe == nullptr) break;
    submitted++;
    Request* request = requests_.Make(*sqe);
    request->slot = SlotOf(*sqe);
    if (last != nullptr && sqe->opcode == abi::kOpLinkTimeout) {
      // It stands between what it limits and what follows.
      last->link_timeout = request;
      request->limited = last;
      if (!request->is_linked()) {
        Start(first);
        first = last = nullptr;
      }
      continue;
    }
    if (first == nullptr) {
      first = request;
    } else {
      last->following = request;
    }
    last = request;
    if (request->is_linked()) continue;
    Start(first);
    first = last = nullptr;
  }
  // The kernel ends a chain where it stops taking entries.
  if (first != nullptr) Start(first);
  StartRunnable();
  return submitted;
}

void UserRing::Collect() {
  queues_.ClearTaskRun();
  queues_.Flush();
  FinishDelayed();
  CollectWorkers();
  RunAgain();
  bool has_more = readiness_.Collect();
  CollectWorkers();
  StartRunnable();
  SetTimer();
  if (has_more) queues_.SetTaskRun();
}

void UserRing::CollectWorkers() {
  RequestList done = workers_.Collect();
  while (Request* request = done.TakeFirst()) {
    request->place = Place::kNone;
    Finish(request, request->result, 0);
  }
}

void UserRing::AddAgain(int fd) {
  if (WatchedFd* watched = readiness_.Find(fd)) again_.emplace_back(fd, watched->generation);
}

// What has had its share gets another one.
void UserRing::RunAgain() {
  std::vector<std::pair<int, uint32_t>> again;
  again.swap(again_);
  for (auto [fd, generation] : again) {
    WatchedFd* watched = readiness_.Find(fd, generation);
    if (watched != nullptr) Serve(*watched, watched->reads);
  }
}

void UserRing::StartRunnable() {
  while (Request* request = runnable_.TakeFirst()) Start(request);
}

// Null for an entry that names none, or one that there is not.
FileSlot* UserRing::SlotOf(const abi::Sqe& sqe) const {
  bool is_open = sqe.opcode == abi::kOpOpenAt || sqe.opcode == abi::kOpOpenAt2;
  if (is_open || sqe.opcode == abi::kOpClose) return files_.Find(static_cast<uint32_t>(sqe.file_index) - 1);
  return (sqe.flags & abi::kSqeFixedFile) != 0 ? files_.Find(static_cast<uint32_t>(sqe.fd)) : nullptr;
}

void UserRing::Start(Request* request) {
  if (request->is_worked) {
    Finish(request, request->result, 0);
    return;
  }
  if (Request* timeout = request->link_timeout) {
    timeout->deadline_ns = DeadlineOf(timeout->sqe.addr, timeout->sqe.op_flags);
    timers_.Add(timeout);
  }
  const Operation* operation = FindOperation(request->sqe.opcode);
  if (operation == nullptr || (request->sqe.flags & ~kSqeFlags) != 0 || request->sqe.personality != 0) {
    Finish(request, -EINVAL, 0);
  } else if (int error = NameDescriptor(*request); error < 0) {
    Finish(request, error, 0);
  } else if (simulation_ != nullptr && Disturb(request)) {
    return;
  } else if (operation->attempt == nullptr ||
             (request->has_flag(abi::kSqeAsync) && operation->work != nullptr)) {
    GiveToWorker(request);
  } else if (operation->queue != Place::kNone && readiness_.HasQueue(request->sqe.fd, operation->queue)) {
    // Others were there first.
    WaitFor(request, operation->queue);
  } else {
    Settle(request, operation->attempt(*this, *request));
  }
}

Outcome UserRing::Attempt(Request* request) {
  return FindOperation(request->sqe.opcode)->attempt(*this, *request);
}

void UserRing::Settle(Request* request, const Outcome& outcome) {
  switch (outcome.next) {
    case Next::kDone:
      Finish(request, outcome.result, outcome.flags);
      break;
    case Next::kReadable:
      WaitFor(request, Place::kReads);
      break;
    case Next::kWritable:
      WaitFor(request, Place::kWrites);
      break;
    case Next::kAgain:
      // No event tells of what is there already.
      WaitFor(request, Place::kReads);
      AddAgain(request->sqe.fd);
      break;
    case Next::kWorker:
      GiveToWorker(request);
      break;
    case Next::kWaits:
      requests_.AddToIndex(request);
      break;
  }
}

void UserRing::WaitFor(Request* request, Place place) {
  int error = readiness_.Add(request, place);
  if (error >= 0) {
    requests_.AddToIndex(request);
  } else if (error == -EPERM && FindOperation(request->sqe.opcode)->work != nullptr) {
    // Always ready as far as epoll knows: a regular file that is not in the cache.
    GiveToWorker(request);
  } else {
    Finish(request, error, 0);
  }
}

void UserRing::WaitForTimer(Request* request) { timers_.Add(request); }

void UserRing::GiveToWorker(Request* request) {
  const Operation* operation = FindOperation(request->sqe.opcode);
  RINGLET_CHECK(operation->work != nullptr);
  // What waits for a peer may wait without end, and so may what was sent straight to a thread.
  bool waits = operation->queue != Place::kNone && !IsSized(request->sqe.fd);
  bool is_unbounded = waits || request->has_flag(abi::kSqeAsync) || request->sqe.opcode == abi::kOpConnect;
  WorkKind kind = is_unbounded ? WorkKind::kUnbounded : WorkKind::kBounded;
  ChooseForWorker(request, kind);
  bool is_refused = simulation_ != nullptr && simulation_->RefuseWorker();
  int error = is_refused ? -EAGAIN : workers_.Queue(request, operation->work, kind);
  if (error == 0) {
    requests_.AddToIndex(request);
  } else if (request->sqe.opcode == abi::kOpClose) {
    // It must happen, even if it waits.
    Finish(request, operation->work(*request), 0);
  } else {
    Finish(request, error, 0);
  }
}

// As in the kernel, what is linked to a request stays on its worker, where it is work for one of the kind.
void UserRing::ChooseForWorker(Request* head, WorkKind kind) {
  bool is_bounded = kind == WorkKind::kBounded;
  for (Request* next = head->following; next != nullptr; next = next->following) {
    const Operation* operation = FindOperation(next->sqe.opcode);
    bool is_work = operation != nullptr && operation->work != nullptr && next->sqe.opcode != abi::kOpConnect;
    bool is_plain = (next->sqe.flags & ~kSqeFlags) == 0 && next->sqe.personality == 0;
    if (!is_work || !is_plain || next->link_timeout != nullptr) return;
    if (next->has_flag(abi::kSqeAsync) == is_bounded) return;
    if (simulation_ != nullptr && (IsUnknown(*next) || simulation_->TakeFromWorker())) return;
    next->work = operation->work;
    next->stays_on_worker = true;
  }
}

void UserRing::OnReady(WatchedFd& watched, uint32_t events) {
  constexpr uint32_t kEither = POLLERR | POLLHUP;
  if (!watched.polls.is_empty()) ServePolls(watched, events);
  if ((events & (POLLIN | POLLRDHUP | POLLPRI | kEither)) != 0) Serve(watched, watched.reads);
  if ((events & (POLLOUT | kEither)) != 0) Serve(watched, watched.writes);
}

// Tries what waits, in order, until one has to go on waiting.
void UserRing::Serve(WatchedFd& watched, RequestList& list) {
  while (Request* request = list.first()) {
    request->was_woken = true;
    Outcome outcome = Attempt(request);
    bool is_waiting = outcome.next == (request->place == Place::kReads ? Next::kReadable : Next::kWritable);
    if (outcome.next == Next::kAgain) AddAgain(watched.fd);
    if (is_waiting || outcome.next == Next::kAgain) return;
    readiness_.Remove(request);
    Settle(request, outcome);
  }
}

void UserRing::ServePolls(WatchedFd& watched, uint32_t events) {
  Request* next = nullptr;
  for (Request* poll = watched.polls.first(); poll != nullptr; poll = next) {
    next = poll->next;
    uint32_t happened = events & (poll->poll_events | POLLERR | POLLHUP);
    if (happened == 0) continue;
    bool is_multishot = poll->sqe.len != 0;
    if (is_multishot && HasRoom(2)) {
      PostMore(*poll, static_cast<int32_t>(happened), 0);
    } else {
      readiness_.Remove(poll);
      Finish(poll, happened, 0);
    }
  }
}

void UserRing::OnLost(Request* request) { Finish(request, -EBADF, 0); }

void UserRing::OnTimer() {
  uint64_t now_ns = NowNs();
  while (Request* timer = timers_.TakeExpired(now_ns)) {
    Request* limited = std::exchange(timer->limited, nullptr);
    if (limited != nullptr) {
      limited->link_timeout = nullptr;
      Cancel(limited, -ECANCELED);
    }
    Finish(timer, -ETIME, 0);
  }
  if (interrupt_at_ns_ == 0 || interrupt_at_ns_ > now_ns) return;
  constexpr uint64_t kStepMaxNs = 100'000'000;
  interrupt_step_ns_ = std::min(interrupt_step_ns_ * 2, kStepMaxNs);
  interrupt_at_ns_ = workers_.InterruptAgain() > 0 ? now_ns + interrupt_step_ns_ : 0;
}

void UserRing::SetTimer() {
  uint64_t next_ns = timers_.next_ns();
  if (interrupt_at_ns_ != 0 && (next_ns == 0 || interrupt_at_ns_ < next_ns)) next_ns = interrupt_at_ns_;
  readiness_.SetTimer(next_ns);
}

int UserRing::Cancel(Request* request, int32_t result) {
  constexpr uint64_t kInterruptAgainNs = 1'000'000;
  switch (request->place) {
    case Place::kReads:
    case Place::kWrites:
    case Place::kPolls:
      readiness_.Remove(request);
      break;
    case Place::kTimer:
      timers_.Remove(request);
      break;
    case Place::kWorker:
      if (request->is_taken_out()) return -EALREADY;
      if (workers_.TakeBack(request)) break;
      workers_.Interrupt(request);
      interrupt_step_ns_ = kInterruptAgainNs;
      interrupt_at_ns_ = NowNs() + interrupt_step_ns_;
      return -EALREADY;
    case Place::kNone:
      return -ENOENT;
  }
  request->place = Place::kNone;
  request->is_short = true;
  Finish(request, request->done > 0 ? request->done : result, 0);
  return 0;
}

std::vector<Request*> UserRing::FindWaiting(const abi::Sqe& cancel) const {
  constexpr uint32_t kFd = 1u << 1;
  std::vector<Request*> found;
  bool is_all = (cancel.op_flags & abi::kCancelAll) != 0;
  if ((cancel.op_flags & abi::kCancelAny) != 0) {
    requests_.FindAll(found);
  } else if ((cancel.op_flags & kFd) != 0) {
    requests_.FindByFd(cancel.fd, is_all, found);
  } else {
    requests_.FindByData(cancel.addr, is_all, found);
  }
  return found;
}

Request* UserRing::FindTimer(uint64_t user_data) const {
  std::vector<Request*> found;
  requests_.FindByData(user_data, true, found);
  for (Request* each : found) {
    if (each->place == Place::kTimer) return each;
  }
  return nullptr;
}

void UserRing::MoveTimer(Request* request, uint64_t deadline_ns) {
  timers_.Remove(request);
  request->deadline_ns = deadline_ns;
  timers_.Add(request);
}

}  // namespace ringlet::user_ring
