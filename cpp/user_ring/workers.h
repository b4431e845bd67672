// Threads for what may block: made when there is work, ended when there has been none for a while.
//
// As the kernel's io-wq they are of two kinds, each with its limit: those for regular files, which always
// come back, and those for what may wait without end. A request that a thread has begun is ended by a signal,
// again and again until the call that it waits in has returned. All but the threads themselves is called by
// the ring's own thread.
#ifndef RINGLET_USER_RING_WORKERS_H_
#define RINGLET_USER_RING_WORKERS_H_

#include <pthread.h>

#include <atomic>
#include <cstdint>

#include "request.h"

namespace ringlet::user_ring {

enum class WorkKind : uint8_t { kBounded, kUnbounded };

class Workers {
 public:
  // What a thread does with a request; its result is put into it.
  using Work = int32_t (*)(Request&);

  // `event_fd` is signalled when the first of several requests is done.
  Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  // Waits for the threads; what they wait for is interrupted.
  ~Workers();

  void SetEventFd(int event_fd) { event_fd_ = event_fd; }
  // Limits of the two kinds: 0 leaves one as it is. What they have been comes back.
  void SetLimits(uint32_t* bounded, uint32_t* unbounded);

  // 0, or -errno when there is no thread and none to be had.
  int Queue(Request* request, Work work, WorkKind kind);
  // What is linked to it and stays on its thread comes back with it.
  // Takes back a request that no thread has begun. False otherwise: it comes back by Collect.
  bool TakeBack(Request* request);
  // Has the thread that runs it leave the call it waits in.
  void Interrupt(Request* request);
  // The same for all that have been interrupted and are not back. Returns how many there are.
  uint32_t InterruptAgain();

  bool HasDone() const { return has_done_.load(std::memory_order_relaxed); }
  // What is done, in order.
  RequestList Collect();

 private:
  struct Thread;
  struct Group {
    RequestList waiting;
    uint32_t limit = 0;
    uint32_t thread_count = 0;
    uint32_t idle_count = 0;
    uint32_t waiting_count = 0;
    // A thread has been signalled and has not got the lock yet.
    bool is_waking = false;
    pthread_cond_t has_work;
  };

  static void* Run(void* thread);
  void RunThread(Thread* thread);
  int StartThread(Group* group);
  void UnlockAndWake(Group* group);
  void JoinEnded();

  int event_fd_ = -1;
  std::atomic<bool> has_done_{false};

  // Below: with the lock.
  pthread_mutex_t lock_ = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t has_ended_;
  Group groups_[2];
  RequestList done_;
  Thread* threads_ = nullptr;
  // To be joined.
  Thread* ended_ = nullptr;
  bool is_stopping_ = false;
};

}  // namespace ringlet::user_ring

#endif  // RINGLET_USER_RING_WORKERS_H_
