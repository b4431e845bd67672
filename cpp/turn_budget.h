// What one turn of a ring may take before timers and other handles get theirs: a time, and one wait in the
// kernel. Used by one thread, its environment's.
#ifndef RINGLET_TURN_BUDGET_H_
#define RINGLET_TURN_BUDGET_H_

#include <algorithm>
#include <cstdint>

#include "clock.h"

namespace ringlet {

class TurnBudget {
 public:
  // `may_wait`: the event loop would block next, and a wait for a flow may stand in its place.
  explicit TurnBudget(bool may_wait) : may_wait_(may_wait) {}

  // A batch has been settled. Returns the time where the clock was looked at, and 0 where not.
  uint64_t NoteBatch(uint32_t completions) {
    if (may_wait_) has_waited_ = false;
    uint32_t weight = std::max(completions, kBatchCompletionsMin);
    if (weight < until_clock_) {
      until_clock_ -= weight;
      return 0;
    }
    until_clock_ = kClockIntervalCompletions;
    uint64_t now_ns = NowNs();
    if (deadline_ns_ == 0) {
      deadline_ns_ = now_ns + kTurnNs;
    } else {
      is_spent_ = now_ns > deadline_ns_;
    }
    return now_ns;
  }

  void NoteWait() { has_waited_ = true; }

  bool is_spent() const { return is_spent_; }
  bool has_waited() const { return has_waited_; }
  bool may_wait_for_flow() const { return may_wait_ && !has_waited_; }

 private:
  static constexpr uint64_t kTurnNs = 1'000'000;
  // The clock is looked at once in so many completions, each batch counted as two at least: looking costs
  // more than a twentieth of what a batch of one does.
  static constexpr uint32_t kClockIntervalCompletions = 8;
  static constexpr uint32_t kBatchCompletionsMin = 2;

  bool may_wait_;
  bool has_waited_ = false;
  bool is_spent_ = false;
  uint32_t until_clock_ = 0;
  uint64_t deadline_ns_ = 0;
};

}  // namespace ringlet

#endif  // RINGLET_TURN_BUDGET_H_
