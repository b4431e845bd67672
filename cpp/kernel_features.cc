#include "kernel_features.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "ring.h"
#include "ring_profile.h"
#include "uring_abi.h"
#include "uring_syscalls.h"

namespace ringlet {
namespace {

constexpr uint32_t kOpsAskedAbout = 256;
constexpr uint64_t kPageBytes = 4096;
// No trial has anything to wait for.
constexpr uint32_t kTrialWaitUs = 1'000'000;

RingRequest PlainRequest(RingKernel kernel) {
  RingRequest request;
  request.kernel = kernel;
  request.submission_entries = 4;
  request.completion_entries = 8;
  request.completion_entries_min = 8;
  // Without the flags that a kernel may lack or that change who may do what.
  request.task_run = TaskRun::kInterrupt;
  return request;
}

// Submits one entry. Returns the result of its first completion; `last_flags` are those of the last one.
int Try(Ring& ring, const abi::Sqe& sqe, uint32_t* last_flags) {
  ring.Push(sqe);
  int result = -ETIME;
  bool is_first = true;
  bool has_more = true;
  while (has_more) {
    int submitted = ring.SubmitAndWait(1, kTrialWaitUs);
    abi::Cqe cqe;
    if (ring.Drain(&cqe, 1) == 0) return submitted < 0 && is_first ? submitted : result;
    if (is_first) result = cqe.res;
    is_first = false;
    has_more = (cqe.flags & abi::kCqeMore) != 0;
    *last_flags = cqe.flags;
  }
  return result;
}

int TryMultishotReceive(Ring& ring) {
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) return -errno;
  msghdr header = {};
  abi::Sqe sqe = {};
  sqe.opcode = abi::kOpRecvMsg;
  sqe.flags = abi::kSqeBufferSelect;  // a multishot receive without buffers to choose from is EINVAL
  sqe.ioprio = abi::kReceiveMultishot;
  sqe.fd = null;
  // SAFETY: the header outlives the request, whose completion is awaited below.
  sqe.addr = reinterpret_cast<uint64_t>(&header);
  sqe.len = 1;
  uint32_t flags = 0;
  int result = Try(ring, sqe, &flags);
  close(null);
  return result;
}

int TryZeroCopySend(Ring& ring, const msghdr* header, bool* has_notified) {
  abi::Sqe sqe = {};
  sqe.opcode = abi::kOpSendMsgZc;
  sqe.fd = -1;
  // SAFETY: the caller's header outlives the request, whose completions are awaited below.
  sqe.addr = reinterpret_cast<uint64_t>(header);
  sqe.len = 1;
  uint32_t flags = 0;
  int result = Try(ring, sqe, &flags);
  *has_notified = (flags & abi::kCqeNotification) != 0;
  return result;
}

int TryBufferRing(const RingHandle& ring, uint16_t flags) {
  void* page =
      mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (page == MAP_FAILED) return -errno;
  abi::BufferRingRegister buffers = {};
  // SAFETY: unregistered before the page goes.
  buffers.ring_addr = reinterpret_cast<uint64_t>(page);
  buffers.ring_entries = 8;
  buffers.flags = flags;
  int registered = UringRegister(ring, abi::kRegisterBufferRing, &buffers, 1);
  if (registered >= 0) {
    abi::BufferRingRegister gone = {};
    UringRegister(ring, abi::kUnregisterBufferRing, &gone, 1);
  }
  munmap(page, kPageBytes);
  return registered;
}

int TryResize(RingKernel kernel) {
  RingRequest request = PlainRequest(kernel);
  request.task_run = TaskRun::kDefer;
  RingSetup setup = SetUpRing(request);
  Ring ring;
  int result = setup.ring.fd < 0 ? setup.ring.fd : ring.Open(setup);
  if (result == 0) result = ring.Resize(ring.submission_entries(), ring.completion_entries() * 2);
  ring.Unmap();
  if (setup.ring.fd >= 0) UringClose(setup.ring);
  return result;
}

std::optional<KernelQuery> Query(const RingHandle& ring) {
  abi::QueryOpcodes answer = {};
  abi::QueryHeader header = {};
  header.query_data = reinterpret_cast<uint64_t>(&answer);
  header.query_op = abi::kQueryOpcodes;
  header.size = sizeof(answer);
  if (UringRegister(ring, abi::kRegisterQuery, &header, 0) < 0 || header.result < 0) return std::nullopt;
  return KernelQuery{answer.request_opcodes, answer.register_opcodes, answer.features,
                     answer.setup_flags,     answer.enter_flags,      answer.sqe_flags};
}

}  // namespace

std::vector<bool> ProbeOpcodes(const RingHandle& ring) {
  alignas(8) uint8_t memory[sizeof(abi::ProbeHeader) + kOpsAskedAbout * sizeof(abi::ProbeOp)] = {};
  std::vector<bool> opcodes;
  if (UringRegister(ring, abi::kRegisterProbe, memory, kOpsAskedAbout) < 0) return opcodes;
  auto* header = reinterpret_cast<abi::ProbeHeader*>(memory);
  auto* ops = reinterpret_cast<abi::ProbeOp*>(memory + sizeof(abi::ProbeHeader));
  for (uint32_t op = 0; op <= header->last_op && op < kOpsAskedAbout; op++) {
    opcodes.push_back((ops[op].flags & abi::kProbeOpSupported) != 0);
  }
  return opcodes;
}

KernelFeatures ProbeKernelFeatures(RingKernel kernel) {
  KernelFeatures found;
  RingSetup setup = SetUpRing(PlainRequest(kernel));
  Ring ring;
  found.setup = setup.ring.fd < 0 ? setup.ring.fd : ring.Open(setup);
  if (found.setup == 0) {
    found.features = setup.params.features;
    found.opcodes = ProbeOpcodes(setup.ring);
    msghdr header = {};
    bool is_unused;
    found.multishot_receive = TryMultishotReceive(ring);
    found.zero_copy_send = TryZeroCopySend(ring, &header, &found.has_notified);
    found.zero_copy_send_without_header = TryZeroCopySend(ring, nullptr, &is_unused);
    found.buffer_ring = TryBufferRing(setup.ring, 0);
    found.incremental_buffer_ring = TryBufferRing(setup.ring, abi::kBufferRingIncremental);
    abi::ResourceRegister table = {1, abi::kResourceRegisterSparse, 0, 0, 0};
    found.sparse_file_table = UringRegister(setup.ring, abi::kRegisterFiles2, &table, sizeof(table));
    found.registered_ring_fd = ring.RegisterRingFd();
    found.resized_ring = TryResize(kernel);
    found.query = Query(setup.ring);
  }
  ring.Unmap();
  if (setup.ring.fd >= 0) UringClose(setup.ring);
  return found;
}

}  // namespace ringlet
