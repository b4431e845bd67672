// A descriptor's watch as JavaScript holds it: calls back into the environment, and ends with it at the
// latest.
#ifndef RINGLET_WATCH_HOST_H_
#define RINGLET_WATCH_HOST_H_

#include <napi.h>

#include <cstdint>
#include <memory>

#include "fd_watch.h"

namespace ringlet {

class Engine;

class WatchHost : public std::enable_shared_from_this<WatchHost> {
 public:
  explicit WatchHost(Engine* engine);
  ~WatchHost();
  WatchHost(const WatchHost&) = delete;
  WatchHost& operator=(const WatchHost&) = delete;

  // `on_events` gets poll(2)'s bits. Returns 0 or -errno.
  int Start(Napi::Env env, int fd, uint32_t events, Napi::Function on_events);
  // Safe to call again, and from within `on_events`.
  void Close();

 private:
  void Call(uint32_t events);

  Engine* engine_;
  FdWatch watch_;
  bool is_started_ = false;
  Napi::FunctionReference on_events_;
  std::unique_ptr<Napi::AsyncContext> async_context_;
};

// The class for TypeScript: new NativeWatch(fd, events, onEvents), its `errno`, and close().
Napi::Function DefineNativeWatch(Napi::Env env);

}  // namespace ringlet

#endif  // RINGLET_WATCH_HOST_H_
