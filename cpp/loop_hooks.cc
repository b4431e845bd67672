#include "loop_hooks.h"

#include <sys/epoll.h>
#include <uv.h>

#include <utility>

#include "check.h"

namespace ringlet {

struct WakeWatch::Handle {
  uv_poll_t poll;
  std::function<void()> on_readable;
  std::function<void()> on_closed;
  WakeWatch* owner = nullptr;
};

WakeWatch* WakeWatch::Start(uv_loop_s* loop, int fd, std::function<void()> on_readable) {
  auto* handle = new Handle;
  if (uv_poll_init(loop, &handle->poll, fd) != 0) {
    delete handle;
    return nullptr;
  }
  handle->on_readable = std::move(on_readable);
  handle->poll.data = handle;
  uv_poll_start(&handle->poll, UV_READABLE,
                [](uv_poll_t* poll, int, int) { static_cast<Handle*>(poll->data)->on_readable(); });
  uv_unref(reinterpret_cast<uv_handle_t*>(&handle->poll));
  auto* watch = new WakeWatch(handle);
  handle->owner = watch;
  return watch;
}

bool WakeWatch::WakeOnEdges() {
  int fd;
  if (uv_fileno(reinterpret_cast<uv_handle_t*>(&handle_->poll), &fd) != 0) return false;
  epoll_event event = {EPOLLIN | EPOLLET, {.fd = fd}};
  return epoll_ctl(uv_backend_fd(handle_->poll.loop), EPOLL_CTL_MOD, fd, &event) == 0;
}

void WakeWatch::Close(std::function<void()> on_closed) {
  handle_->on_closed = std::move(on_closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_->poll), [](uv_handle_t* closed) {
    auto* handle = static_cast<Handle*>(closed->data);
    std::function<void()> on_closed = std::move(handle->on_closed);
    delete handle->owner;
    delete handle;
    on_closed();
  });
}

struct LoopHooks::Handles {
  uv_prepare_t prepare;
  uv_idle_t idle;
  std::function<void()> before_block;
  std::function<void()> on_closed;
  LoopHooks* owner = nullptr;
  int open_count = 2;
};

LoopHooks::LoopHooks(uv_loop_s* loop, std::function<void()> before_block) : handles_(new Handles) {
  handles_->before_block = std::move(before_block);
  handles_->owner = this;
  RINGLET_CHECK(uv_prepare_init(loop, &handles_->prepare) == 0);
  RINGLET_CHECK(uv_idle_init(loop, &handles_->idle) == 0);
  handles_->prepare.data = handles_;
  handles_->idle.data = handles_;
  uv_prepare_start(&handles_->prepare,
                   [](uv_prepare_t* prepare) { static_cast<Handles*>(prepare->data)->before_block(); });
  uv_unref(reinterpret_cast<uv_handle_t*>(&handles_->prepare));
  uv_unref(reinterpret_cast<uv_handle_t*>(&handles_->idle));
}

void LoopHooks::SetRef(bool is_ref) {
  auto* prepare = reinterpret_cast<uv_handle_t*>(&handles_->prepare);
  if (is_ref) {
    uv_ref(prepare);
  } else {
    uv_unref(prepare);
  }
}

void LoopHooks::KeepTurning(bool is_turning) {
  if (is_turning) {
    uv_idle_start(&handles_->idle, [](uv_idle_t*) {});
  } else {
    uv_idle_stop(&handles_->idle);
  }
}

int LoopHooks::fd() const { return uv_backend_fd(handles_->prepare.loop); }

bool LoopHooks::WouldBlock() const {
  uv_loop_t* loop = handles_->prepare.loop;
  // Timers count from the loop's own clock, which stands still while our turns go on.
  uv_update_time(loop);
  return uv_backend_timeout(loop) != 0;
}

void LoopHooks::Close(std::function<void()> on_closed) {
  handles_->on_closed = std::move(on_closed);
  auto let_go = [](uv_handle_t* closed) {
    auto* handles = static_cast<Handles*>(closed->data);
    if (--handles->open_count > 0) return;
    std::function<void()> on_closed = std::move(handles->on_closed);
    delete handles->owner;
    delete handles;
    on_closed();
  };
  uv_close(reinterpret_cast<uv_handle_t*>(&handles_->prepare), let_go);
  uv_close(reinterpret_cast<uv_handle_t*>(&handles_->idle), let_go);
}

}  // namespace ringlet
