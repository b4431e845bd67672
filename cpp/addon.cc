// The binding: converts values between TypeScript and the engine. Arguments come from our own code
// (src/backend/uring), which has validated what users typed; here they are only CHECKed.
#include <napi.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "check.h"
#include "engine.h"
#include "fd_watch.h"
#include "identity.h"
#include "kernel_features.h"
#include "layout.h"
#include "socket_calls.h"
#include "uring_syscalls.h"

namespace ringlet {
namespace {

uint32_t ToUint32(const Napi::Value& value) {
  RINGLET_CHECK(value.IsNumber());
  return value.As<Napi::Number>().Uint32Value();
}

int ToInt(const Napi::Value& value) {
  RINGLET_CHECK(value.IsNumber());
  return value.As<Napi::Number>().Int32Value();
}

// The bytes that a view shows, whether over an ArrayBuffer or a SharedArrayBuffer.
void* BytesOf(Napi::Env env, const Napi::Value& view, size_t* bytes) {
  void* address = nullptr;
  bool is_data_view = false;
  napi_is_dataview(env, view, &is_data_view);
  if (is_data_view) {
    RINGLET_CHECK(napi_get_dataview_info(env, view, bytes, &address, nullptr, nullptr) == napi_ok);
    return address;
  }
  RINGLET_CHECK(napi_get_buffer_info(env, view, &address, bytes) == napi_ok);
  return address;
}

TaskRun ToTaskRun(const std::string& name) {
  if (name == "defer") return TaskRun::kDefer;
  if (name == "cooperative") return TaskRun::kCooperative;
  if (name == "interrupt") return TaskRun::kInterrupt;
  return TaskRun::kBest;
}

std::vector<int> ToIntegers(const Napi::Array& array) {
  std::vector<int> integers;
  for (uint32_t i = 0; i < array.Length(); i++) integers.push_back(ToInt(array.Get(i)));
  return integers;
}

Napi::Array ToArray(Napi::Env env, const std::vector<int>& integers) {
  Napi::Array array = Napi::Array::New(env, integers.size());
  for (uint32_t i = 0; i < integers.size(); i++) array.Set(i, integers[i]);
  return array;
}

RingHostOptions ToRingHostOptions(const Napi::Object& from) {
  RingHostOptions options;
  options.request.submission_entries = ToUint32(from.Get("submissionEntries"));
  options.request.completion_entries = ToUint32(from.Get("completionEntries"));
  options.request.completion_entries_min = ToUint32(from.Get("completionEntriesMin"));
  options.request.task_run = ToTaskRun(from.Get("taskRun").ToString());
  options.is_ring_fd_registered = from.Get("registerRingFd").ToBoolean();
  options.busy_poll_us = ToUint32(from.Get("busyPollUs"));
  options.gather_count = ToUint32(from.Get("gatherCount"));
  options.gather_us = ToUint32(from.Get("gatherUs"));
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
        {InstanceMethod<&NativeRing::Start>("start"), InstanceMethod<&NativeRing::Hold>("hold"),
         InstanceMethod<&NativeRing::Submit>("submit"), InstanceMethod<&NativeRing::Close>("close"),
         InstanceMethod<&NativeRing::SetRef>("setRef"), InstanceMethod<&NativeRing::Stats>("stats"),
         InstanceMethod<&NativeRing::Describe>("describe"),
         InstanceMethod<&NativeRing::SupportsOp>("supportsOp"),
         InstanceMethod<&NativeRing::RegisterFiles>("registerFiles"),
         InstanceMethod<&NativeRing::UpdateFile>("updateFile"),
         InstanceMethod<&NativeRing::RegisterBufferRing>("registerBufferRing"),
         InstanceMethod<&NativeRing::UnregisterBufferRing>("unregisterBufferRing")});
  }

