#include "ring_queues.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>

namespace ringlet {

int MapQueues(const RingHandle& ring, const abi::Params& params, QueueMemory* memory) {
  // One mapping for both queues since Linux 5.4, far below what the rest of ringlet needs.
  if ((params.features & abi::kFeatSingleMmap) == 0) return -ENOSYS;
  bool has_array = (params.flags & abi::kSetupNoSqArray) == 0;
  uint64_t sq_bytes = has_array ? params.sq_off.array + params.sq_entries * sizeof(uint32_t) : 0;
  uint64_t cq_bytes = params.cq_off.cqes + params.cq_entries * sizeof(abi::Cqe);
  QueueMemory mapped;
  mapped.queues_bytes = std::max(sq_bytes, cq_bytes);
  mapped.sqes_bytes = params.sq_entries * sizeof(abi::Sqe);
  int error = UringMap(ring, mapped.queues_bytes, abi::kOffSqRing, &mapped.queues);
  if (error == 0) error = UringMap(ring, mapped.sqes_bytes, abi::kOffSqes, &mapped.sqes);
  if (error < 0) {
    UnmapQueues(&mapped);
    return error;
  }
  *memory = mapped;
  return 0;
}

void UnmapQueues(QueueMemory* memory) {
  if (memory->queues != nullptr) munmap(memory->queues, memory->queues_bytes);
  if (memory->sqes != nullptr) munmap(memory->sqes, memory->sqes_bytes);
  *memory = {};
}

}  // namespace ringlet
