// Chooses the setup flags of a ring and gives them up one by one where the kernel refuses them.
//
// Two profiles, because SQPOLL excludes the task-run flags (io_uring_setup(2)): `loop`, driven by the
// event loop's thread, and `sqPoll`, driven by a kernel thread. Depends on the system-call seam and the
// queues' memory alone.
#ifndef RINGLET_RING_PROFILE_H_
#define RINGLET_RING_PROFILE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "ring_queues.h"
#include "uring_abi.h"

namespace ringlet {

enum class TaskRun { kBest, kDefer, kCooperative, kInterrupt };

struct RingRequest {
  RingKernel kernel = RingKernel::kSystem;
  bool is_sq_poll = false;
  uint32_t submission_entries = 256;
  uint32_t completion_entries = 4096;
  // Memory refused: entries are halved down to this, then it is an error.
  uint32_t completion_entries_min = 256;
  // kBest degrades; anything else was asked for by name and is an error when refused.
  TaskRun task_run = TaskRun::kBest;
  // The rest is for is_sq_poll.
  uint32_t idle_ms = 10;
  int cpu = -1;        // pins the thread; ignored by the kernel when attaching
  int attach_fd = -1;  // a living ring whose thread to share
};

struct Degradation {
  std::string what;
  std::string reason;
};

struct RingSetup {
  RingHandle ring;  // its `fd` is -errno when the ring was refused
  abi::Params params{};
  QueueMemory memory;  // for Ring::Open to take
  std::vector<Degradation> degraded;
};

// Makes a ring and maps its queues.
RingSetup SetUpRing(const RingRequest& request);

// The IORING_SETUP_* names, without prefix, of the bits that are set.
std::vector<std::string> SetupFlagNames(uint32_t flags);

}  // namespace ringlet

#endif  // RINGLET_RING_PROFILE_H_