  explicit NativeRing(const Napi::CallbackInfo& info) : Napi::ObjectWrap<NativeRing>(info) {
    host_ = std::make_shared<RingHost>(Engine::Of(info.Env()), ToRingHostOptions(info[0].As<Napi::Object>()));
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
    described.Set("fd", setup.fd);
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
      sq_poll.Set("threadId", ReadSqThreadAccount(setup.fd).thread_id);
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

  void Hold(const Napi::CallbackInfo&) { host_->Hold(); }
  void Submit(const Napi::CallbackInfo&) { host_->SubmitStaged(); }
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

  Napi::Value SupportsOp(const Napi::CallbackInfo& info) {
    constexpr uint32_t kOps = 256;
    alignas(8) uint8_t memory[sizeof(abi::ProbeHeader) + kOps * sizeof(abi::ProbeOp)] = {};
    uint32_t op = ToUint32(info[0]);
    int probed = UringRegister(host_->ring_fd(), abi::kRegisterProbe, memory, kOps);
    auto* ops = reinterpret_cast<abi::ProbeOp*>(memory + sizeof(abi::ProbeHeader));
    bool is_supported = probed >= 0 && op < kOps && (ops[op].flags & abi::kProbeOpSupported) != 0;
    return Napi::Boolean::New(info.Env(), is_supported);
  }

  // registerFiles(count): a sparse table.
  Napi::Value RegisterFiles(const Napi::CallbackInfo& info) {
    abi::ResourceRegister table = {ToUint32(info[0]), abi::kResourceRegisterSparse, 0, 0, 0};
    return Napi::Number::New(info.Env(),
                             UringRegister(host_->ring_fd(), abi::kRegisterFiles2, &table, sizeof(table)));
  }

  // updateFile(index, fd): fd -1 clears the slot.
  Napi::Value UpdateFile(const Napi::CallbackInfo& info) {
    int fd = ToInt(info[1]);
    abi::ResourceUpdate update = {ToUint32(info[0]), 0, reinterpret_cast<uint64_t>(&fd)};
    return Napi::Number::New(info.Env(),
                             UringRegister(host_->ring_fd(), abi::kRegisterFilesUpdate, &update, 1));
  }

  // registerBufferRing(groupId, address, entries)
  Napi::Value RegisterBufferRing(const Napi::CallbackInfo& info) {
    abi::BufferRingRegister ring = {};
    ring.bgid = static_cast<uint16_t>(ToUint32(info[0]));
    ring.ring_addr = static_cast<uint64_t>(info[1].As<Napi::Number>().DoubleValue());
    ring.ring_entries = ToUint32(info[2]);
    return Napi::Number::New(info.Env(), UringRegister(host_->ring_fd(), abi::kRegisterBufferRing, &ring, 1));
  }

  Napi::Value UnregisterBufferRing(const Napi::CallbackInfo& info) {
    abi::BufferRingRegister ring = {};
    ring.bgid = static_cast<uint16_t>(ToUint32(info[0]));
    return Napi::Number::New(info.Env(),
                             UringRegister(host_->ring_fd(), abi::kUnregisterBufferRing, &ring, 1));
  }

  std::shared_ptr<RingHost> host_;
  int open_error_ = 0;
};

// addressOf(view): where the view's bytes begin. Exact in a double: user addresses have 47 bits.
Napi::Value AddressOf(const Napi::CallbackInfo& info) {
  size_t bytes;
  return Napi::Number::New(
      info.Env(), static_cast<double>(reinterpret_cast<uintptr_t>(BytesOf(info.Env(), info[0], &bytes))));
}

// adviseHugePages(address, bytes): memory of ours, whole huge pages of it.
Napi::Value AdviseHugePages(const Napi::CallbackInfo& info) {
  auto address = static_cast<uintptr_t>(info[0].As<Napi::Number>().DoubleValue());
  auto bytes = static_cast<size_t>(info[1].As<Napi::Number>().DoubleValue());
  int advised = madvise(reinterpret_cast<void*>(address), bytes, MADV_HUGEPAGE);
  return Napi::Number::New(info.Env(), advised < 0 ? -errno : 0);
}

Napi::Value Groups(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  std::vector<SqPollGroupView> views = ListSqPollGroups();
  Napi::Array groups = Napi::Array::New(env, views.size());
  for (uint32_t i = 0; i < views.size(); i++) {
    Napi::Object group = Napi::Object::New(env);
    group.Set("name", views[i].name);
    group.Set("idleMs", views[i].idle_ms);
    group.Set("cpus", ToArray(env, views[i].cpus));
    Napi::Array threads = Napi::Array::New(env, views[i].threads.size());
    for (uint32_t j = 0; j < views[i].threads.size(); j++) {
      const SqPollThreadView& view = views[i].threads[j];
      Napi::Object thread = Napi::Object::New(env);
      thread.Set("index", view.index);
      thread.Set("threadId", view.account.thread_id);
      thread.Set("cpu", view.cpu < 0 ? env.Null() : Napi::Number::New(env, view.cpu));
      thread.Set("ringCount", view.ring_count);
      thread.Set("busyShare", view.busy_share);
      thread.Set("totalUs", static_cast<double>(view.account.total_us));
      thread.Set("workUs", static_cast<double>(view.account.work_us));
      threads.Set(j, thread);
    }
    group.Set("threads", threads);
    groups.Set(i, group);
  }
  return groups;
}

// probeKernel(): trials as a count or a negative errno each; `opcodes` as an array of booleans by number.
Napi::Value ProbeKernel(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  KernelFeatures found = ProbeKernelFeatures();
  Napi::Object probe = Napi::Object::New(env);
  probe.Set("setup", found.setup);
  probe.Set("features", found.features);
  Napi::Array opcodes = Napi::Array::New(env, found.opcodes.size());
  for (uint32_t i = 0; i < found.opcodes.size(); i++) opcodes.Set(i, static_cast<bool>(found.opcodes[i]));
  probe.Set("opcodes", opcodes);
  probe.Set("multishotReceive", found.multishot_receive);
  probe.Set("zeroCopySend", found.zero_copy_send);
  probe.Set("hasNotified", found.has_notified);
  probe.Set("zeroCopySendWithoutHeader", found.zero_copy_send_without_header);
  probe.Set("bufferRing", found.buffer_ring);
  probe.Set("incrementalBufferRing", found.incremental_buffer_ring);
  probe.Set("sparseFileTable", found.sparse_file_table);
  probe.Set("registeredRingFd", found.registered_ring_fd);
  if (!found.query) return probe;
  Napi::Object query = Napi::Object::New(env);
  query.Set("requestOpcodes", found.query->request_opcodes);
  query.Set("registerOpcodes", found.query->register_opcodes);
  query.Set("features", static_cast<double>(found.query->features));
  query.Set("setupFlags", static_cast<double>(found.query->setup_flags));
  query.Set("enterFlags", static_cast<double>(found.query->enter_flags));
  query.Set("sqeFlags", static_cast<double>(found.query->sqe_flags));
  probe.Set("query", query);
  return probe;
}

// processIdentity(): effective user, effective group, and the supplementary groups, as a Uint32Array.
Napi::Value ProcessIdentity(const Napi::CallbackInfo& info) {
  std::vector<uint32_t> identity = ReadIdentity();
  Napi::Uint32Array numbers = Napi::Uint32Array::New(info.Env(), identity.size());
  std::copy(identity.begin(), identity.end(), numbers.Data());
  return numbers;
}

// hasIdentity(Uint32Array): whether processIdentity() would say the same now.
Napi::Value HasIdentity(const Napi::CallbackInfo& info) {
  size_t bytes;
  auto* identity = static_cast<const uint32_t*>(BytesOf(info.Env(), info[0], &bytes));
  return Napi::Boolean::New(info.Env(), IsIdentity({identity, bytes / sizeof(uint32_t)}));
}

// The CPUs that this process may use.
Napi::Value AllowedCpus(const Napi::CallbackInfo& info) {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cpus;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
      if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
    }
  }
  return ToArray(info.Env(), cpus);
}

