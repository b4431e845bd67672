#include "native_ring.h"

#include <sys/uio.h>
#include <time.h>

#include <cerrno>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "check.h"
#include "engine.h"
#include "kernel_features.h"
#include "layout.h"
#include "napi_values.h"
#include "ring_host.h"
#include "uring_syscalls.h"

namespace ringlet {
namespace {

TaskRun ToTaskRun(const std::string& name) {
  if (name == "defer") return TaskRun::kDefer;
  if (name == "cooperative") return TaskRun::kCooperative;
  if (name == "interrupt") return TaskRun::kInterrupt;
  return TaskRun::kBest;
}

RingHostOptions ToRingHostOptions(const Napi::Object& from) {
  RingHostOptions options;
  if (from.Get("isUserSpace").ToBoolean()) options.request.kernel = RingKernel::kUserSpace;
  options.request.submission_entries = ToUint32(from.Get("submissionEntries"));
  options.request.completion_entries = ToUint32(from.Get("completionEntries"));
  options.request.completion_entries_min = ToUint32(from.Get("completionEntriesMin"));
  options.request.task_run = ToTaskRun(from.Get("taskRun").ToString());
  options.is_ring_fd_registered = from.Get("registerRingFd").ToBoolean();
  options.busy_poll_us = ToUint32(from.Get("busyPollUs"));
  options.coalesce.count = ToUint32(from.Get("coalesceCount"));
  options.coalesce.us = ToUint32(from.Get("coalesceUs"));
  options.coalesce.is_adaptive = from.Get("isCoalesceAdaptive").ToBoolean();
  options.collect_max = ToUint32(from.Get("collectMax"));
  options.completion_entries_max = ToUint32(from.Get("completionEntriesMax"));
  options.io_workers_bounded = ToUint32(from.Get("ioWorkersBounded"));
  options.io_workers_unbounded = ToUint32(from.Get("ioWorkersUnbounded"));
  if (!from.Get("sqPoll").IsObject()) return options;
  Napi::Object sq_poll = from.Get("sqPoll").As<Napi::Object>();
  options.request.is_sq_poll = true;
  SqPollGroupRequest group;
  if (sq_poll.Get("threads").IsNumber()) group.threads = ToUint32(sq_poll.Get("threads"));
  if (sq_poll.Get("cpus").IsArray()) group.cpus = ToIntegers(sq_poll.Get("cpus").As<Napi::Array>());
  if (sq_poll.Get("idleMs").IsNumber()) group.idle_ms = ToUint32(sq_poll.Get("idleMs"));
  if (sq_poll.Get("group").IsString()) {
    group.name = sq_poll.Get("group").ToString();
    options.group = std::move(group);
    return options;
  }
  options.request.idle_ms = group.idle_ms.value_or(kDefaultSqPollIdleMs);
  if (group.cpus && !group.cpus->empty()) options.request.cpu = group.cpus->front();
  return options;
}

class NativeRing : public Napi::ObjectWrap<NativeRing> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(
        env, "NativeRing",
        {InstanceMethod<&NativeRing::Start>("start"), InstanceMethod<&NativeRing::RefLoop>("refLoop"),
         InstanceMethod<&NativeRing::Submit>("submit"), InstanceMethod<&NativeRing::Close>("close"),
         InstanceMethod<&NativeRing::ResultOf>("resultOf"), InstanceMethod<&NativeRing::SetRef>("setRef"),
         InstanceMethod<&NativeRing::Stats>("stats"), InstanceMethod<&NativeRing::Describe>("describe"),
         InstanceMethod<&NativeRing::Opcodes>("opcodes"),
         InstanceMethod<&NativeRing::RegisterFiles>("registerFiles"),
         InstanceMethod<&NativeRing::UpdateFile>("updateFile"),
         InstanceMethod<&NativeRing::RegisterBuffers>("registerBuffers"),
         InstanceMethod<&NativeRing::UpdateBuffer>("updateBuffer"),
         InstanceMethod<&NativeRing::RegisterBufferRing>("registerBufferRing"),
         InstanceMethod<&NativeRing::UnregisterBufferRing>("unregisterBufferRing")});
  }

  explicit NativeRing(const Napi::CallbackInfo& info) : Napi::ObjectWrap<NativeRing>(info) {
    host_.reset(new RingHost(Engine::Of(info.Env()), ToRingHostOptions(info[0].As<Napi::Object>())));
    open_error_ = host_->Open();
    if (open_error_ == 0) Engine::Of(info.Env())->Adopt(host_);
  }

