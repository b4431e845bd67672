// The monotonic clock. Callable from any thread.
#ifndef RINGLET_CLOCK_H_
#define RINGLET_CLOCK_H_

#include <time.h>

#include <cstdint>

namespace ringlet {

inline uint64_t NowNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace ringlet

#endif  // RINGLET_CLOCK_H_
