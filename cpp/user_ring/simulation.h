// What a kernel may do and seldom does, decided by a seed: for tests of all that stands on rings.
//
// A ring in user space that has been made under a seed asks at a few places; one without asks a null pointer.
// Nothing here loses a completion or changes a byte: whatever is decided, a kernel could have done it.
// How often each thing happens is drawn from the seed, too, so that some seeds have none of it.
#ifndef RINGLET_USER_RING_SIMULATION_H_
#define RINGLET_USER_RING_SIMULATION_H_

#include <cstdint>
#include <memory>

#include "request.h"

namespace ringlet::user_ring {

// What an older kernel lacks, by the numbers of uring_abi.h; opcodes and registrations as bits.
struct KernelGaps {
  uint64_t opcodes = 0;
  uint64_t registrations = 0;
  uint32_t setup_flags = 0;
  uint32_t receive_flags = 0;
  uint32_t buffer_ring_flags = 0;
};

// What can happen, for its count: X(name).
#define RINGLET_MISCHIEF(X) \
  X(enterInterrupted)       \
  X(enterRefused)           \
  X(enterWithoutMemory)     \
  X(fewerSubmitted)         \
  X(delayed)                \
  X(reordered)              \
  X(requestInterrupted)     \
  X(requestWithoutMemory)   \
  X(shortened)              \
  X(multishotEnded)         \
  X(withoutBuffers)         \
  X(withoutRoom)            \
  X(movedToWorker)          \
  X(workerRefused)          \
  X(takenFromWorker)        \
  X(resizeRefused)          \
  X(cancelNotFound)         \
  X(cancelTooLate)

enum class Mischief : uint8_t {
#define RINGLET_NAME(name) name,
  RINGLET_MISCHIEF(RINGLET_NAME)
#undef RINGLET_NAME
      kCount,
};

class Simulation {
 public:
  // Rings of this thread that are made from now on; a seed of 0 has nothing happen.
  static void Arm(uint32_t seed, const KernelGaps& gaps);
  // How often something has happened on this thread's rings.
  static uint64_t CountOf(Mischief mischief);
  // Of a ring that is being made: null when there is nothing to simulate.
  static std::unique_ptr<Simulation> OfNextRing();

  const KernelGaps& gaps() const { return gaps_; }

  // Of io_uring_enter(2): 0, or an error before anything is taken.
  int FailEnter(bool is_submitting);
  // Whether no more entries are taken by this call.
  bool StopSubmitting() { return Happens(stop_submitting_, Mischief::fewerSubmitted); }
  // Whether the completion queue is as if it were full, until the ring is entered again.
  bool WithholdRoom() { return Happens(withhold_room_); }
  void NoteWithoutRoom() { Note(Mischief::withoutRoom); }
  // How often the ring is entered before a request that has ended is said to have.
  uint32_t DelayCompletion(const Request& request);
  // Others have been said to have ended before it.
  void NoteReordered() { Note(Mischief::reordered); }
  // An error before the request has done anything: 0 or -errno.
  int FailRequest(const Request& request);
  // Has it transfer less than was asked. Returns whether it does.
  bool ShortenTransfer(Request* request);
  bool EndMultishotEarly() { return Happens(end_multishot_, Mischief::multishotEnded); }
  bool RunOutOfBuffers() { return Happens(run_out_of_buffers_, Mischief::withoutBuffers); }
  // Whether a thread does what could be done at once.
  bool PreferWorker() { return Happens(prefer_worker_, Mischief::movedToWorker); }
  bool RefuseWorker() { return Happens(refuse_worker_, Mischief::workerRefused); }
  // Whether the rest of a chain does not stay on its worker.
  bool TakeFromWorker() { return Happens(is_seeded_ ? kEvenly : 0, Mischief::takenFromWorker); }
  // Of io_uring_register(2): 0 or -errno.
  int FailRegistration(uint32_t opcode, const void* arg);
  // Of a cancel that has found what it is for: 0, -ENOENT when that
  // goes on as before, or -EALREADY when it is about to end.
  int LoseCancelRace(Request* request);

 private:
  static constexpr uint32_t kEvenly = 50;

  Simulation(uint32_t seed, const KernelGaps& gaps);
  uint32_t Next();
  uint32_t Below(uint32_t bound) { return static_cast<uint32_t>(uint64_t{Next()} * bound >> 32); }
  bool Happens(uint32_t percent) { return percent != 0 && Below(100) < percent; }
  bool Happens(uint32_t percent, Mischief mischief);
  static void Note(Mischief mischief);
  static int Noted(Mischief mischief, int error);
  uint32_t DrawPercent();

  uint64_t state_;
  bool is_seeded_;
  KernelGaps gaps_;
  uint32_t fail_enter_ = 0;
  uint32_t stop_submitting_ = 0;
  uint32_t withhold_room_ = 0;
  uint32_t delay_completion_ = 0;
  uint32_t fail_request_ = 0;
  uint32_t shorten_transfer_ = 0;
  uint32_t end_multishot_ = 0;
  uint32_t run_out_of_buffers_ = 0;
  uint32_t prefer_worker_ = 0;
  uint32_t refuse_worker_ = 0;
  uint32_t refuse_resize_ = 0;
  uint32_t lose_cancel_race_ = 0;
};

}  // namespace ringlet::user_ring

#endif  // RINGLET_USER_RING_SIMULATION_H_
