// The binding's entry: what has a subject of its own is exported by the file of that subject, the rest here.
#include <napi.h>
#include <sys/mman.h>

#include <cerrno>

#include "check.h"
#include "engine.h"
#include "exports.h"
#include "fd_watch.h"
#include "layout.h"
#include "napi_values.h"
#include "native_ring.h"
#include "uring_syscalls.h"
#include "user_ring/simulation.h"

namespace ringlet {
namespace {

// addressOf(view): where the view's bytes begin. Exact in a double: user addresses have 47 bits.
Napi::Value AddressOf(const Napi::CallbackInfo& info) {
  size_t bytes;
  return Napi::Number::New(
      info.Env(), static_cast<double>(reinterpret_cast<uintptr_t>(BytesOf(info.Env(), info[0], &bytes))));
}

// adviseHugePages(address, bytes): memory of ours that was never written to, whole huge pages of it.
Napi::Value AdviseHugePages(const Napi::CallbackInfo& info) {
  auto address = static_cast<uintptr_t>(info[0].As<Napi::Number>().DoubleValue());
  auto bytes = static_cast<size_t>(info[1].As<Napi::Number>().DoubleValue());
  int advised = madvise(reinterpret_cast<void*>(address), bytes, MADV_HUGEPAGE);
  // Zeroed by an allocator that had it before, it may lie on small pages already: these go, and what is
  // touched next, zero again, comes as a huge one.
  if (advised == 0) advised = madvise(reinterpret_cast<void*>(address), bytes, MADV_DONTNEED);
  return Napi::Number::New(info.Env(), advised < 0 ? -errno : 0);
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

// noteOtherCopy(): rings of the other copy may be given work in our turns, and must have theirs after ours.
void NoteOtherCopy(const Napi::CallbackInfo& info) { Engine::Of(info.Env())->NoteOtherCopy(); }

// injectFault(call, errno, count): see uring_syscalls.h.
void InjectFaultInto(const Napi::CallbackInfo& info) {
  uint32_t call = ToUint32(info[0]);
  RINGLET_CHECK(call <= static_cast<uint32_t>(UringCall::kMap));
  InjectFault(static_cast<UringCall>(call), ToInt(info[1]), ToUint32(info[2]));
}

// The numbers in an array, as bits.
uint64_t BitsOf(const Napi::Value& numbers) {
  uint64_t bits = 0;
  auto array = numbers.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); i++) bits |= uint64_t{1} << (ToUint32(array.Get(i)) & 63);
  return bits;
}

// simulate(seed, gaps): see user_ring/simulation.h.
void SimulateOn(const Napi::CallbackInfo& info) {
  auto gaps = info[1].As<Napi::Object>();
  Simulate(ToUint32(info[0]),
           {BitsOf(gaps.Get("opcodes")), BitsOf(gaps.Get("registrations")), ToUint32(gaps.Get("setupFlags")),
            ToUint32(gaps.Get("receiveFlags")), ToUint32(gaps.Get("bufferRingFlags"))});
}

// simulated(): how often each thing has happened on this thread's rings, by its name.
Napi::Value Simulated(const Napi::CallbackInfo& info) {
  using user_ring::Mischief;
  Napi::Object counts = Napi::Object::New(info.Env());
#define RINGLET_EXPORT(name) \
  counts.Set(#name, static_cast<double>(user_ring::Simulation::CountOf(Mischief::name)));
  RINGLET_MISCHIEF(RINGLET_EXPORT)
#undef RINGLET_EXPORT
  return counts;
}

// The numbers of layout.h by name, for TypeScript to compare its own with.
Napi::Value Layout(Napi::Env env) {
  Napi::Object layout = Napi::Object::New(env);
#define RINGLET_EXPORT(name, value) layout.Set(#name, static_cast<double>(name));
  RINGLET_LAYOUT(RINGLET_EXPORT)
#undef RINGLET_EXPORT
  return layout;
}

Napi::Object Initialize(Napi::Env env, Napi::Object exports) {
  exports.Set("NativeRing", DefineNativeRing(env));
  exports.Set("NativeWatch", DefineNativeWatch(env));
  ExportProcess(env, exports);
  ExportSockets(env, exports);
  ExportFiles(env, exports);
  ExportPoolCalls(env, exports);
  ExportStreams(env, exports);
  exports.Set("pollNow", Napi::Function::New<PollNowOn>(env));
  exports.Set("saveSignal", Napi::Function::New<SaveSignal>(env));
  exports.Set("restoreSignal", Napi::Function::New<RestoreSignal>(env));
  exports.Set("addressOf", Napi::Function::New<AddressOf>(env));
  exports.Set("adviseHugePages", Napi::Function::New<AdviseHugePages>(env));
  exports.Set("noteOtherCopy", Napi::Function::New<NoteOtherCopy>(env));
  exports.Set("injectFault", Napi::Function::New<InjectFaultInto>(env));
  exports.Set("simulate", Napi::Function::New<SimulateOn>(env));
  exports.Set("simulated", Napi::Function::New<Simulated>(env));
  exports.Set("layout", Layout(env));
  return exports;
}

}  // namespace

NODE_API_MODULE(ringlet, Initialize)

}  // namespace ringlet
