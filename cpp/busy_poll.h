// How long a ring that has nothing left to do spins for completions before it sleeps: `busyPollUs` at most,
// and less where it has been in vain. Used by one thread, its environment's.
#ifndef RINGLET_BUSY_POLL_H_
#define RINGLET_BUSY_POLL_H_

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "clock.h"
#include "ring.h"

namespace ringlet {

class BusyPoll {
 public:
  // `us`: 0 for never.
  explicit BusyPoll(uint32_t us) : us_(us) {}

  // Returns whether there are completions.
  bool Spin(const Ring& ring) {
    if (us_ == 0) return false;
    uint64_t deadline_ns = NowNs() + us_ * 1000ull * sixteenths_ / kSixteenthsMax;
    do {
      for (int i = 0; i < kLooksPerClock; i++) {
        if (ring.HasCompletions() || ring.HasDeferredWork()) {
          sixteenths_ = kSixteenthsMax;
          return true;
        }
        Pause();
      }
    } while (NowNs() < deadline_ns);
    // Nothing came: spin less next time, down to a sixteenth, until something comes again.
    sixteenths_ = std::max(sixteenths_ / 2, 1u);
    return false;
  }

 private:
  static constexpr uint32_t kSixteenthsMax = 16;
  static constexpr int kLooksPerClock = 32;

  static void Pause() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#else
    std::atomic_signal_fence(std::memory_order_seq_cst);
#endif
  }

  uint32_t us_;
  uint32_t sixteenths_ = kSixteenthsMax;
};

}  // namespace ringlet

#endif  // RINGLET_BUSY_POLL_H_
