// A ring: its descriptor, its mapped queues, and the memory ordering between us and the kernel.
//
// Used by one thread, its environment's. Knows neither Node-API nor libuv; calls return -errno.
// Pointers that begin with k are shared with the kernel.
#ifndef RINGLET_RING_H_
#define RINGLET_RING_H_

#include <cstdint>
#include <vector>

#include "ring_profile.h"
#include "ring_queues.h"
#include "uring_abi.h"

namespace ringlet {

class Ring {
 public:
  Ring() = default;
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring() { Unmap(); }

  // Takes over the mapped queues of a ring that SetUpRing made, and registers an eventfd where the profile
  // needs one. Returns 0 or -errno; the descriptor stays the caller's to close in both cases.
  int Open(const RingSetup& setup);

  // Unmaps the queues and closes the eventfd. The ring's own descriptor is closed by its owner,
  // because a group must forget it in the same breath (sq_poll_groups.h).
  void Unmap();

  // Lets enter skip the descriptor lookup (Linux 5.18). Returns 0 or -errno.
  int RegisterRingFd();

  int fd() const { return ring_.fd; }
  const RingHandle& handle() const { return ring_; }
  // What an event loop polls to hear of completions: the eventfd, or the ring itself.
  int wake_fd() const { return event_fd_ >= 0 ? event_fd_ : ring_.fd; }
  // Gives the completion queue another size (Linux 6.13, DEFER_TASKRUN rings) and maps it anew. What is
  // in the queues stays. Returns 0, or -errno with everything as it was.
  int Resize(uint32_t submission_entries, uint32_t completion_entries);
  uint32_t completion_entries() const { return cq_mask_ + 1; }
  bool is_resizable() const { return (setup_flags_ & abi::kSetupDeferTaskRun) != 0; }
  bool is_sq_poll() const { return (setup_flags_ & abi::kSetupSqPoll) != 0; }
  uint32_t submission_entries() const { return sq_mask_ + 1; }

  // Entries that can be pushed now.
  uint32_t FreeEntries() const;
  // Copies one entry into the queue. The kernel does not see it before Submit. Needs a free entry.
  void Push(const abi::Sqe& sqe);
  // Entries pushed and not yet taken by the kernel (SQPOLL) or submitted (otherwise).
  uint32_t QueuedCount() const;

  // Makes the pushed entries visible and has the kernel take them. Without SQPOLL this enters the
  // kernel when there is something to submit or to reap; with it only to wake a sleeping thread.
  // Returns 0, or -errno with the entries still queued.
  int Submit();
  // Submits, and waits for `count` completions or `timeout_us`, whichever is first. Signals do not make the
  // wait longer.
  int SubmitAndWait(uint32_t count, uint32_t timeout_us);
  // Submits, and waits for `count` completions or `min_wait_us`; where nothing has come by then, for the
  // first one, `timeout_us` in all. A signal ends the wait. Needs IORING_FEAT_MIN_TIMEOUT.
  int SubmitAndWaitMin(uint32_t count, uint32_t min_wait_us, uint32_t timeout_us);
  // SQPOLL: waits until the thread has taken at least one entry of a full queue.
  int WaitForFreeEntries();

  // Moves up to `max` completions to `out`, oldest first.
  uint32_t Drain(abi::Cqe* out, uint32_t max);
  // A terminal completion that waits to be drained, by its user_data, or null. It goes on waiting.
  const abi::Cqe* FindLast(uint64_t user_data) const;
  // Makes room in the queue for what the kernel holds back for want of it: what is there is set aside, to be
  // drained first. Tells whether anything has come.
  bool SetAside();
  bool HasCompletions() const { return ReadyCount() > 0; }
  uint32_t ReadyCount() const;
  // Whether the kernel holds completions that it only posts when entered, and for which of two reasons.
  bool HasUnposted() const { return HasDeferredWork() || HasOverflowed(); }
  bool HasDeferredWork() const;
  bool HasOverflowed() const;
  // Whether the kernel has ever had no memory to keep a completion that found no room: it is lost. Only a
  // wait would be told (EBADR), and only once.
  bool HasDropped() const;

  // Stops and restarts the eventfd's signals. After SilenceWakeups(false) the caller must look at
  // HasCompletions and HasDeferredWork once more before it sleeps: what came in between was silent.
  void SilenceWakeups(bool is_silent);
  // Whether a wake-up may be heard of by edges alone: of what stays readable.
  bool WakesOnEdges() const { return event_fd_ >= 0; }
  // Consumes a signal of the eventfd. Of a ring in user space, its descriptor tells that there is work to do.
  void AcknowledgeWakeup();

  uint64_t enter_count() const { return enter_count_; }
  // Of these, the ones that woke the SQ thread.
  uint64_t sq_wakeup_count() const { return sq_wakeup_count_; }

 private:
  void Use(const QueueMemory& memory, const abi::Params& params);
  int MoveQueues(uint32_t submission_entries, uint32_t completion_entries);
  int EnterOnce(uint32_t to_submit, uint32_t min_complete, uint32_t flags, const void* arg, uint64_t bytes);
  bool IsSqThreadComing();
  int Enter(uint32_t to_submit, uint32_t min_complete, uint32_t flags, const void* arg, uint64_t bytes);
  uint32_t DrainQueue(abi::Cqe* out, uint32_t max);
  uint32_t QueuedCompletions() const;

  RingHandle ring_;
  int event_fd_ = -1;
  RingHandle enter_ring_;  // the same, or with its registered index
  uint32_t enter_fd_flag_ = 0;
  uint32_t setup_flags_ = 0;
  uint32_t wait_flags_ = 0;  // of each enter that may wait

  uint32_t* ksq_head_ = nullptr;
  uint32_t* ksq_tail_ = nullptr;
  uint32_t* ksq_flags_ = nullptr;
  uint32_t* ksq_array_ = nullptr;
  abi::Sqe* ksqes_ = nullptr;
  uint32_t* kcq_head_ = nullptr;
  uint32_t* kcq_tail_ = nullptr;
  uint32_t* kcq_flags_ = nullptr;
  uint32_t* kcq_overflow_ = nullptr;
  abi::Cqe* kcqes_ = nullptr;
  uint32_t sq_mask_ = 0;
  uint32_t cq_mask_ = 0;
  uint32_t sq_tail_ = 0;       // ours; ahead of *ksq_tail_ until Submit
  uint32_t sq_woken_for_ = 0;  // the tail with which the SQ thread was last woken
  bool has_links_ = false;     // among what is queued
  // Taken out of the queue, and not drained yet; mostly empty.
  std::vector<abi::Cqe> aside_;

  QueueMemory memory_;
  uint64_t enter_count_ = 0;
  uint64_t sq_wakeup_count_ = 0;
};

}  // namespace ringlet

#endif  // RINGLET_RING_H_
