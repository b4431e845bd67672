#include "workers.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "../check.h"
#include "operations.h"

namespace ringlet::user_ring {
namespace {

constexpr uint32_t kThreadsPerCpu = 4;
constexpr uint32_t kBoundedMin = 8;
constexpr uint32_t kUnboundedMax = 1024;
// Calls on files take little; a thread has no more than this.
constexpr size_t kStackBytes = 256 * 1024;
// How long a thread without work stays.
constexpr time_t kIdleSeconds = 5;
// How long the end waits before it interrupts once more.
constexpr long kInterruptNs = 1'000'000;

// Of the real-time signals, which Node has no names for, one from the end, where few look for theirs.
int InterruptSignal() { return SIGRTMAX - 3; }

void OnInterrupt(int) {}

// The handler does nothing: without SA_RESTART a call that waits returns EINTR. Installed once a process, and
// only where there is no other.
void InstallHandler() {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, [] {
    struct sigaction before;
    if (sigaction(InterruptSignal(), nullptr, &before) == 0 && before.sa_handler != SIG_DFL) return;
    struct sigaction action = {};
    action.sa_handler = OnInterrupt;
    sigaction(InterruptSignal(), &action, nullptr);
  });
}

timespec After(time_t seconds, long ns) {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  time.tv_sec += seconds;
  time.tv_nsec += ns;
  if (time.tv_nsec >= 1'000'000'000) {
    time.tv_nsec -= 1'000'000'000;
    time.tv_sec++;
  }
  return time;
}

void MakeCondition(pthread_cond_t* condition) {
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(condition, &attributes);
  pthread_condattr_destroy(&attributes);
}

}  // namespace

struct Workers::Thread {
  Workers* owner;
  Group* group;
  pthread_t id;
  Thread* next = nullptr;
  // What was queued, and what of its chain is being done.
  Request* head = nullptr;
  Request* running = nullptr;
};

Workers::Workers() {
  for (Group& group : groups_) MakeCondition(&group.has_work);
  MakeCondition(&has_ended_);
  long cpus = sysconf(_SC_NPROCESSORS_ONLN);
  groups_[0].limit = std::max(kBoundedMin, static_cast<uint32_t>(std::max(cpus, 1l)) * kThreadsPerCpu);
  groups_[1].limit = kUnboundedMax;
}

Workers::~Workers() {
  pthread_mutex_lock(&lock_);
  is_stopping_ = true;
  for (Group& group : groups_) pthread_cond_broadcast(&group.has_work);
  while (threads_ != nullptr) {
    for (Thread* thread = threads_; thread != nullptr; thread = thread->next) {
      if (thread->running == nullptr) continue;
      thread->running->is_cancelled.store(true, std::memory_order_relaxed);
      pthread_kill(thread->id, InterruptSignal());
    }
    timespec until = After(0, kInterruptNs);
    pthread_cond_timedwait(&has_ended_, &lock_, &until);
  }
  pthread_mutex_unlock(&lock_);
  JoinEnded();
  for (Group& group : groups_) pthread_cond_destroy(&group.has_work);
  pthread_cond_destroy(&has_ended_);
  pthread_mutex_destroy(&lock_);
}

void Workers::SetLimits(uint32_t* bounded, uint32_t* unbounded) {
  pthread_mutex_lock(&lock_);
  std::swap(groups_[0].limit, *bounded);
  std::swap(groups_[1].limit, *unbounded);
  if (groups_[0].limit == 0) groups_[0].limit = *bounded;
  if (groups_[1].limit == 0) groups_[1].limit = *unbounded;
  pthread_mutex_unlock(&lock_);
}

// They have nothing left to do but to return.
void Workers::JoinEnded() {
  while (ended_ != nullptr) {
    Thread* thread = std::exchange(ended_, ended_->next);
    pthread_join(thread->id, nullptr);
    delete thread;
  }
}

int Workers::StartThread(Group* group) {
  InstallHandler();
  JoinEnded();
  auto* thread = new Thread{this, group, {}};
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  // Signals are for Node's threads. The one that interrupts is let in by the thread itself.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = pthread_create(&thread->id, &attributes, Run, thread);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  if (error != 0) {
    delete thread;
    return -error;
  }
  thread->next = threads_;
  threads_ = thread;
  group->thread_count++;
  return 0;
}

int Workers::Queue(Request* request, Work work, WorkKind kind) {
  Group* group = &groups_[static_cast<size_t>(kind)];
  pthread_mutex_lock(&lock_);
  int error = 0;
  if (group->idle_count <= group->waiting_count && group->thread_count < group->limit)
    error = StartThread(group);
  // With at least one thread it is done sooner or later.
  if (group->thread_count > 0) error = 0;
  if (error == 0) {
    request->work = work;
    request->is_unbounded = kind == WorkKind::kUnbounded;
    request->is_begun = false;
    request->place = Place::kWorker;
    group->waiting.Append(request);
    group->waiting_count++;
  }
  UnlockAndWake(group);
  return error;
}

