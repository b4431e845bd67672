// When a ring that has nothing left to do waits in the kernel for more completions, and how long: `coalesce`.
//
// With fixed numbers whatever the ring is busy with, or adaptively for a flow: datagrams in quick succession
// that are not answered. Used by one thread, its environment's.
#ifndef RINGLET_COALESCING_H_
#define RINGLET_COALESCING_H_

#include <cstdint>

#include "loop_poll.h"
#include "ring.h"

namespace ringlet {

struct CoalesceOptions {
  // Completions to wait for, and for how long; 0 for no waits.
  uint32_t count = 0;
  uint32_t us = 0;
  bool is_adaptive = false;
};

class Coalescing {
 public:
  explicit Coalescing(const CoalesceOptions& options);

  // Gives up waiting for flows where the ring can't.
  void Open(const abi::Params& params);

  // A batch has been settled. `is_flow`: it brought nothing but datagrams.
  void NoteBatch(bool is_flow) { flow_batches_ = is_flow ? flow_batches_ + 1 : 0; }
  // The clock has been looked at behind a batch.
  void NoteTime(uint64_t now_ns);

  // With fixed numbers: whether to wait, and the wait, for `expected_max` completions at most. Returns
  // whether there are any.
  bool WantsMore() const;
  bool Coalesce(Ring& ring, uint64_t expected_max);

  // Whether there is a flow. `submission_head` tells whether anything has been submitted since the last look.
  bool IsFlow(uint32_t submission_head);
  // The event loop's wait, made in the ring: what has come by the end of a short time comes as one batch.
  // Ends when the loop has something to do. Returns whether there are completions.
  bool CoalesceFlow(Ring& ring, int loop_fd);
  // Takes what is not for JavaScript out of what has been drained. Returns how many are left.
  uint32_t Sift(abi::Cqe* completions, uint32_t count) { return loop_poll_.Sift(completions, count); }

  // Waits so far.
  uint64_t wait_count() const { return wait_count_; }

 private:
  CoalesceOptions options_;
  LoopPoll loop_poll_;
  uint64_t settled_at_ns_ = 0;
  uint64_t wait_count_ = 0;
  // How long the next wait for a flow is.
  uint32_t flow_us_;
  // Batches of a flow so far, how many of them are enough, and the submission head at the last look.
  uint32_t flow_batches_ = 0;
  uint32_t flow_batches_min_;
  uint32_t submission_head_ = 0;
};

}  // namespace ringlet

#endif  // RINGLET_COALESCING_H_
