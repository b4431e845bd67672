#include "readiness.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>

#include "../check.h"

namespace ringlet::user_ring {
namespace {

constexpr int kEventsMax = 256;
constexpr uint32_t kReadEvents = EPOLLIN | EPOLLRDHUP | EPOLLPRI;
constexpr uint32_t kWriteEvents = EPOLLOUT;
// What may mean that more is to come although less came than was asked for.
constexpr uint32_t kOtherEvents = EPOLLRDHUP | EPOLLPRI | EPOLLHUP | EPOLLERR;

// What an event is for, in its 64 bits of data. Descriptors of our own have no generation.
uint64_t DataOf(int fd, uint32_t generation) {
  return uint64_t{generation} << 32 | static_cast<uint32_t>(fd);
}

uint32_t Wanted(const WatchedFd& watched) {
  uint32_t events = 0;
  if (!watched.reads.is_empty()) events |= kReadEvents;
  if (!watched.writes.is_empty()) events |= kWriteEvents;
  for (Request* poll = watched.polls.first(); poll != nullptr; poll = poll->next) events |= poll->poll_events;
  return events;
}

}  // namespace

Readiness::~Readiness() {
  if (worker_event_fd_ >= 0) close(worker_event_fd_);
  if (timer_fd_ >= 0) close(timer_fd_);
}

int Readiness::Open() {
  epoll_fd_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd_ < 0) return -errno;
  worker_event_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  timer_fd_ = worker_event_fd_ < 0 ? -1 : timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  int error = timer_fd_ < 0 ? -errno : 0;
  for (int fd : {worker_event_fd_, timer_fd_}) {
    // Edges: neither is ever read.
    epoll_event event = {EPOLLIN | EPOLLET, {.u64 = DataOf(fd, 0)}};
    if (error == 0 && epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) < 0) error = -errno;
  }
  if (error < 0) {
    close(epoll_fd_);
    epoll_fd_ = -1;
  }
  return error;
}

void Readiness::SetTimer(uint64_t deadline_ns) {
  if (deadline_ns == timer_ns_) return;
  timer_ns_ = deadline_ns;
  itimerspec when = {};
  when.it_value.tv_sec = static_cast<time_t>(deadline_ns / 1'000'000'000);
  when.it_value.tv_nsec = static_cast<long>(deadline_ns % 1'000'000'000);
  RINGLET_CHECK(timerfd_settime(timer_fd_, TFD_TIMER_ABSTIME, &when, nullptr) == 0);
}

WatchedFd& Readiness::At(int fd) {
  size_t index = static_cast<size_t>(fd);
  if (index >= watched_.size()) watched_.resize(index + 1);
  if (watched_[index] == nullptr) {
    watched_[index] = std::make_unique<WatchedFd>();
    watched_[index]->fd = fd;
  }
  return *watched_[index];
}

WatchedFd* Readiness::Find(int fd) {
  size_t index = static_cast<size_t>(fd);
  return fd < 0 || index >= watched_.size() ? nullptr : watched_[index].get();
}

WatchedFd* Readiness::Find(int fd, uint32_t generation) {
  WatchedFd* watched = Find(fd);
  return watched == nullptr || watched->generation != generation ? nullptr : watched;
}

RequestList& Readiness::ListOf(WatchedFd& watched, Place place) {
  switch (place) {
    case Place::kReads:
      return watched.reads;
    case Place::kWrites:
      return watched.writes;
    default:
      return watched.polls;
  }
}

bool Readiness::HasQueue(int fd, Place place) const {
  WatchedFd* watched = const_cast<Readiness*>(this)->Find(fd);
  return watched != nullptr && !ListOf(*watched, place).is_empty();
}

// What is armed already is not looked at anew: an attempt that has failed came after the last event, so the
// next one is still to come, and polls that have been told would be told again. But the number may stand for
// another file.
int Readiness::Arm(WatchedFd& watched, uint32_t events) {
  uint32_t generation = ++last_generation_ == 0 ? ++last_generation_ : last_generation_;
  epoll_event event = {events | EPOLLET, {.u64 = DataOf(watched.fd, generation)}};
  bool is_armed = (events & ~watched.armed) == 0;
  if (watched.armed != 0 && !is_armed) {
    event.data.u64 = DataOf(watched.fd, watched.generation);
    if (epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, watched.fd, &event) == 0) {
      watched.armed = events;
      return kIsTold;
    }
    event.data.u64 = DataOf(watched.fd, generation);
  }
  int result = epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, watched.fd, &event);
  if (result < 0 && errno == EEXIST && is_armed) return 0;
  // Left behind by a wait that is over.
  if (result < 0 && errno == EEXIST) result = epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, watched.fd, &event);
  int error = -errno;
  LoseAll(watched);
  if (result < 0) return error;
  watched.generation = generation;
  watched.has_other_events = false;
  watched.armed = events;
  return kIsTold;
}

