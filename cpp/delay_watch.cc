#include "delay_watch.h"

#include <algorithm>

#include "clock.h"
#include "libc_calls.h"

namespace ringlet {
namespace {

constexpr uint64_t kMs = 1'000'000;
// A call that takes longer is slow.
constexpr uint64_t kSlowNs = 8 * kMs;
// How many times as long as a slow call other threads do the work, before one of us is tried again; more when
// it has been tried before: a disk is busy at times, a scanner always.
constexpr uint64_t kPeriodFactor = 20;
constexpr uint64_t kNextPeriodFactor = 200;
constexpr uint64_t kPeriodMaxNs = 60'000 * kMs;
// How old a sample may be. Taking one costs half a microsecond.
constexpr uint64_t kSampleAgeNs = 10 * kMs;
// For how long a thread that has lost the processor may have to wait for it: a quota's period (cgroups(7)).
constexpr uint64_t kPreemptionNs = 100 * kMs;

uint64_t ToNs(const timeval& time) {
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_usec) * 1'000;
}

}  // namespace

DelayWatch::DelayWatch() : slow_ns_(std::max(kSlowNs, 2 * CoarseTickNs())) {}

void DelayWatch::Begin() {
  began_ns_ = CoarseNowNs();
  if (until_ns_ != 0 && began_ns_ >= until_ns_) until_ns_ = 0;
  if (began_ns_ - sampled_at_ns_ >= kSampleAgeNs) Sample(began_ns_);
}

void DelayWatch::End() {
  uint64_t now_ns = CoarseNowNs();
  uint64_t took_ns = now_ns - began_ns_;
  if (took_ns >= slow_ns_) [[unlikely]]
    NoteSlow(now_ns, took_ns);
}

void DelayWatch::NoteSlow(uint64_t now_ns, uint64_t took_ns) {
  // On a busy machine a thread loses the processor anywhere, and a large copy takes its time.
  Usage before = sample_;
  Sample(now_ns);
  bool has_worked = sample_.cpu_ns - before.cpu_ns >= took_ns / 2;
  bool has_given_way = (sample_.preemptions - before.preemptions) * kPreemptionNs >= took_ns;
  if (has_worked || has_given_way) return;
  bool is_again = last_until_ns_ != 0 && now_ns - last_until_ns_ < kPeriodMaxNs;
  uint64_t period_ns = took_ns * (is_again ? kNextPeriodFactor : kPeriodFactor);
  last_until_ns_ = until_ns_ = now_ns + std::min(period_ns, kPeriodMaxNs);
}

void DelayWatch::Sample(uint64_t now_ns) {
  sampled_at_ns_ = now_ns;
  sample_ = ReadUsage();
}

DelayWatch::Usage DelayWatch::ReadUsage() {
  rusage usage;
  ThreadUsage(&usage);
  return {ToNs(usage.ru_utime) + ToNs(usage.ru_stime), static_cast<uint64_t>(usage.ru_nivcsw)};
}

}  // namespace ringlet
