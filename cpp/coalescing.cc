#include "coalescing.h"

#include <algorithm>

#include "clock.h"

namespace ringlet {
namespace {

// A ring whose last completions are longer ago is quiet: waiting must cost it nothing, and delay nothing.
constexpr uint64_t kBusyNs = 200'000;
// Batches that make a flow, to begin with and after waits that were of no use; and what makes one useful.
constexpr uint32_t kFlowBatchesMin = 4;
constexpr uint32_t kFlowBatchesMax = 256;
constexpr uint32_t kUsefulCompletions = 2;
// A slow flow is given more time, so that a wake-up, which costs more than what it brings, is for several.
constexpr uint32_t kWantedCompletions = 8;
constexpr uint32_t kFlowCoalesceUsMax = 250;
// How long a flow is waited for at most: to a monitor, the event loop is busy meanwhile.
constexpr uint32_t kFlowWaitUsMax = 1'000;

// Without deferred work each packet interrupts the wait, and nothing is saved.
bool CanCoalesceFlows(const abi::Params& params) {
  return (params.flags & abi::kSetupDeferTaskRun) != 0 && (params.features & abi::kFeatMinTimeout) != 0;
}

}  // namespace

Coalescing::Coalescing(const CoalesceOptions& options)
    : options_(options), flow_us_(options.us), flow_batches_min_(kFlowBatchesMin) {}

void Coalescing::Open(const abi::Params& params) {
  if (options_.is_adaptive && !CanCoalesceFlows(params)) options_ = {};
}

void Coalescing::NoteTime(uint64_t now_ns) {
  if (now_ns - settled_at_ns_ > kBusyNs + flow_us_ * 1000ull) flow_batches_ = 0;
  settled_at_ns_ = now_ns;
}

bool Coalescing::WantsMore() const {
  if (options_.count == 0 || options_.is_adaptive) return false;
  return NowNs() - settled_at_ns_ <= kBusyNs;
}

bool Coalescing::Coalesce(Ring& ring, uint64_t expected_max) {
  // Waiting for more than can come would take the whole time.
  auto count = static_cast<uint32_t>(std::min<uint64_t>(expected_max, options_.count));
  wait_count_++;
  return ring.SubmitAndWait(count, options_.us) == 0 && ring.HasCompletions();
}

// A client that waits for an answer would send nothing before it, and a stream's peer nothing beyond its
// window: for these a wait would be lost time.
bool Coalescing::IsFlow(uint32_t submission_head) {
  if (!options_.is_adaptive) return false;
  if (submission_head != submission_head_) flow_batches_ = 0;
  submission_head_ = submission_head;
  return flow_batches_ >= flow_batches_min_ && NowNs() - settled_at_ns_ <= kBusyNs;
}

bool Coalescing::CoalesceFlow(Ring& ring, int loop_fd) {
  if (!loop_poll_.Arm(ring, loop_fd)) return false;
  wait_count_++;
  bool has_waited = ring.SubmitAndWaitMin(options_.count, flow_us_, kFlowWaitUsMax) == 0;
  uint32_t ready = ring.ReadyCount();
  if (ready >= kUsefulCompletions) {
    flow_batches_min_ = kFlowBatchesMin;
    flow_us_ = std::clamp(flow_us_ * kWantedCompletions / ready, options_.us, kFlowCoalesceUsMax);
  } else {
    // One packet a wait is no gain: look at it again later, and later each time.
    flow_batches_ = 0;
    flow_us_ = options_.us;
    flow_batches_min_ = std::min(flow_batches_min_ * 2, kFlowBatchesMax);
  }
  return has_waited && ready > 0;
}

}  // namespace ringlet
