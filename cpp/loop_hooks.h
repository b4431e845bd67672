// Our places in the event loop: just before it would block, and when a ring's descriptor wakes it.
//
// The only file that knows libuv. Everything runs on the loop's thread. The callbacks may call into
// JavaScript. Handles are closed the way libuv wants it: Close, and `on_closed` when the loop has
// let go of them all.
#ifndef RINGLET_LOOP_HOOKS_H_
#define RINGLET_LOOP_HOOKS_H_

#include <functional>

struct uv_loop_s;

namespace ringlet {

// A watch on one descriptor. Never keeps the loop alive by itself.
class WakeWatch {
 public:
  // Null when the loop refuses the descriptor.
  static WakeWatch* Start(uv_loop_s* loop, int fd, std::function<void()> on_readable);
  // From now on each signal wakes once, whether or not the one before was read: no read is needed any more.
  // For an eventfd that the loop has begun to watch. False where that can't be had.
  bool WakeOnEdges();
  // Deletes the watch once the loop has let go of it, then calls `on_closed`.
  void Close(std::function<void()> on_closed);

 private:
  struct Handle;
  explicit WakeWatch(Handle* handle) : handle_(handle) {}
  Handle* handle_;
};

class LoopHooks {
 public:
  // `before_block` runs once per loop turn, after timers and pending callbacks.
  LoopHooks(uv_loop_s* loop, std::function<void()> before_block);

  // Whether our work keeps the loop alive.
  void SetRef(bool is_ref);
  // While set, the loop polls without blocking and comes straight back to `before_block`.
  void KeepTurning(bool is_turning);
  // What becomes readable when a descriptor of the loop does.
  int fd() const;
  // Whether nothing is due in the loop for at least a millisecond.
  bool WouldBlock() const;
  // Deletes the hooks once the loop has let go of them, then calls `on_closed`.
  void Close(std::function<void()> on_closed);

 private:
  struct Handles;
  ~LoopHooks() = default;
  Handles* handles_;
};

}  // namespace ringlet

#endif  // RINGLET_LOOP_HOOKS_H_