 private:
  // { errno } when the kernel refused, otherwise the ring as it really is.
  Napi::Value Describe(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    const RingSetup& setup = host_->setup();
    Napi::Object described = Napi::Object::New(env);
    described.Set("errno", open_error_);
    described.Set("conflictingOption", host_->join().conflicting_option);
    described.Set("inForce", host_->join().in_force);
    described.Set("fd", setup.ring.fd);
    described.Set("features", setup.params.features);
    described.Set("submissionEntries", setup.params.sq_entries);
    described.Set("completionEntries", setup.params.cq_entries);
    described.Set("ringFdRegistration", host_->ring_fd_registration());
    std::vector<std::string> names = SetupFlagNames(setup.params.flags);
    Napi::Array flags = Napi::Array::New(env, names.size());
    for (uint32_t i = 0; i < names.size(); i++) flags.Set(i, names[i]);
    described.Set("flags", flags);
    Napi::Array degraded = Napi::Array::New(env, setup.degraded.size());
    for (uint32_t i = 0; i < setup.degraded.size(); i++) {
      Napi::Object degradation = Napi::Object::New(env);
      degradation.Set("what", setup.degraded[i].what);
      degradation.Set("reason", setup.degraded[i].reason);
      degraded.Set(i, degradation);
    }
    described.Set("degraded", degraded);
    if (open_error_ == 0 && host_->ring().is_sq_poll()) {
      Napi::Object sq_poll = Napi::Object::New(env);
      const auto& seat = host_->seat();
      sq_poll.Set("group", seat ? Napi::String::New(env, seat->group) : env.Null());
      sq_poll.Set("threadIndex", seat ? seat->thread_index : 0);
      sq_poll.Set(
          "cpu",
          seat ? seat->cpu
               : (setup.params.flags & abi::kSetupSqAff ? static_cast<int>(setup.params.sq_thread_cpu) : -1));
      sq_poll.Set("idleMs", seat ? seat->idle_ms : setup.params.sq_thread_idle);
      sq_poll.Set("threadId", ReadSqThreadAccount(setup.ring.fd).thread_id);
      described.Set("sqPoll", sq_poll);
    }
    return described;
  }

  // start(control, submissions, completions, settle)
  Napi::Value Start(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    size_t control_bytes, submission_bytes, completion_bytes;
    SharedBlocks blocks;
    blocks.control = static_cast<uint32_t*>(BytesOf(env, info[0], &control_bytes));
    blocks.submissions = static_cast<abi::Sqe*>(BytesOf(env, info[1], &submission_bytes));
    blocks.completions = static_cast<abi::Cqe*>(BytesOf(env, info[2], &completion_bytes));
    RINGLET_CHECK(control_bytes == CONTROL_WORDS * sizeof(uint32_t));
    uint32_t capacity = static_cast<uint32_t>(submission_bytes / sizeof(abi::Sqe));
    RINGLET_CHECK(capacity > 0 && (capacity & (capacity - 1)) == 0);
    blocks.submission_mask = capacity - 1;
    blocks.completion_capacity = static_cast<uint32_t>(completion_bytes / sizeof(abi::Cqe));
    RINGLET_CHECK(blocks.completion_capacity > 0);
    // The blocks and this object live as long as the ring is open.
    Napi::Object keep_alive = Napi::Object::New(env);
    keep_alive.Set("ring", info.This());
    for (uint32_t i = 0; i < 3; i++) keep_alive.Set(i, info[i]);
    bool is_started = host_->Start(env, blocks, keep_alive, info[3].As<Napi::Function>());
    return Napi::Boolean::New(env, is_started);
  }

