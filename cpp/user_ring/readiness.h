// Which descriptors are waited for, and by what: a queue of those that read, one of those that write, and the
// polls. One epoll set, edge-triggered, each descriptor in it once and for no more than what is waited for.
//
// A request whose descriptor is closed under it and whose number comes to stand for another file ends with
// EBADF as soon as that file is waited for; until then nothing tells of it. Events carry the generation of
// what they are for, so none reaches a later file of the same number. The ring's own thread only.
#ifndef RINGLET_USER_RING_READINESS_H_
#define RINGLET_USER_RING_READINESS_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "request.h"

namespace ringlet::user_ring {

struct WatchedFd {
  int fd = -1;
  uint32_t generation = 0;
  // What the epoll set has it for; 0 when it is not in there.
  uint32_t armed = 0;
  // Whether it has ever been more than readable or writable: then a short transfer says nothing of what
  // follows.
  bool has_other_events = false;
  RequestList reads;
  RequestList writes;
  RequestList polls;
};

// Who tries requests again.
class ReadinessOwner {
 public:
  virtual void OnReady(WatchedFd& watched, uint32_t events) = 0;
  // The descriptor's number has come to stand for another file.
  virtual void OnLost(Request* request) = 0;
  virtual void OnTimer() = 0;

 protected:
  ~ReadinessOwner() = default;
};

class Readiness {
 public:
  explicit Readiness(ReadinessOwner* owner) : owner_(owner) {}
  Readiness(const Readiness&) = delete;
  Readiness& operator=(const Readiness&) = delete;
  ~Readiness();

  // 0 or -errno. The descriptor of the set is the ring's, and its owner's to close.
  int Open();
  int fd() const { return epoll_fd_; }
  int worker_event_fd() const { return worker_event_fd_; }
  // Has OnTimer called at that time of CLOCK_MONOTONIC; 0 for never.
  void SetTimer(uint64_t deadline_ns);

  // Queues a request behind others of its kind. kIsTold where an event tells of what is ready now, 0 where
  // events tell of what comes, or -errno: EPERM for what is always ready.
  static constexpr int kIsTold = 1;
  int Add(Request* request, Place place);
  void Remove(Request* request);
  // Whether requests wait in this order for the descriptor already.
  bool HasQueue(int fd, Place place) const;
  WatchedFd* Find(int fd, uint32_t generation);
  WatchedFd* Find(int fd);

  // Tells of what is ready now. Returns whether there may be more.
  bool Collect();
  // Waits until there is something, or for so long; ~0 for as long as it takes. 0 or -errno.
  int Wait(uint64_t timeout_ns);

 private:
  WatchedFd& At(int fd);
  static RequestList& ListOf(WatchedFd& watched, Place place);
  int Arm(WatchedFd& watched, uint32_t events);
  void Rearm(WatchedFd& watched);
  void LoseAll(WatchedFd& watched);

  ReadinessOwner* owner_;
  int epoll_fd_ = -1;
  int worker_event_fd_ = -1;
  int timer_fd_ = -1;
  uint64_t timer_ns_ = 0;
  uint32_t last_generation_ = 0;
  std::vector<std::unique_ptr<WatchedFd>> watched_;
};

}  // namespace ringlet::user_ring

#endif  // RINGLET_USER_RING_READINESS_H_