// bindDatagram(address, port, reuseAddress, reusePort, ipv6Only, broadcast, receiveBytes, sendBytes):
// { fd, syscall }, fd negative when `syscall` failed.
Napi::Value BindDatagram(const Napi::CallbackInfo& info) {
  DatagramSocketOptions options;
  options.reuse_address = info[2].ToBoolean();
  options.reuse_port = info[3].ToBoolean();
  options.ipv6_only = info[4].ToBoolean();
  options.broadcast = info[5].ToBoolean();
  options.receive_buffer_bytes = ToInt(info[6]);
  options.send_buffer_bytes = ToInt(info[7]);
  sockaddr_storage address;
  int bytes = EncodeAddress(info[0].ToString(), static_cast<uint16_t>(ToUint32(info[1])), &address);
  SocketOutcome outcome = {bytes, "bind"};
  if (bytes > 0) outcome = BindDatagramSocket(address, static_cast<socklen_t>(bytes), options);
  if (outcome.fd >= 0) Engine::Of(info.Env())->owned_fds().Add(outcome.fd);
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("fd", outcome.fd);
  result.Set("syscall", outcome.syscall == nullptr ? "" : outcome.syscall);
  return result;
}

Napi::Value AddressObject(Napi::Env env, const sockaddr_storage& address) {
  uint16_t port = 0;
  std::string text = DecodeAddress(address, &port);
  Napi::Object object = Napi::Object::New(env);
  object.Set("address", text);
  object.Set("port", port);
  object.Set("family", address.ss_family == AF_INET6 ? "IPv6" : "IPv4");
  return object;
}