  void RefLoop(const Napi::CallbackInfo&) { host_->RefLoop(); }
  // submit(): whether the kernel has taken everything that was staged.
  Napi::Value Submit(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), host_->SubmitStaged());
  }

  // Also among those for which the completion queue has had no room.
  static const abi::Cqe* FindLast(Ring& ring, uint64_t user_data) {
    const abi::Cqe* cqe = ring.FindLast(user_data);
    while (cqe == nullptr && ring.HasOverflowed() && ring.SetAside()) cqe = ring.FindLast(user_data);
    return cqe;
  }

  // resultOf(slot, generation, ms_max): what has become of an operation that was submitted, ahead of its
  // terminal completion, which comes as any other; -EAGAIN if that can't be told. Waits for an SQ thread
  // only.
  Napi::Value ResultOf(const Napi::CallbackInfo& info) {
    constexpr uint32_t kLooksPerMs = 50;
    constexpr timespec kLookAgain = {0, 1'000'000 / kLooksPerMs};
    if (host_->is_closed()) return Napi::Number::New(info.Env(), -EAGAIN);
    uint64_t user_data = static_cast<uint64_t>(ToUint32(info[1])) << 32 | ToUint32(info[0]);
    uint32_t looks_max = ToUint32(info[2]) * kLooksPerMs;
    Ring& ring = host_->ring();
    const abi::Cqe* cqe = FindLast(ring, user_data);
    // An SQ thread takes it in its own time, which others on it may make long.
    for (uint32_t i = 0; cqe == nullptr && ring.is_sq_poll() && i < looks_max; i++) {
      nanosleep(&kLookAgain, nullptr);
      cqe = FindLast(ring, user_data);
    }
    return Napi::Number::New(info.Env(), cqe == nullptr ? -EAGAIN : cqe->res);
  }
  void SetRef(const Napi::CallbackInfo& info) { host_->SetRef(info[0].ToBoolean()); }

  void Close(const Napi::CallbackInfo& info) {
    if (host_->is_closed()) return;
    host_->Close();
    Engine::Of(info.Env())->Forget(host_.get());
  }

  // stats(Float64Array)
  void Stats(const Napi::CallbackInfo& info) {
    size_t bytes;
    auto* stats = static_cast<double*>(BytesOf(info.Env(), info[0], &bytes));
    RINGLET_CHECK(bytes == STAT_WORDS * sizeof(double));
    host_->ReadStats(stats);
  }

  // opcodes(): whether the kernel knows each, by number.
  Napi::Value Opcodes(const Napi::CallbackInfo& info) {
    return ToArray(info.Env(), ProbeOpcodes(host_->handle()));
  }

  // registerFiles(count): a sparse table.
  Napi::Value RegisterFiles(const Napi::CallbackInfo& info) {
    abi::ResourceRegister table = {ToUint32(info[0]), abi::kResourceRegisterSparse, 0, 0, 0};
    return Napi::Number::New(info.Env(),
                             UringRegister(host_->handle(), abi::kRegisterFiles2, &table, sizeof(table)));
  }

  // updateFile(index, fd): fd -1 clears the slot.
  Napi::Value UpdateFile(const Napi::CallbackInfo& info) {
    int fd = ToInt(info[1]);
    abi::ResourceUpdate update = {ToUint32(info[0]), 0, reinterpret_cast<uint64_t>(&fd)};
    return Napi::Number::New(info.Env(),
                             UringRegister(host_->handle(), abi::kRegisterFilesUpdate, &update, 1));
  }

  // registerBuffers(count): a sparse table.
  Napi::Value RegisterBuffers(const Napi::CallbackInfo& info) {
    abi::ResourceRegister table = {ToUint32(info[0]), abi::kResourceRegisterSparse, 0, 0, 0};
    return Napi::Number::New(info.Env(),
                             UringRegister(host_->handle(), abi::kRegisterBuffers2, &table, sizeof(table)));
  }

  // updateBuffer(index, address, bytes): pins the memory's pages; both 0 clear the slot.
  // SAFETY: kept alive by RegisteredBuffers, which holds the ArrayBuffer until it has cleared the slot or the
  // ring is closed. The kernel itself holds on to the pages for as long as an operation names them.
  Napi::Value UpdateBuffer(const Napi::CallbackInfo& info) {
    iovec memory = {reinterpret_cast<void*>(static_cast<uintptr_t>(info[1].As<Napi::Number>().DoubleValue())),
                    static_cast<size_t>(info[2].As<Napi::Number>().DoubleValue())};
    abi::ResourceUpdate2 update = {ToUint32(info[0]), 0, reinterpret_cast<uint64_t>(&memory), 0, 1, 0};
    return Napi::Number::New(
        info.Env(), UringRegister(host_->handle(), abi::kRegisterBuffersUpdate, &update, sizeof(update)));
  }

  // registerBufferRing(groupId, address, entries, isIncremental)
  Napi::Value RegisterBufferRing(const Napi::CallbackInfo& info) {
    abi::BufferRingRegister ring = {};
    ring.bgid = static_cast<uint16_t>(ToUint32(info[0]));
    ring.ring_addr = static_cast<uint64_t>(info[1].As<Napi::Number>().DoubleValue());
    ring.ring_entries = ToUint32(info[2]);
    if (info[3].ToBoolean()) ring.flags = abi::kBufferRingIncremental;
    return Napi::Number::New(info.Env(), UringRegister(host_->handle(), abi::kRegisterBufferRing, &ring, 1));
  }

  Napi::Value UnregisterBufferRing(const Napi::CallbackInfo& info) {
    abi::BufferRingRegister ring = {};
    ring.bgid = static_cast<uint16_t>(ToUint32(info[0]));
    return Napi::Number::New(info.Env(),
                             UringRegister(host_->handle(), abi::kUnregisterBufferRing, &ring, 1));
  }

  std::shared_ptr<RingHost> host_;
  int open_error_ = 0;
};

}  // namespace

Napi::Function DefineNativeRing(Napi::Env env) { return NativeRing::Define(env); }

}  // namespace ringlet