// The file that was in the set has been closed.
void Readiness::LoseAll(WatchedFd& watched) {
  watched.armed = 0;
  for (RequestList* list : {&watched.reads, &watched.writes, &watched.polls}) {
    while (Request* request = list->TakeFirst()) {
      request->place = Place::kNone;
      owner_->OnLost(request);
    }
  }
}

int Readiness::Add(Request* request, Place place) {
  if (request->sqe.fd < 0) return -EBADF;
  WatchedFd& watched = At(request->sqe.fd);
  uint32_t events = place == Place::kReads    ? kReadEvents
                    : place == Place::kWrites ? kWriteEvents
                                              : request->poll_events;
  int armed = Arm(watched, Wanted(watched) | events);
  if (armed < 0) return armed;
  request->place = place;
  ListOf(watched, place).Append(request);
  return armed;
}

void Readiness::Remove(Request* request) {
  WatchedFd& watched = At(request->sqe.fd);
  ListOf(watched, request->place).Remove(request);
  request->place = Place::kNone;
}

// An event that nothing waits for: what is in the set for nothing goes, so that it wakes the loop no more.
void Readiness::Rearm(WatchedFd& watched) {
  uint32_t wanted = Wanted(watched);
  if ((watched.armed & ~wanted) == 0 || watched.armed == 0) return;
  epoll_event event = {wanted | EPOLLET, {.u64 = DataOf(watched.fd, watched.generation)}};
  // ENOENT and EBADF: it has been closed.
  int result = epoll_ctl(epoll_fd_, wanted == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD, watched.fd, &event);
  watched.armed = result < 0 ? 0 : wanted;
}

bool Readiness::Collect() {
  epoll_event events[kEventsMax];
  int count = epoll_wait(epoll_fd_, events, kEventsMax, 0);
  for (int i = 0; i < count; i++) {
    int fd = static_cast<int>(static_cast<uint32_t>(events[i].data.u64));
    auto generation = static_cast<uint32_t>(events[i].data.u64 >> 32);
    if (generation == 0) {
      // The workers' event has done its work: it has brought the ring here.
      if (fd != timer_fd_) continue;
      timer_ns_ = 0;
      owner_->OnTimer();
      continue;
    }
    WatchedFd* watched = Find(fd, generation);
    if (watched == nullptr) continue;
    uint32_t happened = events[i].events;
    if ((happened & kOtherEvents) != 0) watched->has_other_events = true;
    bool is_waited_for = (happened & (Wanted(*watched) | EPOLLERR | EPOLLHUP)) != 0 && Wanted(*watched) != 0;
    if (is_waited_for) {
      owner_->OnReady(*watched, happened);
    } else {
      Rearm(*watched);
    }
  }
  return count == kEventsMax;
}

int Readiness::Wait(uint64_t timeout_ns) {
  pollfd set = {epoll_fd_, POLLIN, 0};
  timespec timeout = {static_cast<time_t>(timeout_ns / 1'000'000'000),
                      static_cast<long>(timeout_ns % 1'000'000'000)};
  int count = ppoll(&set, 1, timeout_ns == ~uint64_t{0} ? nullptr : &timeout, nullptr);
  return count < 0 ? -errno : 0;
}

}  // namespace ringlet::user_ring
