// The event loop's own descriptor, polled by a ring: so a wait in the ring ends when the loop has something
// to do. Used by one thread, its environment's.
#ifndef RINGLET_LOOP_POLL_H_
#define RINGLET_LOOP_POLL_H_

#include <cstdint>

#include "ring.h"

namespace ringlet {

class LoopPoll {
 public:
  // Queues the poll unless it is armed. False when the queue is full.
  bool Arm(Ring& ring, int loop_fd);
  // Takes the poll's completion out of what has been drained, if it is there. Returns how many are left.
  uint32_t Sift(abi::Cqe* completions, uint32_t count);

 private:
  bool is_armed_ = false;
};

}  // namespace ringlet

#endif  // RINGLET_LOOP_POLL_H_
