#include <algorithm>
#include <vector>

#include "exports.h"
#include "file_table_trial.h"
#include "identity.h"
#include "kernel_features.h"
#include "napi_values.h"
#include "receive_trials.h"
#include "sq_poll_groups.h"

namespace ringlet {
namespace {

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
      thread.Set("cpus", ToArray(env, view.cpus));
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

// Of the following, each takes whether it is about rings in user space.
RingKernel KernelOf(const Napi::CallbackInfo& info) {
  return info[0].ToBoolean() ? RingKernel::kUserSpace : RingKernel::kSystem;
}

// probeKernel(isUserSpace): trials as a count or a negative errno each; `opcodes` as an array of booleans by
// number.
Napi::Value ProbeKernel(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  KernelFeatures found = ProbeKernelFeatures(KernelOf(info));
  Napi::Object probe = Napi::Object::New(env);
  probe.Set("setup", found.setup);
  probe.Set("features", found.features);
  probe.Set("opcodes", ToArray(env, found.opcodes));
  probe.Set("multishotReceive", found.multishot_receive);
  probe.Set("zeroCopySend", found.zero_copy_send);
  probe.Set("hasNotified", found.has_notified);
  probe.Set("zeroCopySendWithoutHeader", found.zero_copy_send_without_header);
  probe.Set("bufferRing", found.buffer_ring);
  probe.Set("incrementalBufferRing", found.incremental_buffer_ring);
  probe.Set("sparseFileTable", found.sparse_file_table);
  probe.Set("registeredRingFd", found.registered_ring_fd);
  probe.Set("resizedRing", found.resized_ring);
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

// tryReceives(isUserSpace): [incremental, bundled], each 0 or a negative errno.
Napi::Value TryReceivesHere(const Napi::CallbackInfo& info) {
  ReceiveTrials trials = TryReceives(KernelOf(info));
  Napi::Array answers = Napi::Array::New(info.Env(), 2);
  answers.Set(0u, trials.incremental);
  answers.Set(1u, trials.bundled);
  return answers;
}

// tryClearedSlot(isUserSpace): 0, or a negative errno; EBUSY where a cleared slot of the file table keeps its
// file.
Napi::Value TryClearedSlotHere(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), TryClearedSlot(KernelOf(info)));
}

// processIdentity(): what ReadIdentity says, as a Uint32Array.
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
  return ToArray(info.Env(), ringlet::AllowedCpus(0));
}

}  // namespace

void ExportProcess(Napi::Env env, Napi::Object exports) {
  exports.Set("groups", Napi::Function::New<Groups>(env));
  exports.Set("allowedCpus", Napi::Function::New<AllowedCpus>(env));
  exports.Set("probeKernel", Napi::Function::New<ProbeKernel>(env));
  exports.Set("tryReceives", Napi::Function::New<TryReceivesHere>(env));
  exports.Set("tryClearedSlot", Napi::Function::New<TryClearedSlotHere>(env));
  exports.Set("processIdentity", Napi::Function::New<ProcessIdentity>(env));
  exports.Set("hasIdentity", Napi::Function::New<HasIdentity>(env));
}

}  // namespace ringlet
