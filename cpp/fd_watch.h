// One descriptor watched through epoll: for what a ring refuses to poll, or where there is no ring.
//
// Each watch has an epoll instance of its own, and the event loop polls that. Given the descriptor itself,
// libuv would make it non-blocking, refuse one that Node watches already, and report a hang-up as
// readable. Edge-triggered, as a ring's multishot poll is. Environment's thread only; no Node-API.
#ifndef RINGLET_FD_WATCH_H_
#define RINGLET_FD_WATCH_H_

#include <cstdint>
#include <functional>

#include "loop_hooks.h"

namespace ringlet {

class FdWatch {
 public:
  explicit FdWatch(std::function<void(uint32_t)> on_events) : on_events_(std::move(on_events)) {}
  FdWatch(const FdWatch&) = delete;
  FdWatch& operator=(const FdWatch&) = delete;

  // Reports at once when something of `events` (poll(2)'s bits) is so already. Returns 0 or -errno.
  int Start(uv_loop_s* loop, int fd, uint32_t events);
  // Reports nothing any more, and calls `on_closed` when the loop has let go. For a started watch, once.
  void Close(std::function<void()> on_closed);

 private:
  void Report();

  std::function<void(uint32_t)> on_events_;
  int epoll_fd_ = -1;
  WakeWatch* wake_watch_ = nullptr;
};

// What of `events` holds for the descriptor now (poll(2)), or -errno.
int PollNow(int fd, uint32_t events);

}  // namespace ringlet

#endif  // RINGLET_FD_WATCH_H_
