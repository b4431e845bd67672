// The memory of a ring's queues, mapped from the kernel. Called by the ring's own thread.
#ifndef RINGLET_RING_QUEUES_H_
#define RINGLET_RING_QUEUES_H_

#include <cstdint>

#include "uring_abi.h"
#include "uring_syscalls.h"

namespace ringlet {

struct QueueMemory {
  void* queues = nullptr;  // both queues but for the submission entries
  uint64_t queues_bytes = 0;
  void* sqes = nullptr;
  uint64_t sqes_bytes = 0;
};

// Maps the queues of a ring as `params` describe them. Returns 0, or -errno with nothing mapped.
int MapQueues(const RingHandle& ring, const abi::Params& params, QueueMemory* memory);
// Does nothing when nothing is mapped.
void UnmapQueues(QueueMemory* memory);

}  // namespace ringlet

#endif  // RINGLET_RING_QUEUES_H_