// Has one thread come at a time, which calls the next one if there is still work for it: a signal for each of
// many requests would have all threads fight for the lock, and with a few CPUs most of them find nothing
// left.
void Workers::UnlockAndWake(Group* group) {
  bool is_needed = group->waiting_count > 0 && group->idle_count > 0 && !group->is_waking;
  if (is_needed) group->is_waking = true;
  pthread_mutex_unlock(&lock_);
  if (is_needed) pthread_cond_signal(&group->has_work);
}

bool Workers::TakeBack(Request* request) {
  pthread_mutex_lock(&lock_);
  bool is_waiting = !request->is_begun;
  if (is_waiting) {
    Group& group = groups_[request->is_unbounded ? 1 : 0];
    group.waiting.Remove(request);
    group.waiting_count--;
    request->place = Place::kNone;
  }
  pthread_mutex_unlock(&lock_);
  return is_waiting;
}

void Workers::Interrupt(Request* request) {
  pthread_mutex_lock(&lock_);
  for (Thread* thread = threads_; thread != nullptr; thread = thread->next) {
    if (thread->head != request) continue;
    thread->running->is_cancelled.store(true, std::memory_order_relaxed);
    pthread_kill(thread->id, InterruptSignal());
  }
  pthread_mutex_unlock(&lock_);
}

uint32_t Workers::InterruptAgain() {
  uint32_t count = 0;
  pthread_mutex_lock(&lock_);
  for (Thread* thread = threads_; thread != nullptr; thread = thread->next) {
    if (thread->running == nullptr || !thread->running->is_cancelled.load(std::memory_order_relaxed))
      continue;
    pthread_kill(thread->id, InterruptSignal());
    count++;
  }
  pthread_mutex_unlock(&lock_);
  return count;
}

RequestList Workers::Collect() {
  if (!HasDone()) return {};
  pthread_mutex_lock(&lock_);
  RequestList done = done_;
  done_ = {};
  has_done_.store(false, std::memory_order_relaxed);
  pthread_mutex_unlock(&lock_);
  return done;
}

void* Workers::Run(void* thread) {
  sigset_t interrupt;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, InterruptSignal());
  pthread_sigmask(SIG_UNBLOCK, &interrupt, nullptr);
  pthread_setname_np(pthread_self(), "ringlet-worker");
  auto* self = static_cast<Thread*>(thread);
  self->owner->RunThread(self);
  return nullptr;
}

void Workers::RunThread(Thread* thread) {
  Group& group = *thread->group;
  pthread_mutex_lock(&lock_);
  for (;;) {
    Request* request = group.waiting.TakeFirst();
    if (request == nullptr) {
      if (is_stopping_) break;
      group.idle_count++;
      timespec until = After(kIdleSeconds, 0);
      int waited = pthread_cond_timedwait(&group.has_work, &lock_, &until);
      group.idle_count--;
      // Whatever has ended the wait, this one looks for work now.
      group.is_waking = false;
      if (waited == ETIMEDOUT && group.waiting.is_empty()) break;
      continue;
    }
    group.waiting_count--;
    if (is_stopping_ && !request->is_taken_out()) continue;
    request->is_begun = true;
    thread->head = thread->running = request;
    UnlockAndWake(&group);
    request->result = request->work(*request);
    while (Request* next = NextOnWorker(*thread->running)) {
      pthread_mutex_lock(&lock_);
      // Who has cancelled the chain's head has cancelled what is left of it on this thread.
      bool is_cancelled = thread->running->is_cancelled.load(std::memory_order_relaxed);
      next->is_cancelled.store(is_cancelled, std::memory_order_relaxed);
      thread->running = next;
      pthread_mutex_unlock(&lock_);
      next->result = next->work(*next);
      next->is_worked = true;
    }
    pthread_mutex_lock(&lock_);
    thread->head = thread->running = nullptr;
    done_.Append(request);
    // One signal for all that are collected together.
    if (!has_done_.exchange(true, std::memory_order_relaxed)) {
      uint64_t one = 1;
      [[maybe_unused]] ssize_t written = write(event_fd_, &one, sizeof(one));
    }
  }
  Thread** at = &threads_;
  while (*at != thread) at = &(*at)->next;
  *at = thread->next;
  group.thread_count--;
  thread->next = ended_;
  ended_ = thread;
  pthread_cond_signal(&has_ended_);
  pthread_mutex_unlock(&lock_);
}

}  // namespace ringlet::user_ring