// localAddress(fd)
Napi::Value LocalAddress(const Napi::CallbackInfo& info) {
  sockaddr_storage address = {};
  LocalName(ToInt(info[0]), &address);
  return AddressObject(info.Env(), address);
}

// encodeAddress(text, port, view): bytes written, or a negative errno.
Napi::Value EncodeAddressInto(const Napi::CallbackInfo& info) {
  sockaddr_storage address;
  int bytes = EncodeAddress(info[0].ToString(), static_cast<uint16_t>(ToUint32(info[1])), &address);
  size_t room;
  void* out = BytesOf(info.Env(), info[2], &room);
  if (bytes > 0) {
    RINGLET_CHECK(room >= static_cast<size_t>(bytes));
    std::memcpy(out, &address, static_cast<size_t>(bytes));
  }
  return Napi::Number::New(info.Env(), bytes);
}

// decodeAddress(view): the kernel's form as { address, port, family }.
Napi::Value DecodeAddressFrom(const Napi::CallbackInfo& info) {
  size_t bytes;
  void* from = BytesOf(info.Env(), info[0], &bytes);
  sockaddr_storage address = {};
  std::memcpy(&address, from, std::min(bytes, sizeof(address)));
  return AddressObject(info.Env(), address);
}

// closeFd(fd): for descriptors that no ring operation refers to any more.
Napi::Value CloseFd(const Napi::CallbackInfo& info) {
  int fd = ToInt(info[0]);
  Engine::Of(info.Env())->owned_fds().Remove(fd);
  return Napi::Number::New(info.Env(), close(fd) < 0 ? -errno : 0);
}

// pollNow(fd, events): what of the events holds, or a negative errno.
Napi::Value PollNowOn(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), PollNow(ToInt(info[0]), ToUint32(info[1])));
}

// saveSignal(number), restoreSignal(number): 0 or a negative errno.
Napi::Value SaveSignal(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), Engine::Of(info.Env())->saved_signals().Save(ToInt(info[0])));
}

Napi::Value RestoreSignal(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), Engine::Of(info.Env())->saved_signals().Restore(ToInt(info[0])));
}

