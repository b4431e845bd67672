// Timeouts in the order in which they end. The ring's own thread only.
#ifndef RINGLET_USER_RING_TIMERS_H_
#define RINGLET_USER_RING_TIMERS_H_

#include <cstdint>
#include <set>
#include <utility>

#include "request.h"

namespace ringlet::user_ring {

class Timers {
 public:
  void Add(Request* request) {
    request->place = Place::kTimer;
    waiting_.emplace(request->deadline_ns, request);
  }
  void Remove(Request* request) {
    request->place = Place::kNone;
    waiting_.erase({request->deadline_ns, request});
  }
  // One that is over, taken out; null when there is none.
  Request* TakeExpired(uint64_t now_ns) {
    if (waiting_.empty() || waiting_.begin()->first > now_ns) return nullptr;
    Request* request = waiting_.begin()->second;
    Remove(request);
    return request;
  }
  // 0 when there is none.
  uint64_t next_ns() const { return waiting_.empty() ? 0 : waiting_.begin()->first; }

 private:
  std::set<std::pair<uint64_t, Request*>> waiting_;
};

}  // namespace ringlet::user_ring

#endif  // RINGLET_USER_RING_TIMERS_H_
