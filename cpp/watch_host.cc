#include "watch_host.h"

#include "check.h"
#include "engine.h"

namespace ringlet {

WatchHost::WatchHost(Engine* engine) : engine_(engine), watch_([this](uint32_t events) { Call(events); }) {}

WatchHost::~WatchHost() { RINGLET_CHECK(!is_started_); }

int WatchHost::Start(Napi::Env env, int fd, uint32_t events, Napi::Function on_events) {
  int error = watch_.Start(engine_->loop(), fd, events);
  if (error < 0) return error;
  is_started_ = true;
  on_events_ = Napi::Persistent(on_events);
  async_context_ = std::make_unique<Napi::AsyncContext>(env, "ringlet");
  return 0;
}

void WatchHost::Close() {
  if (!is_started_) return;
  is_started_ = false;
  on_events_.Reset();
  async_context_.reset();
  engine_->ExpectClose();
  // SAFETY: the loop's handle refers to this watch until it is closed.
  watch_.Close([self = shared_from_this(), engine = engine_] { engine->NoteClosed(); });
}

void WatchHost::Call(uint32_t events) {
  if (!is_started_) return;
  // The call may close the watch, and with it drop the references that it is made through.
  std::shared_ptr<WatchHost> self = shared_from_this();
  Napi::Env env = on_events_.Env();
  Napi::HandleScope scope(env);
  napi_value argument = Napi::Number::New(env, events);
  napi_value receiver = env.Global();
  napi_value result;
  napi_status status =
      napi_make_callback(env, *async_context_, receiver, on_events_.Value(), 1, &argument, &result);
  if (status == napi_ok) return;
  napi_value thrown;
  bool has_thrown = false;
  napi_is_exception_pending(env, &has_thrown);
  if (has_thrown && napi_get_and_clear_last_exception(env, &thrown) == napi_ok) {
    napi_fatal_exception(env, thrown);
  }
}

namespace {

class NativeWatch : public Napi::ObjectWrap<NativeWatch> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(
        env, "NativeWatch",
        {InstanceAccessor<&NativeWatch::Errno>("errno"), InstanceMethod<&NativeWatch::Close>("close")});
  }

  explicit NativeWatch(const Napi::CallbackInfo& info) : Napi::ObjectWrap<NativeWatch>(info) {
    RINGLET_CHECK(info[0].IsNumber() && info[1].IsNumber() && info[2].IsFunction());
    Engine* engine = Engine::Of(info.Env());
    host_.reset(new WatchHost(engine));
    error_ = host_->Start(info.Env(), info[0].As<Napi::Number>().Int32Value(),
                          info[1].As<Napi::Number>().Uint32Value(), info[2].As<Napi::Function>());
    if (error_ == 0) engine->Adopt(host_);
  }

 private:
  Napi::Value Errno(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), error_); }

  void Close(const Napi::CallbackInfo& info) {
    host_->Close();
    Engine::Of(info.Env())->Forget(host_.get());
  }

  std::shared_ptr<WatchHost> host_;
  int error_ = 0;
};

}  // namespace

Napi::Function DefineNativeWatch(Napi::Env env) { return NativeWatch::Define(env); }

}  // namespace ringlet