// injectFault(call, errno, count): see uring_syscalls.h.
void InjectFaultInto(const Napi::CallbackInfo& info) {
  uint32_t call = ToUint32(info[0]);
  RINGLET_CHECK(call <= static_cast<uint32_t>(UringCall::kRegister));
  InjectFault(static_cast<UringCall>(call), ToInt(info[1]), ToUint32(info[2]));
}

// The numbers of layout.h by name, for TypeScript to compare its own with.
Napi::Value Layout(Napi::Env env) {
  Napi::Object layout = Napi::Object::New(env);
#define RINGLET_EXPORT(name) layout.Set(#name, static_cast<double>(name))
  RINGLET_EXPORT(CONTROL_SUBMISSION_TAIL);
  RINGLET_EXPORT(CONTROL_SUBMISSION_HEAD);
  RINGLET_EXPORT(CONTROL_HOLDERS);
  RINGLET_EXPORT(CONTROL_IS_HELD);
  RINGLET_EXPORT(CONTROL_COMPLETIONS);
  RINGLET_EXPORT(CONTROL_FAILURE);
  RINGLET_EXPORT(CONTROL_WORDS);
  RINGLET_EXPORT(SLOT_UNTRACKED);
  RINGLET_EXPORT(GENERATION_YIELDS_FD);
  RINGLET_EXPORT(COMPLETION_UNSEEKABLE);
  RINGLET_EXPORT(STAT_SUBMITTED);
  RINGLET_EXPORT(STAT_COMPLETED);
  RINGLET_EXPORT(STAT_ENTERS);
  RINGLET_EXPORT(STAT_BATCHES);
  RINGLET_EXPORT(STAT_WAKEUPS);
  RINGLET_EXPORT(STAT_OVERFLOWS);
  RINGLET_EXPORT(STAT_IN_KERNEL);
  RINGLET_EXPORT(STAT_TURNS);
  RINGLET_EXPORT(STAT_BUDGET_STOPS);
  RINGLET_EXPORT(STAT_SQ_WAKEUPS);
  RINGLET_EXPORT(STAT_RESIZES);
  RINGLET_EXPORT(STAT_WORDS);
  RINGLET_EXPORT(SHARED_SQ_THREAD_PASS);
#undef RINGLET_EXPORT
  return layout;
}

Napi::Object Initialize(Napi::Env env, Napi::Object exports) {
  exports.Set("NativeRing", NativeRing::Define(env));
  exports.Set("NativeWatch", DefineNativeWatch(env));
  exports.Set("pollNow", Napi::Function::New<PollNowOn>(env));
  exports.Set("saveSignal", Napi::Function::New<SaveSignal>(env));
  exports.Set("restoreSignal", Napi::Function::New<RestoreSignal>(env));
  exports.Set("addressOf", Napi::Function::New<AddressOf>(env));
  exports.Set("adviseHugePages", Napi::Function::New<AdviseHugePages>(env));
  exports.Set("groups", Napi::Function::New<Groups>(env));
  exports.Set("allowedCpus", Napi::Function::New<AllowedCpus>(env));
  exports.Set("probeKernel", Napi::Function::New<ProbeKernel>(env));
  exports.Set("processIdentity", Napi::Function::New<ProcessIdentity>(env));
  exports.Set("hasIdentity", Napi::Function::New<HasIdentity>(env));
  exports.Set("bindDatagram", Napi::Function::New<BindDatagram>(env));
  exports.Set("localAddress", Napi::Function::New<LocalAddress>(env));
  exports.Set("encodeAddress", Napi::Function::New<EncodeAddressInto>(env));
  exports.Set("decodeAddress", Napi::Function::New<DecodeAddressFrom>(env));
  exports.Set("closeFd", Napi::Function::New<CloseFd>(env));
  exports.Set("injectFault", Napi::Function::New<InjectFaultInto>(env));
  exports.Set("layout", Layout(env));
  return exports;
}

}  // namespace

NODE_API_MODULE(ringlet, Initialize)

}  // namespace ringlet
