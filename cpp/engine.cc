#include "engine.h"

#include <algorithm>

#include "check.h"

namespace ringlet {

Engine* Engine::Of(Napi::Env env) {
  void* engine = nullptr;
  napi_get_instance_data(env, &engine);
  if (engine == nullptr) {
    engine = new Engine(env);
    napi_set_instance_data(env, engine, nullptr, nullptr);
  }
  return static_cast<Engine*>(engine);
}

Engine::Engine(Napi::Env env) {
  RINGLET_CHECK(napi_get_uv_event_loop(env, &loop_) == napi_ok);
  hooks_ = new LoopHooks(loop_, [this] { TurnAll(); });
  napi_add_async_cleanup_hook(env, &Engine::CleanUp, this, &cleanup_handle_);
}

void Engine::Adopt(std::shared_ptr<RingHost> host) { hosts_.push_back(std::move(host)); }

void Engine::Forget(RingHost* host) {
  std::erase_if(hosts_, [host](const std::shared_ptr<RingHost>& held) { return held.get() == host; });
  if (hosts_.empty()) mounts_.Close();
  Refresh();
}

void Engine::Forget(WatchHost* watch) {
  std::erase_if(watches_, [watch](const std::shared_ptr<WatchHost>& held) { return held.get() == watch; });
}

void Engine::TurnAll() {
  bool has_run = false;
  // A turn runs JavaScript, which may make and close rings: walk a copy.
  if (hosts_.size() == 1) {
    std::shared_ptr<RingHost> only = hosts_.front();
    has_run = only->Turn(true);
  } else {
    for (const std::shared_ptr<RingHost>& host : std::vector(hosts_)) has_run |= host->Turn(true);
  }
  has_run_javascript_ = has_run && has_other_copy_;
  Refresh();
}

bool Engine::WouldBlock(const RingHost* waiting) {
  if (has_other_copy_) return false;
  for (const std::shared_ptr<RingHost>& host : hosts_) {
    if (host.get() != waiting && (host->has_more() || host->has_staged())) return false;
  }
  // Our own idle handle must not count; Refresh starts it again.
  if (is_keeping_turning_) hooks_->KeepTurning(is_keeping_turning_ = false);
  return hooks_->WouldBlock();
}

void Engine::Refresh() {
  if (is_cleaning_up_) return;
  bool is_loop_ref = false;
  // The JavaScript may have staged work on a ring of another copy of this addon, whose own look at its rings
  // came before ours: the loop goes round once more before it blocks.
  bool is_keeping_turning = has_run_javascript_;
  for (const std::shared_ptr<RingHost>& host : hosts_) {
    is_loop_ref |= host->wants_loop();
    // One ring's turn may have staged work on another whose own turn is over: do not block on it.
    is_keeping_turning |= host->has_more() || host->has_staged();
  }
  if (is_loop_ref != is_loop_ref_) hooks_->SetRef(is_loop_ref_ = is_loop_ref);
  if (is_keeping_turning != is_keeping_turning_)
    hooks_->KeepTurning(is_keeping_turning_ = is_keeping_turning);
}

void Engine::NoteClosed() {
  if (--closing_count_ > 0 || !is_cleaning_up_) return;
  // The last handle is gone: the environment may end.
  napi_remove_async_cleanup_hook(cleanup_handle_);
  delete this;
}

void Engine::CleanUp(napi_async_cleanup_hook_handle, void* arg) {
  auto* engine = static_cast<Engine*>(arg);
  engine->is_cleaning_up_ = true;
  engine->ExpectClose();
  for (const std::shared_ptr<RingHost>& host : engine->hosts_) host->Close();
  engine->hosts_.clear();
  for (const std::shared_ptr<WatchHost>& watch : engine->watches_) watch->Close();
  engine->watches_.clear();
  engine->owned_fds_.CloseAll();
  engine->hooks_->Close([engine] { engine->NoteClosed(); });
}

}  // namespace ringlet
