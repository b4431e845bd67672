// One engine per Node environment: the rings and watches made there, when each ring is turned, whether the
// event loop is kept alive, and how all of it ends. Everything runs on the environment's thread.
#ifndef RINGLET_ENGINE_H_
#define RINGLET_ENGINE_H_

#include <napi.h>

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "delay_watch.h"
#include "loop_hooks.h"
#include "mount_table.h"
#include "owned_fds.h"
#include "ring_host.h"
#include "saved_signals.h"
#include "watch_host.h"

namespace ringlet {

class Engine {
 public:
  explicit Engine(Napi::Env env);

  // The environment's engine, made at the first call. It deletes itself when the environment ends.
  static Engine* Of(Napi::Env env);

  void Adopt(std::shared_ptr<RingHost> host);
  void Forget(RingHost* host);
  void Adopt(std::shared_ptr<WatchHost> watch) { watches_.push_back(std::move(watch)); }
  void Forget(WatchHost* watch);
  void Refresh();
  // Whether the event loop would block now as far as all but `waiting` are concerned.
  bool WouldBlock(const RingHost* waiting);
  int loop_fd() const { return hooks_->fd(); }
  // The thread's JavaScript has loaded another copy of this addon.
  void NoteOtherCopy() { has_other_copy_ = true; }
  uv_loop_s* loop() const { return loop_; }
  OwnedFds& owned_fds() { return owned_fds_; }
  MountTable& mounts() { return mounts_; }
  DelayWatch& delays() { return delays_; }
  SavedSignals& saved_signals() { return saved_signals_; }
  // Keeps the environment's end waiting for a watch that is being closed.
  void ExpectClose() { closing_count_++; }
  void NoteClosed();

 private:
  static void CleanUp(napi_async_cleanup_hook_handle handle, void* engine);
  void TurnAll();

  uv_loop_s* loop_ = nullptr;
  LoopHooks* hooks_ = nullptr;
  std::vector<std::shared_ptr<RingHost>> hosts_;
  std::vector<std::shared_ptr<WatchHost>> watches_;
  OwnedFds owned_fds_;
  MountTable mounts_;
  DelayWatch delays_;
  SavedSignals saved_signals_;
  bool has_other_copy_ = false;
  bool is_loop_ref_ = false;
  bool is_keeping_turning_ = false;
  // Whether the last turns before the loop would block may have given other copies of this addon work.
  bool has_run_javascript_ = false;
  uint32_t closing_count_ = 0;
  napi_async_cleanup_hook_handle cleanup_handle_ = nullptr;
  bool is_cleaning_up_ = false;
};

}  // namespace ringlet

#endif  // RINGLET_ENGINE_H_
